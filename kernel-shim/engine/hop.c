// SPDX-License-Identifier: GPL-2.0-only
/*
 * The direct engine's threads. Each process has a runner for each vCPU that has been there; all
 * but one of a vCPU's runners wait for their turn. To hop is to save the kernel's registers on its
 * stack, which is at the same place in all processes, to wake the other runner and to wait.
 *
 * Space 0 holds every vCPU's home. Should the host end a process while a vCPU executes user code
 * there, the vCPU goes on at home, and the guest kernel hears of a lost space.
 */
#include <kap/getcpu.h>
#include "engine/direct.h"
#include "engine/ptrace.h"
#include "lock.h"

#define STACK_ORDER __builtin_ctz(KAP_STACK_SIZE / KAP_PAGE_SIZE)
#define BLOCK_BYTES (KAP_MAX_VCPUS * KAP_DIRECT_BLOCK)
#define SUD_ON 1
#define NO_SEGMENT (-HOST_ENOSYS)
#define LOOKS 200 /* how often, every 5 ms, after some process has ended */
#define YIELDS 2
#define SAMPLE 8 /* one of so many hops is timed */
#define SLOW_NS 50000
#define PENALTY_MAX 65536

static kap_u8 home_memory[BLOCK_BYTES + 2 * KAP_PAGE_SIZE] __attribute__((aligned(KAP_PAGE_SIZE)));
static struct kap_shell home;

struct kap_shell *direct_here[KAP_MAX_VCPUS];
static kap_u64 ctx[KAP_MAX_VCPUS]; /* stack pointer of the kernel while it hops */
static kap_u32 hopping[KAP_MAX_VCPUS]; /* 1: on its way, nobody has the turn yet */

/*
 * Two threads on one host CPU hand over in little more than half the time when the one that waits
 * gives way (sched_yield) instead of sleeping. But the host may go on with somebody else, for a
 * whole time slice: where that is seen, the next hops do without.
 */
static struct yielding {
	kap_u64 since; /* start of a hop that is timed, or 0 */
	kap_u32 hops;
	kap_u32 without; /* hops to come that sleep at once */
	kap_u32 penalty; /* how many the next time */
} yielding[KAP_MAX_VCPUS];

extern kap_u64 direct_secret;
kap_u32 direct_keys_taken; /* for x86/direct.S */

static kap_u64 stack_at(kap_u32 cpu)
{
	return KAP_DIRECT_STACKS + (kap_u64)cpu * KAP_STACK_SIZE;
}

static struct direct_block *block_at(kap_u32 cpu)
{
	return (struct direct_block *)(KAP_DIRECT_BLOCKS + (kap_u64)cpu * KAP_DIRECT_BLOCK);
}

static kap_u64 block_bytes(void)
{
	kap_u64 bytes = kap_boot_info()->nr_cpus * KAP_DIRECT_BLOCK;

	return (bytes + KAP_PAGE_SIZE - 1) & ~((kap_u64)KAP_PAGE_SIZE - 1);
}

static struct direct_process *lay_out(void *memory, struct kap_shell *shell)
{
	struct direct_process *p = (void *)((char *)memory + block_bytes());
	kap_u32 cpu;

	_Static_assert(sizeof(*p) + KAP_MAX_VCPUS * sizeof(struct direct_runner) <=
			       2 * KAP_PAGE_SIZE,
		       "fits behind the blocks");
	p->blocks = memory;
	p->spare_stack = NULL;
	p->runner = (struct direct_runner *)(p + 1);
	for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++) {
		p->runner[cpu].shell = shell;
		p->runner[cpu].cpu = cpu;
		p->runner[cpu].block = &p->blocks[cpu];
	}
	return p;
}

int direct_new_process(struct kap_shell *shell)
{
	void *memory;
	kap_u32 cpu;

	if (shell->direct) {
		/* It was another process's: the stacks can stay. */
		for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++) {
			shell->direct->runner[cpu].started = 0;
			shell->direct->runner[cpu].turn = DIRECT_WAIT;
		}
		zero(shell->direct->blocks, block_bytes());
		return 1;
	}
	memory = kap_kernel_alloc(block_bytes() > KAP_PAGE_SIZE * 2 ? 3 : 2);
	if (!memory)
		return 0;
	shell->direct = lay_out(memory, shell);
	/* Without it the process could not run; for more of them there is time to wait. */
	shell->direct->spare_stack = kap_kernel_alloc(STACK_ORDER);
	return shell->direct->spare_stack != NULL;
}

