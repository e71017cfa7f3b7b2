// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells: user code, kernel code and nested interrupts, at the right times only. */
#include "lib.h"

#define MS 1000000ULL

USER_PROGRAM(spin_user, "1: inc %rax; jmp 1b");

static struct user u;
static volatile kap_u64 interrupted_ip;
static volatile int off_in_handler, nesting, deepest;

static void wait_until(kap_u64 ns)
{
	while (kap_now() < ns)
		;
}

static void note_it(struct kap_regs *regs)
{
	nr_interrupts++;
	off_in_handler = irqs_are_off() && (regs->flags & KAP_FLAGS_IF);
	interrupted_ip = regs->ip;
	kap_take_pending(0);
}

static void user_code(void)
{
	kap_u64 start = kap_now(), took;

	user_create(&u, NULL);
	user_load(&u, spin_user);
	kap_set_deadline(0, start + 5 * MS);
	check_eq(user_step(&u), KAP_TRAP_DOORBELL, "a deadline ends an endless loop");
	took = kap_now() - start;
	check(took >= 5 * MS, "not before its time");
	check(took < 500 * MS, "nor long after");
	check_eq(kap_take_pending(0), KAP_BELL_TIMER, "the bell is the timer's");
	check_eq(kap_take_pending(0), 0, "taken once, it is gone");
	check(u.regs.ax > 1000, "the user's registers are there");
	check(u.regs.ip >= USER_CODE && u.regs.ip < USER_CODE + 8, "ip is in the loop");
	kap_u64 before = u.regs.ax;

	kap_set_deadline(0, kap_now() + 2 * MS);
	user_step(&u);
	check(u.regs.ax > before, "the loop goes on where it was");
	kap_take_pending(0);

	kap_set_deadline(0, 1);
	wait_until(kap_now() + MS);
	before = u.regs.ax;
	check_eq(user_step(&u), KAP_TRAP_DOORBELL, "a pending bell comes before user code");
	check_eq(u.regs.ax, before, "which does not run at all");
	kap_take_pending(0);
	check_eq(nr_interrupts, 0, "no interrupt came while interrupts were off");

	kap_ring_vcpu(0, KAP_BELL_IPI);
	check_eq(user_step(&u), KAP_TRAP_DOORBELL, "a vCPU can ring itself");
	check_eq(kap_take_pending(0), KAP_BELL_IPI, "with a bell of its choice");
	kap_set_deadline(0, kap_now() + MS);
	kap_set_deadline(0, ~0ULL);
	wait_until(kap_now() + 5 * MS);
	check_eq(kap_take_pending(0), 0, "a deadline that is taken back does not ring");
}

static void kernel_code(void)
{
	kap_u64 start;

	on_interrupt = note_it;
	irqs_on();
	start = kap_now();
	kap_set_deadline(0, start + 2 * MS);
	while (!nr_interrupts && kap_now() < start + 1000 * MS)
		;
	check_eq(nr_interrupts, 1, "kernel code is interrupted");
	check(kap_now() >= start + 2 * MS, "in time");
	check(off_in_handler, "interrupts are off in the handler, and were on");
	check(!irqs_are_off(), "and are on again behind it");
	check(interrupted_ip >= KAP_WINDOW + KAP_PHYS_RAM, "it knows where it interrupted");

	irqs_off();
	kap_set_deadline(0, kap_now() + MS);
	wait_until(kap_now() + 10 * MS);
	check_eq(nr_interrupts, 1, "with interrupts off there is none");
	check_eq(kap_vcpu(0)->pending, KAP_BELL_TIMER, "but the bell is pending");
	irqs_on();
	check_eq(nr_interrupts, 2, "it comes when they are on again");
	irqs_on();
	check_eq(nr_interrupts, 2, "and only once");
	irqs_off();
}

