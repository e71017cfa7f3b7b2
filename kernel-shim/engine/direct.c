// SPDX-License-Identifier: GPL-2.0-only
/*
 * The direct engine: user code runs in the host thread that executes the kernel. A system call
 * comes back as SIGSYS (syscall user dispatch), a fault as the host's signal; both go on in
 * direct_signal(), which leaves the stack for signals at once.
 */
#include <kap/emulate.h>
#include "engine/direct.h"
#include "engine/ptrace.h"

_Static_assert(DIRECT_PKRU_USER == EMULATE_USER_PKRU, "emulate.h");

#define SYS_USER_DISPATCH 2 /* si_code of SIGSYS (sigaction(2)) */
#define ARCH_X86_64 0xc000003e /* si_arch (linux/audit.h) */
#define SI_KERNEL 0x80
#define KERNEL_SENT(code) ((code) > 0)
#define FLAG_TF 0x100ULL
#define FLAG_RF 0x10000ULL

extern char direct_check[], direct_check_end[];
extern char direct_segments[], direct_segments_end[];
int direct_set_selectors(kap_u64 ds, kap_u64 es, kap_u64 fs, kap_u64 gs);
int direct_set_fs_base(kap_u64 base);
int direct_set_gs_base(kap_u64 base);
extern char direct_exits_keys[], direct_exits_keys_end[];
extern char direct_exits_open[], direct_exits_open_end[];
void direct_signal_keys(void);
void direct_signal_open(void);
extern char direct_taken[], direct_prologue_keys_end[], direct_prologue_open_end[];

struct direct_user direct_users[KAP_MAX_VCPUS] __attribute__((aligned(64)));

kap_u64 direct_secret;

void *direct_handler(void)
{
	return kap_boot_info()->keys ? direct_signal_keys : direct_signal_open;
}

void *direct_restorer(void)
{
	return (void *)direct_secret;
}

static handler_code void *exit_of(kap_u32 cpu, kap_u64 *len)
{
	if (kap_boot_info()->keys) {
		*len = (direct_exits_keys_end - direct_exits_keys) / KAP_MAX_VCPUS;
		return direct_exits_keys + cpu * *len;
	}
	*len = (direct_exits_open_end - direct_exits_open) / KAP_MAX_VCPUS;
	return direct_exits_open + cpu * *len;
}

/* On its way to user code: all that it has to know is in the block. */
static handler_code int leaving(kap_u32 cpu, kap_u64 ip)
{
	kap_u64 len, exit = (kap_u64)exit_of(cpu, &len);

	return ip - exit < len || (ip >= (kap_u64)direct_check && ip < (kap_u64)direct_check_end);
}

static handler_code void fill_user_regs(struct kap_regs *regs, const struct host_ucontext *uc)
{
	signal_fill_regs(regs, uc, 1);
	regs->cs = uc->cs;
	regs->flags = uc->eflags;
	regs->ss = uc->ss;
}