/* What belongs to the kernel must not be seen without its key for a moment. */
static void map_op(struct kap_shell *shell, kap_u64 va, const void *memory, kap_u64 len, int key)
{
	kap_u64 prot = HOST_PROT_READ | HOST_PROT_WRITE;

	shell_op(shell, HOST_mmap, va, len, kap_boot_info()->keys ? HOST_PROT_NONE : prot,
		 HOST_MAP_SHARED | HOST_MAP_FIXED, KAP_FD_RAM, kap_phys(memory));
	if (kap_boot_info()->keys)
		shell_op(shell, HOST_pkey_mprotect, va, len, prot, key, 0, 0);
}

void direct_first_ops(struct kap_shell *shell)
{
	map_op(shell, KAP_DIRECT_BLOCKS, shell->direct->blocks, block_bytes(), DIRECT_KEY_BLOCKS);
	gate_first_ops(shell);
	shell->ctl->runner_entry = (kap_u64)direct_runner_entry;
}

static void map_here(kap_u64 va, const void *memory, kap_u64 len, int key)
{
	kap_u64 prot = HOST_PROT_READ | HOST_PROT_WRITE;
	long err = host_call(HOST_mmap, va, len, prot, HOST_MAP_SHARED | HOST_MAP_FIXED, KAP_FD_RAM,
			     kap_phys(memory));

	if (err != (long)va)
		host_failed("mapping the direct engine's pages", err);
	if (!kap_boot_info()->keys)
		return;
	err = host_call(HOST_pkey_mprotect, va, len, prot, key);
	if (err)
		host_failed("pkey_mprotect", err);
}

static void take_keys(void)
{
	const struct kap_boot *boot = kap_boot_info();
	kap_u64 len = boot->mem_start + boot->mem_size;
	long err = host_call(HOST_pkey_alloc, 0, 0);

	if (err == DIRECT_KEY_KERNEL)
		err = host_call(HOST_pkey_alloc, 0, 0);
	if (err != DIRECT_KEY_BLOCKS)
		host_failed("protection keys (pkey_alloc)", err < 0 ? err : -HOST_EAGAIN);
	direct_take_keys();
	err = host_call(HOST_pkey_mprotect, KAP_WINDOW, len,
			HOST_PROT_READ | HOST_PROT_WRITE | HOST_PROT_EXEC, DIRECT_KEY_KERNEL);
	if (err)
		host_failed("protection key of the kernel window (pkey_mprotect)", err);
	direct_keys_taken = 1;
}

void direct_setup(void)
{
	const struct kap_boot *boot = kap_boot_info();
	kap_u32 cpu;

	fpu_learn_here();
	home.pid = host_call(HOST_getpid);
	home.direct = lay_out(home_memory, &home);
	for (cpu = 0; cpu < boot->nr_cpus; cpu++)
		direct_here[cpu] = &home;
	copy(&direct_secret, boot->seed, sizeof(direct_secret));
	if (boot->keys)
		take_keys();
	map_here(KAP_DIRECT_BLOCKS, home.direct->blocks, block_bytes(), DIRECT_KEY_BLOCKS);
}

static void prepare_stack(struct direct_runner *r, void *memory)
{
	struct direct_stack *stack = memory;

	stack->base.cpu = r->cpu;
	stack->base.irqs_off = 1;
	stack->runner = r;
	r->stack = memory;
	r->in_user = &stack->in_user;
}

/*
 * User code may have its own stack pointer in there, and the host pushes below it: what lies at the
 * base is out of its reach.
 */
static void fill_stack(struct host_stack *stack, kap_u32 cpu)
{
	*stack = (struct host_stack){
		.sp = (void *)(stack_at(cpu) + KAP_PAGE_SIZE),
		.size = KAP_STACK_SIZE - KAP_PAGE_SIZE,
	};
}

static void note_thread(struct direct_runner *r)
{
	kap_u64 pid = host_call(HOST_getpid), tid = host_call(HOST_gettid);

	r->thread = pid | tid << 32;
}