static void nested(struct kap_regs *regs)
{
	kap_u64 until;

	(void)regs;
	kap_take_pending(0);
	nr_interrupts++;
	if (++nesting > deepest)
		deepest = nesting;
	if (nesting < 4) {
		unsigned int seen = nr_interrupts;

		until = kap_now() + 1000 * MS;
		kap_set_deadline(0, kap_now() + MS);
		irqs_on();
		while (nr_interrupts == seen && kap_now() < until)
			;
		irqs_off();
	}
	nesting--;
}

static void nesting_handlers(void)
{
	kap_u64 until = kap_now() + 1000 * MS;

	nr_interrupts = deepest = 0;
	on_interrupt = nested;
	kap_set_deadline(0, kap_now() + MS);
	irqs_on();
	while (!nr_interrupts && kap_now() < until)
		;
	irqs_off();
	check_eq(deepest, 4, "handlers that turn interrupts on are interrupted in turn");
	check_eq(nesting, 0, "and all of them come back");
}

static void again(struct kap_regs *regs)
{
	(void)regs;
	nr_interrupts++;
	kap_take_pending(0);
	kap_set_deadline(0, kap_now() + 50000);
}

/* Every register holds a pattern, looked at all the time while some hundred interrupts come. */
static void registers_survive(void)
{
	static const kap_u64 wanted = 0x2626262626262626;
	kap_u64 mix;

	on_interrupt = again;
	nr_interrupts = 0;
	kap_set_deadline(0, 1);
	irqs_on();
	asm volatile("push %%rbp\n"
		     "push %%rbx\n"
		     "mov $0x0202020202020202, %%rcx; mov $0x0303030303030303, %%rdx\n"
		     "mov $0x0404040404040404, %%rsi; mov $0x0505050505050505, %%rdi\n"
		     "mov $0x0606060606060606, %%rbp; mov $0x0808080808080808, %%r8\n"
		     "mov $0x0909090909090909, %%r9; mov $0x1010101010101010, %%r10\n"
		     "mov $0x1111111111111111, %%r11; mov $0x1212121212121212, %%r12\n"
		     "mov $0x1313131313131313, %%r13; mov $0x1414141414141414, %%r14\n"
		     "mov $0x1515151515151515, %%r15; mov $0x0707070707070707, %%rbx\n"
		     "1: std; stc\n"		/* flags belong to the interrupted code, too */
		     "pushf; pop %%rax; and $0x401, %%eax; cld\n"
		     "cmp $0x401, %%eax; jne 2f\n"
		     "xor %%eax, %%eax\n"
		     "rol $5, %%rax; add %%rcx, %%rax; rol $5, %%rax; add %%rdx, %%rax\n"
		     "rol $5, %%rax; add %%rsi, %%rax; rol $5, %%rax; add %%rdi, %%rax\n"
		     "rol $5, %%rax; add %%rbp, %%rax; rol $5, %%rax; add %%r8, %%rax\n"
		     "rol $5, %%rax; add %%r9, %%rax; rol $5, %%rax; add %%r10, %%rax\n"
		     "rol $5, %%rax; add %%r11, %%rax; rol $5, %%rax; add %%r12, %%rax\n"
		     "rol $5, %%rax; add %%r13, %%rax; rol $5, %%rax; add %%r14, %%rax\n"
		     "rol $5, %%rax; add %%r15, %%rax\n"
		     "rol $5, %%rax; add %%rbx, %%rax\n"
		     "cmp %1, %%rax; jne 2f\n"
		     "cmpl $300, %2; jb 1b\n"
		     "2: pop %%rbx\n"
		     "pop %%rbp\n"
		     : "=&a"(mix)
		     : "m"(wanted), "m"(nr_interrupts)
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "memory", "cc");
	irqs_off();
	kap_set_deadline(0, ~0ULL);
	kap_take_pending(0);
	check_eq(mix, wanted, "300 interrupts change no register and no flag");
}

void test(void)
{
	user_code();
	kernel_code();
	nesting_handlers();
	registers_survive();
}