static inline kap_u64 read_fs_base(void)
{
	kap_u64 base;

	asm volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline kap_u64 read_gs_base(void)
{
	kap_u64 base;

	asm volatile("rdgsbase %0" : "=r"(base));
	return base;
}

/* The kernel uses no segments: the user's stay in the registers. */
handler_code void direct_fill_segments(struct kap_regs *regs)
{
	asm volatile("mov %%ds, %k0" : "=r"(regs->ds));
	asm volatile("mov %%es, %k0" : "=r"(regs->es));
	asm volatile("mov %%fs, %k0" : "=r"(regs->fs));
	asm volatile("mov %%gs, %k0" : "=r"(regs->gs));
	regs->fs_base = read_fs_base();
	regs->gs_base = read_gs_base();
}

/* Loads what differs; the processor may refuse a selector or a base: then 0 is returned. */
static int load_segments(const struct kap_regs *regs)
{
	struct kap_regs now;

	direct_fill_segments(&now);
	if (likely(now.ds == regs->ds && now.es == regs->es && now.fs == regs->fs &&
		   now.gs == regs->gs)) {
		if (now.fs_base != regs->fs_base && !direct_set_fs_base(regs->fs_base))
			return 0;
		return now.gs_base == regs->gs_base || direct_set_gs_base(regs->gs_base);
	}
	/* A selector brings a base along, which is then replaced. */
	return direct_set_selectors(regs->ds, regs->es, regs->fs, regs->gs) &&
	       direct_set_fs_base(regs->fs_base) && direct_set_gs_base(regs->gs_base);
}

/* What user code may not have does not get there: as on the host's own way to user code. */
static void load_any_segments(struct kap_regs *regs)
{
	if (likely(load_segments(regs)))
		return;
	kap_regs_sanitize(regs);
	if (load_segments(regs))
		return;
	regs->ds = regs->es = regs->fs = regs->gs = 0;
	load_segments(regs);
}

static handler_code void classify(int sig, const struct host_siginfo *info,
				  const struct host_ucontext *uc, struct kap_regs *regs,
				  struct kap_trap *trap)
{
	kap_s64 nr = (kap_s32)info->rest[0]; /* si_syscall */

	if (!KERNEL_SENT(info->code))
		return;
	if (likely(sig == HOST_SIGSYS && info->code == SYS_USER_DISPATCH)) {
		/* A system call of 32-bit code, which has none here. */
		if (unlikely(info->rest[0] >> 32 != ARCH_X86_64)) {
			regs->ip -= 2;
			trap->kind = KAP_TRAP_EXCEPTION;
			trap->nr = KAP_EXC_GP;
			return;
		}
		/* The host takes these numbers for calls that it is to restart, and changes ip. */
		if (unlikely(nr >= -516 && nr <= -512)) {
			regs->ip = info->addr;
			regs->ax = nr;
		}
		trap->kind = KAP_TRAP_SYSCALL;
		regs->orig_ax = regs->ax;
		return;
	}
	trap->signo = sig;
	trap->code = info->code;
	trap->addr = info->addr;
	trap->kind = KAP_TRAP_EXCEPTION;
	trap->nr = uc->trapno;
	switch (sig) {
	case HOST_SIGSYS:
		/* The filter of stub.S: the host has made the vsyscall a mere return. */
		regs->ip = info->addr;
		regs->sp -= 8;
		trap->kind = KAP_TRAP_FAULT;
		trap->nr = KAP_EXC_PF;
		trap->error = KAP_PF_USER | KAP_PF_EXEC;
		break;
	case HOST_SIGSEGV:
		/* Without an address it is none of the page tables', whatever trapno says. */
		trap->nr = KAP_EXC_GP;
		if (info->code == SI_KERNEL)
			break;
		trap->nr = KAP_EXC_PF;
		trap->kind = KAP_TRAP_FAULT;
		trap->addr = uc->cr2;
		trap->error = KAP_PF_USER |
			      (uc->err & (KAP_PF_PRESENT | KAP_PF_WRITE | KAP_PF_EXEC));
		break;
	case HOST_SIGBUS:
		/* BUS_ADRALN is an alignment check, BUS_ADRERR memory that the host lost. */
		trap->nr = info->code == 1 ? KAP_EXC_AC : KAP_EXC_SS;
		break;
	case HOST_SIGILL:
		trap->nr = KAP_EXC_UD;
		break;
	case HOST_SIGTRAP:
		/* SI_KERNEL: int3; else the debug exception. */
		trap->nr = info->code == SI_KERNEL ? KAP_EXC_BP : KAP_EXC_DB;
		break;
	}
}

static handler_code int is_bell(int sig)
{
	return sig == KAP_BELL_SIGNAL || sig == KAP_TIMER_SIGNAL || sig == KAP_PARK_SIGNAL ||
	       sig == HOST_SIGCHLD;
}

/* The PKRU that the host saves with the rest of the vector state. */
static handler_code kap_u32 saved_pkru(const struct host_ucontext *uc)
{
	const kap_u8 *area = uc->fpstate;

	if (!fpu_pkru_at || !(*(const kap_u64 *)(area + 512) & 1ULL << FPU_PKRU))
		return 0;
	return *(const kap_u32 *)(area + fpu_pkru_at);
}

/*
 * It came before the handler of another signal had said that it knows about in_user. User code may
 * have jumped there, but it has neither a frame of the host nor, behind the check of that, the key.
 */
static handler_code int in_prologue(const struct direct_stack *stack,
				    const struct host_ucontext *uc)
{
	kap_u64 ip = uc->ip;

	if (uc->sp - (kap_u64)stack > KAP_STACK_SIZE - 8)
		return 0;
	if (!kap_boot_info()->keys)
		return ip >= (kap_u64)direct_signal_open && ip < (kap_u64)direct_prologue_open_end;
	if (ip < (kap_u64)direct_signal_keys || ip >= (kap_u64)direct_prologue_keys_end)
		return 0;
	return *(const kap_u64 *)uc->sp == direct_secret ||
	       (ip > (kap_u64)direct_taken && saved_pkru(uc) == DIRECT_PKRU_KERNEL);
}

/*
 * Called on the stack for signals. Returns when kernel code was interrupted; user code's trap goes
 * to who called direct_enter().
 */
handler_code void direct_signal(struct host_ucontext *uc, struct host_siginfo *info,
				kap_u32 was_user)
{
	struct direct_stack *stack = (struct direct_stack *)this_stack();
	struct direct_runner *runner = stack->runner;
	kap_u32 cpu = stack->base.cpu;
	struct kap_regs *regs;
	struct kap_trap *trap;
	int sig = info->signo, left, bell;

	/* Host calls are the kernel's own from here on. */
	*(volatile kap_u8 *)&runner->block->selector = DIRECT_ALLOW;
	if (!was_user) {
		/* The selector or base is refused; what else comes there is no answer. */
		if (unlikely(uc->ip >= (kap_u64)direct_segments &&
			     uc->ip < (kap_u64)direct_segments_end) &&
		    (sig == HOST_SIGSEGV || sig == HOST_SIGBUS))
			uc->ip = (kap_u64)direct_segments_end;
		else
			signal_in_kernel(sig, info, uc);
		return;
	}
	bell = is_bell(sig);
	if (unlikely(bell && in_prologue(stack, uc))) {
		stack->in_user = DIRECT_IS_USER;
		if (sig == KAP_TIMER_SIGNAL)
			cpu_timer_fired(cpu);
		return;
	}
	/* With its stack pointer in here a program can make a mess of this: that is its end. */
	while (unlikely(uc->sp - (kap_u64)stack < KAP_STACK_SIZE))
		host_call(HOST_kill, (kap_s32)runner->thread, HOST_SIGKILL);
	left = leaving(cpu, uc->ip);
	direct_fpu_load(uc->fpstate);
	regs = direct_users[cpu].regs;
	trap = direct_users[cpu].trap;
	if (unlikely(left)) {
		copy(regs, &runner->block->regs, __builtin_offsetof(struct kap_regs, fs_base));
		regs->orig_ax = ~0ULL;
	} else {
		fill_user_regs(regs, uc);
	}
	direct_fill_segments(regs);
	if (unlikely((bell || uc->trapno == KAP_EXC_DB) && gate_unwind(cpu, regs))) {
		trap->kind = KAP_TRAP_SYSCALL;
		trap->nr = KAP_CALL_GATE;
	} else if (likely(!bell)) {
		classify(sig, info, uc, regs, trap);
	}
	if (unlikely(bell)) {
		static const kap_u64 none;

		if (sig == KAP_TIMER_SIGNAL)
			cpu_timer_fired(cpu);
		/* These run with all signals blocked. */
		host_call(HOST_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, 8);
	}
	stack->in_user = 0;
	direct_resume(direct_users[cpu].ksp);
}

void direct_lost(kap_u32 cpu)
{
	direct_users[cpu].trap->kind = KAP_TRAP_DEAD;
	direct_resume(direct_users[cpu].ksp);
}

static kap_u32 never;

/* What the processor does for a step is not the program's flag. */
static void end_step(struct kap_regs *regs, const struct kap_trap *trap)
{
	regs->flags &= ~FLAG_TF;
	if (trap->kind == KAP_TRAP_SYSCALL)
		regs->r11 &= ~FLAG_TF;
}

static kap_u64 which_points(struct kap_shell *shell, const struct kap_trap *trap)
{
	if (trap->kind != KAP_TRAP_EXCEPTION || trap->nr != KAP_EXC_DB)
		return 0;
	return points_hit(shell);
}

void direct_run(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		struct kap_trap *trap, kap_u64 step)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct kap_shell *shell = space->shell;
	struct direct_user *user = &direct_users[cpu];
	struct direct_runner *runner;
	kap_u64 len, points = 0;

	zero(trap, sizeof(*trap));
	trap->kind = KAP_TRAP_DOORBELL;
	/* Doorbells wait for one instruction of a step. */
	if (load_acquire(&vcpu->pending) && likely(!park_watched[cpu]))
		return;
	place_vcpu(cpu);
	if (unlikely(park_watched[cpu]) && park_enter_user(regs, fpu))
		step |= FLAG_TF & ~regs->flags;
	if (unlikely(kap_ctl()->points_seq) &&
	    shell->runner[cpu].points != points_wanted(space->info.id)) {
		points_load(shell, space->info.id);
		/* A fault before they were there has set RF: the first instruction counts, too. */
		regs->flags &= ~FLAG_RF;
	}
	if (direct_here[cpu] != shell) {
		long err = direct_go(shell);

		/* Without memory for a stack: again, when the kernel has had its turn. */
		if (unlikely(err && err != -HOST_ENOMEM))
			trap->kind = KAP_TRAP_DEAD;
		if (unlikely(err))
			return;
	}
	runner = &shell->direct->runner[cpu];
	fpu_load(&shell->runner[cpu], fpu);
	load_any_segments(regs);
	regs->orig_ax = ~0ULL;
	copy(&runner->block->regs, regs, __builtin_offsetof(struct kap_regs, fs_base));
	runner->block->regs.flags |= step;
	user->regs = regs;
	user->trap = trap;
	user->in_user = runner->in_user;
	user->space = space;
	user->block = runner->block;

	vcpu->runner_tid = shell->runner[cpu].tid;
	vcpu->space = space->info.id;
	vcpu->state = KAP_VCPU_USER;
	/* Whoever flushes from here on sees a user, or this sees what is queued: a full barrier. */
	__atomic_fetch_add(&shell->nr_users, 1, __ATOMIC_SEQ_CST);
	if (unlikely(load_acquire(&shell->stepper) && shell->stepper != cpu + 1)) {
		__atomic_fetch_sub(&shell->nr_users, 1, __ATOMIC_RELEASE);
		vcpu->state = KAP_VCPU_KERNEL;
		kap_relax();
		return;
	}
	kap_space_sync(space);
	direct_enter(unlikely(step) ? &never : &vcpu->pending, user, exit_of(cpu, &len),
		     runner->in_user);
	__atomic_fetch_sub(&shell->nr_users, 1, __ATOMIC_RELEASE);
	vcpu->state = KAP_VCPU_KERNEL;
	vcpu->nr_traps++;
	if (trap->kind == KAP_TRAP_FAULT)
		vcpu->nr_faults++;
	if (unlikely(step))
		end_step(regs, trap);
	if (unlikely(shell->runner[cpu].points))
		points = which_points(shell, trap);
	if (unlikely(park_watched[cpu] || points) && park_left_user(regs, fpu, trap, points))
		trap->kind = KAP_TRAP_DOORBELL;
	else if (unlikely(load_acquire(&vcpu->park.hold)))
		park_after_user(regs, fpu, trap);
	if (unlikely(park_watched[cpu]) && trap->kind == KAP_TRAP_SYSCALL)
		park_into_kernel(regs, __builtin_return_address(0));
}