void direct_adopt_home(kap_u32 cpu, void *signal_stack, struct host_stack *stack)
{
	struct direct_runner *r = &home.direct->runner[cpu];

	prepare_stack(r, signal_stack);
	map_here(stack_at(cpu), signal_stack, KAP_STACK_SIZE, DIRECT_KEY_KERNEL);
	note_thread(r);
	home.runner[cpu].cpu = cpu;
	home.runner[cpu].tid = r->thread >> 32;
	home.runner[cpu].state = RUNNER_STOPPED;
	r->started = 1;
	fill_stack(stack, cpu);
}

void direct_home_timer(kap_u32 cpu, kap_s32 timer)
{
	home.direct->runner[cpu].timer = timer;
}

/* ---- runners ---- */

/* On the runner's own stack for signals: nothing is left to do on it when the turn comes. */
static noreturn void wait_turn(struct direct_runner *r);

/* x86/direct.S asks this way whose stack a thread may use. */
static int segment_says(kap_u32 cpu)
{
	kap_u32 limit = ~0U;

	asm volatile("lsl %1, %0" : "+r"(limit) : "r"(KAP_GETCPU_SELECTOR) : "cc");
	return limit == cpu;
}

static long set_up_thread(struct direct_runner *r)
{
	struct host_stack stack;
	struct host_sigevent event = {
		.signo = KAP_TIMER_SIGNAL,
		.notify = HOST_SIGEV_THREAD_ID,
	};
	long err;

	host_call(HOST_prctl, HOST_PR_SET_NAME, "kap-runner");
	note_thread(r);
	fill_stack(&stack, r->cpu);
	event.tid = r->thread >> 32;
	err = host_call(HOST_sigaltstack, &stack, NULL);
	if (!err)
		err = host_call(HOST_timer_create, HOST_CLOCK_MONOTONIC, &event, &r->timer);
	gate_set_thread(r->cpu);
	if (kap_boot_info()->keys && kap_boot_info()->nr_cpus > 1 && !segment_says(r->cpu))
		return NO_SEGMENT;
	if (!err)
		err = host_call(HOST_prctl, HOST_PR_SET_SYSCALL_USER_DISPATCH, SUD_ON, 0, 0,
				block_at(r->cpu));
	return err;
}

noreturn void direct_runner_start(void)
{
	struct direct_runner *r = ((struct direct_stack *)this_stack())->runner;

	r->error = set_up_thread(r);
	store_release(&r->started, r->error ? 2u : 1u);
	futex_wake(&r->started);
	wait_turn(r);
}

static void *take_stack(struct kap_shell *shell, struct direct_runner *r)
{
	void *stack = r->stack;

	if (!stack)
		stack = __atomic_exchange_n(&shell->direct->spare_stack, NULL, __ATOMIC_ACQ_REL);
	return stack ? stack : kap_kernel_alloc(STACK_ORDER);
}

static int make_runner(struct kap_shell *shell, struct direct_runner *r)
{
	struct runner *runner = &shell->runner[r->cpu];
	struct host_timespec ts = { 0, 100000000 };
	kap_u64 answer;
	void *stack = take_stack(shell, r);

	if (!stack)
		return -HOST_ENOMEM;
	prepare_stack(r, stack);
	take_lock(&shell->lock);
	shell_sync(shell);
	map_op(shell, stack_at(r->cpu), r->stack, KAP_STACK_SIZE, DIRECT_KEY_KERNEL);
	shell_op(shell, HOST_clone, KEEPER_RUNNER_FLAGS, 0, 0, 0,
		 stack_at(r->cpu) + KAP_STACK_SIZE - 64, 0);
	answer = shell_request(shell, shell->nr_ops);
	shell->nr_ops = 0;
	runner->bound = shell->bound;
	drop_lock(&shell->lock);
	if (answer != STUB_ANSWER_OK)
		return -1;
	while (!load_acquire(&r->started)) {
		futex_wait(&r->started, 0, &ts);
		if (!shell_alive(shell))
			return -1;
	}
	if (r->error == NO_SEGMENT)
		host_failed("several vCPUs need 32-bit programs on the host (set_thread_area); "
			    "--cpus 1 or --engine ptrace does without",
			    NO_SEGMENT);
	if (r->error)
		return -1;
	runner->tid = r->thread >> 32;
	runner->cpu = r->cpu;
	runner->had = NULL;
	runner->state = RUNNER_STOPPED;
	return 0;
}

/* ---- hopping ---- */

