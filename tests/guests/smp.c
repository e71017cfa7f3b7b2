// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two vCPUs: starting and stopping, doorbells between them, user code of one space on both, FPU
 * state that moves, and the remote flush. All lines are printed by vCPU 0.
 */
#include "lib.h"

#define MS	1000000ULL
#define LONG	(20000 * MS)
#define AT	0x30000000UL

/* ---- vCPU 1 does what vCPU 0 says ------------------------------------- */

static void (*volatile job)(void);
static volatile kap_u32 starts, cpu_seen, off_seen, stopping;
static kap_u8 stack1[KAP_STACK_SIZE] __attribute__((aligned(KAP_STACK_SIZE)));

static void second(void)
{
	cpu_seen = this_cpu();
	off_seen = irqs_are_off();
	__atomic_fetch_add(&starts, 1, __ATOMIC_RELEASE);
	while (!stopping) {
		void (*now)(void) = job;

		if (!now) {
			kap_idle(1);
			kap_take_pending(1);
			continue;
		}
		now();
		__atomic_store_n(&job, NULL, __ATOMIC_RELEASE);
	}
	kap_vcpu_stop();
}

static int wait_for(volatile kap_u32 *word, kap_u32 value)
{
	kap_u64 end = kap_now() + LONG;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (kap_now() > end)
			return 0;
	return 1;
}

static void start_job(void (*fn)(void))
{
	job = fn;
	kap_ring_vcpu(1, KAP_BELL_IPI);
}

static int job_done(void)
{
	kap_u64 end = kap_now() + LONG;

	while (__atomic_load_n(&job, __ATOMIC_ACQUIRE)) {
		if (kap_now() > end)
			return 0;
		/* The other shim may want something of this one. */
		kap_take_pending(0);
	}
	return 1;
}

static void nothing(void)
{
}

static void test_start(void)
{
	check_eq(kap_vcpu_start(1, stack1, second), 0, "vCPU 1 starts");
	check(wait_for(&starts, 1), "and comes up");
	check_eq(cpu_seen, 1, "it knows who it is");
	check_eq(off_seen, 1, "interrupts are off there");
	check(kap_vcpu(1)->host_tid && kap_vcpu(1)->host_tid != kap_vcpu(0)->host_tid,
	      "it has a host thread of its own");
	check_eq(kap_vcpu(1)->host_pid, kap_vcpu(0)->host_pid, "in the same process");
	for (int i = 0; i < 2000; i++) {
		start_job(nothing);
		if (!job_done())
			break;
	}
	check(!job, "2000 rings wake it from idling");
}

/* ---- doorbells to running kernel code ---------------------------------- */

static volatile kap_u32 rang[2], spinning, enough;

static void count_per_cpu(struct kap_regs *regs)
{
	(void)regs;
	kap_take_pending(this_cpu());
	rang[this_cpu()]++;
}

static void spin_with_interrupts(void)
{
	irqs_on();
	spinning = 1;
	while (!enough)
		;
	irqs_off();
}

static void test_rings(void)
{
	kap_u32 i;

	on_interrupt = count_per_cpu;
	start_job(spin_with_interrupts);
	wait_for(&spinning, 1);
	rang[1] = 0;
	for (i = 0; i < 500; i++) {
		kap_ring_vcpu(1, KAP_BELL_IPI);
		if (!wait_for(&rang[1], i + 1))
			break;
	}
	check_eq(i, 500, "500 rings interrupt running kernel code of vCPU 1");
	enough = 1;
	check(job_done(), "which goes on afterwards");
	check_eq(rang[0], 0, "nothing of this interrupted vCPU 0");
}

/* ---- one space, two vCPUs ----------------------------------------------- */

/* Says its own word, waits for the other's: neither ends unless both run at the same time. */
USER_PROGRAM(meet_a, "movl $0x20000000, %ebx; movl $20000, %ecx\n"
		     "1: movl %ecx, (%rbx)\n"
		     "2: cmpl %ecx, 64(%rbx); jne 2b\n"
		     "decl %ecx; jnz 1b; syscall");
USER_PROGRAM(meet_b, "movl $0x20000000, %ebx; movl $20000, %ecx\n"
		     "1: cmpl %ecx, (%rbx); jne 1b\n"
		     "movl %ecx, 64(%rbx)\n"
		     "decl %ecx; jnz 1b; syscall");

static struct user a, b;

static void run_b(void)
{
	user_run(&b);
}

/* b's program lies in the second half of the page that they share. */
static void load_b(const char *start, const char *end)
{
	memcpy(a.code + PAGE / 2, start, end - start);
	memset(&b.regs, 0, sizeof(b.regs));
	b.regs.ip = USER_CODE + PAGE / 2;
	b.regs.sp = USER_STACK - PAGE / 2;
	kap_regs_sanitize(&b.regs);
}