static void settle(kap_u32 cpu, struct direct_runner *r)
{
	direct_here[cpu] = r->shell;
	__atomic_store_n(&kap_vcpu(cpu)->host_thread, r->thread, __ATOMIC_SEQ_CST);
	cpu_use_timer(cpu, r->timer);
}

/*
 * At home: the process in which this vCPU executes may have ended. The host says so before the
 * process is gone for all: 0 when it has to be looked at again.
 */
static int rescue(struct direct_runner *r)
{
	struct kap_shell *there = direct_here[r->cpu];
	struct direct_runner *lost;

	if (there == &home)
		return 1;
	if (load_acquire(&hopping[r->cpu]) || !host_call(HOST_kill, there->pid, 0))
		return 0;
	lost = &there->direct->runner[r->cpu];
	there->runner[r->cpu].state = RUNNER_DEAD;
	if (lost->turn == DIRECT_GO) {
		settle(r->cpu, r);
		direct_resume(ctx[r->cpu]);
	}
	if (!*lost->in_user)
		kap_exit(KAP_EXIT_HOST, HOST_ESRCH,
			 "a process of the guest, killed while the kernel executed in it", NULL);
	*lost->in_user = 0;
	__atomic_fetch_add(&home.nr_inside, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&there->nr_inside, 1, __ATOMIC_RELEASE);
	settle(r->cpu, r);
	direct_lost(r->cpu);
}

static int change_turn(struct direct_runner *r, kap_u32 *from, kap_u32 to)
{
	return __atomic_compare_exchange_n(&r->turn, from, to, 0, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static noreturn void wait_turn(struct direct_runner *r)
{
	struct host_timespec soon = { 0, 5000000 };
	kap_u32 turn, idle, looks = 0, yields = yielding[r->cpu].without ? 0 : YIELDS;

	while ((turn = __atomic_exchange_n(&r->turn, DIRECT_WAIT, __ATOMIC_ACQ_REL)) != DIRECT_GO) {
		if (turn == DIRECT_LOOK)
			looks = LOOKS;
		if (looks && rescue(r))
			looks = 0;
		if (yields && turn == DIRECT_WAIT) {
			yields--;
			host_call(HOST_sched_yield);
			continue;
		}
		idle = DIRECT_WAIT;
		if (change_turn(r, &idle, DIRECT_ASLEEP))
			futex_wait(&r->turn, DIRECT_ASLEEP, looks ? &soon : NULL);
		if (looks)
			looks--;
	}
	direct_resume(ctx[r->cpu]);
}

/*
 * On the idle stack of the thread that is left. Mostly the host goes on with the other thread as
 * soon as that is woken: the next hop finds this one here still, and saves a host call.
 */
static void hand_over(void *from)
{
	struct direct_runner *r = from;
	struct direct_runner *to = &direct_here[r->cpu]->direct->runner[r->cpu];
	struct yielding *y = &yielding[r->cpu];
	kap_u32 was;

	y->since = ++y->hops % SAMPLE ? 0 : kap_now();
	was = __atomic_exchange_n(&to->turn, DIRECT_GO, __ATOMIC_ACQ_REL);
	store_release(&hopping[r->cpu], 0u);
	if (was != DIRECT_WAIT)
		futex_wake(&to->turn);
	wait_turn(r);
}

/* In the thread that has the turn now. */
static void learn_to_yield(struct yielding *y)
{
	if (y->without) {
		y->without--;
		return;
	}
	if (!y->since)
		return;
	if (kap_now() - y->since > SLOW_NS) {
		if (y->penalty < PENALTY_MAX)
			y->penalty = y->penalty * 2 + SAMPLE;
		y->without = y->penalty;
	} else if (y->penalty) {
		y->penalty--;
	}
}

static void *idle_stack(struct direct_runner *r)
{
	return (void *)(stack_at(r->cpu) + KAP_STACK_SIZE - 64);
}

/* One that ends from now on is told of at home. */
static int ended(struct kap_shell *shell)
{
	kap_u32 deaths = load_acquire(&host_deaths);

	if (likely(shell->deaths == deaths) || shell == &home)
		return 0;
	if (!shell_alive(shell))
		return 1;
	shell->deaths = deaths;
	return 0;
}

long direct_go(struct kap_shell *to)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_shell *from = direct_here[cpu];
	struct direct_runner *r = &to->direct->runner[cpu];
	struct direct_runner *old = &from->direct->runner[cpu];

	if (to->runner[cpu].state == RUNNER_DEAD || ended(to)) {
		to->runner[cpu].state = RUNNER_DEAD;
		return -HOST_ESRCH;
	}
	if (unlikely(to->runner[cpu].state == RUNNER_NONE)) {
		int err = make_runner(to, r);

		if (err && err != -HOST_ENOMEM)
			to->runner[cpu].state = RUNNER_DEAD;
		if (err)
			return err;
	}
	fpu_leave(&from->runner[cpu]);
	__atomic_fetch_add(&to->nr_inside, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&hopping[cpu], 1, __ATOMIC_SEQ_CST);
	settle(cpu, r);
	/* One that ends from now on is seen at home; one that has ended, here. */
	if (unlikely(ended(to))) {
		settle(cpu, old);
		store_release(&hopping[cpu], 0u);
		__atomic_fetch_sub(&to->nr_inside, 1, __ATOMIC_RELEASE);
		to->runner[cpu].state = RUNNER_DEAD;
		return -HOST_ESRCH;
	}
	park_pause_step(cpu);
	direct_switch(&ctx[cpu], idle_stack(old), hand_over, old);
	park_resume_step(cpu);
	learn_to_yield(&yielding[cpu]);
	/* Now in the other process, or at home when that has ended. */
	__atomic_fetch_sub(&from->nr_inside, 1, __ATOMIC_RELEASE);
	if (unlikely(direct_here[cpu] != to)) {
		__atomic_fetch_sub(&to->nr_inside, 1, __ATOMIC_RELEASE);
		return -HOST_ESRCH;
	}
	place_thread(cpu, 0, &to->runner[cpu].bound);
	kernel_map_catch_up(to);
	return 0;
}

void direct_go_home(void)
{
	if (direct() && direct_here[this_stack()->cpu] != &home)
		direct_go(&home);
}

void direct_end_home(void)
{
	if (direct() && direct_here[this_stack()->cpu] != &home)
		host_call(HOST_kill, home.pid, HOST_SIGKILL);
}

int direct_inhabited(const struct kap_shell *shell)
{
	return load_acquire(&shell->nr_inside) != 0;
}

/* Signals that were meant for the vCPU and came to one of the threads that wait. */
handler_code int direct_forward(int sig)
{
	struct direct_runner *r = ((struct direct_stack *)this_stack())->runner;
	struct kap_vcpu *vcpu = kap_vcpu(r->cpu);
	kap_u64 thread = __atomic_load_n(&vcpu->host_thread, __ATOMIC_ACQUIRE);

	if (direct_here[r->cpu] == r->shell)
		return 0;
	if (sig == KAP_TIMER_SIGNAL) {
		cpu_timer_fired(r->cpu);
		sig = KAP_BELL_SIGNAL;
	}
	/*
	 * In the middle of settle(): to send it to this thread again would never end. The vCPU
	 * looks at its bells where it goes, and who wants it parked asks again.
	 */
	if (unlikely(thread == r->thread))
		return 1;
	if (vcpu->state == KAP_VCPU_IDLE || vcpu->state == KAP_VCPU_OFF)
		futex_wake(&vcpu->pending);
	host_call(HOST_tgkill, (kap_s32)thread, (kap_s32)(thread >> 32), sig);
	return 1;
}

handler_code static void let_look(struct direct_runner *r)
{
	kap_u32 turn = load_acquire(&r->turn);

	while (turn != DIRECT_GO && !change_turn(r, &turn, DIRECT_LOOK))
		;
	if (turn == DIRECT_ASLEEP)
		futex_wake(&r->turn);
}

/*
 * Each vCPU looks whether it was in that process. Its timer may have been that of a thread there,
 * so it sets its deadline anew: one bell too many is harmless.
 */
handler_code void direct_child_ended(void)
{
	kap_u32 cpu;

	for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++) {
		struct kap_vcpu *vcpu = kap_vcpu(cpu);

		let_look(&home.direct->runner[cpu]);
		if (!vcpu->host_thread)
			continue;
		cpu_timer_fired(cpu);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (vcpu->state == KAP_VCPU_IDLE)
			futex_wake(&vcpu->pending);
		else if (vcpu->state != KAP_VCPU_OFF)
			cpu_signal(cpu, KAP_BELL_SIGNAL);
	}
}