static void test_parallel(void)
{
	user_load(&a, meet_a);
	load_b(meet_b, meet_b_end);
	start_job(run_b);
	check_eq(user_run_for(&a, LONG), KAP_TRAP_SYSCALL,
		 "two threads of one space hand each other 20000 words");
	check(job_done(), "and both come to their end");
	check_eq(b.trap.kind, KAP_TRAP_SYSCALL, "with a system call");
}

/* ---- FPU state that moves ---------------------------------------------- */

USER_PROGRAM(fpu_set, "movq %rax, %xmm5; syscall; movq %xmm5, %rax; syscall");
USER_PROGRAM(fpu_other, "movl $99, %eax; movq %rax, %xmm5; syscall");

static void run_a(void)
{
	user_run(&a);
}

static void save_a(void)
{
	memset(a.fpu.area, 0, kap_xsave_size());
	kap_fpu_save(&a.fpu);
}

static void test_fpu(void)
{
	kap_u32 wrong = 0;

	for (kap_u64 i = 1; i <= 200; i++) {
		user_load(&a, fpu_set);
		a.regs.ax = i * 0x10001;
		user_run(&a);
		/* Another thread takes a's runner on vCPU 0 in every second turn. */
		load_b(fpu_other, fpu_other_end);
		if (i & 1)
			user_run(&b);
		start_job(run_a);
		if (!job_done())
			break;
		wrong += a.regs.orig_ax != i * 0x10001;
	}
	check_eq(wrong, 0, "a thread that moves to another vCPU 200 times keeps its xmm registers");
	user_load(&a, fpu_set);
	a.regs.ax = 0x77;
	user_run(&a);
	kap_fpu_save(&a.fpu);
	check_eq(*(kap_u64 *)((kap_u8 *)a.fpu.area + 160 + 5 * 16), 0x77,
		 "they can be saved where it runs");
	start_job(save_a);
	check(job_done(), "and from another vCPU");
	check_eq(*(kap_u64 *)((kap_u8 *)a.fpu.area + 160 + 5 * 16), 0x77, "with the same value");
	user_run(&a);
	check_eq(a.regs.orig_ax, 0x77, "the thread goes on with them");
}

/* ---- the remote flush ---------------------------------------------------- */

/* Looks at a page until it holds something that it must never see. */
USER_PROGRAM(watch, "movl $0x30000000, %ebx; movl $0x20000000, %edx\n"
		    "1: incl 128(%rdx); cmpl $0, (%rbx); je 1b; syscall");

static void test_flush(void)
{
	kap_u32 *page = pages(1), faults = 0, seen = 0, i;
	volatile kap_u32 *turns = (kap_u32 *)(a.data + 128);

	for (i = 0; i < 300; i++) {
		kap_u32 before;

		*page = 0;
		kap_space_begin(a.space);
		kap_space_map(a.space, AT, kap_phys(page), PAGE, KAP_PROT_READ);
		kap_space_end(a.space);
		load_b(watch, watch_end);
		before = *turns;
		start_job(run_b);
		for (kap_u64 end = kap_now() + LONG; *turns == before && kap_now() < end;)
			;
		kap_space_begin(a.space);
		kap_space_unmap(a.space, AT, PAGE);
		if (!asked("noflush"))
			kap_space_flush(a.space);
		kap_space_end(a.space);
		*page = 1;
		if (!job_done())
			break;
		faults += b.trap.kind == KAP_TRAP_FAULT;
		seen += b.trap.kind == KAP_TRAP_SYSCALL;
	}
	check_eq(seen, 0, "after a flush no user code on another vCPU sees the page");
	check_eq(faults, 300, "it faults instead, 300 times");
}

/* ---- stopping ---------------------------------------------------------- */

static void test_stop(void)
{
	kap_s32 tid = kap_vcpu(1)->host_tid;

	/* Its runner keeps b's state while it is stopped. */
	load_b(fpu_set, fpu_set_end);
	b.regs.ax = 0x1234;
	start_job(run_b);
	job_done();
	stopping = 1;
	kap_ring_vcpu(1, KAP_BELL_IPI);
	check(wait_for(&kap_vcpu(1)->state, KAP_VCPU_OFF), "vCPU 1 stops");
	user_run(&b);
	check_eq(b.regs.orig_ax, 0x1234, "what its runner held can still be had");
	stopping = 0;
	check_eq(kap_vcpu_start(1, stack1, second), 0, "it starts again");
	check(wait_for(&starts, 2), "at its beginning");
	/* Unless it was stopped in a process of the direct engine. */
	if (kap_boot_info()->engine == KAP_ENGINE_PTRACE)
		check_eq(kap_vcpu(1)->host_tid, tid, "in the same host thread");
	start_job(nothing);
	check(job_done(), "and works");
}

void test(void)
{
	user_create(&a, NULL);
	user_create(&b, &a);
	test_start();
	test_rings();
	test_parallel();
	test_fpu();
	test_flush();
	test_stop();
}
