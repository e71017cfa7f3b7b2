// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ptrace engine. User code runs in runners of other processes, which the
 * vCPU traces: it sets their registers, lets them go until a system call
 * (which the host then does not perform), a signal or a doorbell, and reads the registers.
 */
#include <kap/getcpu.h>
#include "engine/ptrace.h"
#include "lock.h"
#include "park.h"

#define OPTIONS (HOST_PTRACE_O_TRACESYSGOOD | HOST_PTRACE_O_EXITKILL)
#define SYSCALL_STOP (HOST_SIGTRAP | 0x80)
#define KERNEL_SENT(code) ((code) > 0)
#define EVENT(status) ((status) >> 16)
#define FLAG_RF 0x10000ULL

long wait_user(kap_s32 tid, int *status, kap_u32 *pending);

static kap_u32 never;

/* Waits for the runner whatever rings meanwhile. */
static long wait_always(kap_s32 tid, int *status)
{
	long ret;

	do {
		ret = wait_user(tid, status, &never);
	} while (ret == -HOST_EINTR);
	return ret;
}

static int adopt(struct runner *runner)
{
	int status = 0;
	long err = host_ptrace(HOST_PTRACE_SEIZE, runner->tid, NULL, (void *)OPTIONS);

	if (err == -HOST_ESRCH)
		return -1;
	if (err)
		host_failed("ptrace of a space", err);
	host_ptrace(HOST_PTRACE_INTERRUPT, runner->tid, NULL, NULL);
	if (wait_always(runner->tid, &status) < 0 || !stopped(status))
		return -1;
	return 0;
}

/*
 * The keeper's word for the new thread lies where user code of the space can write. But the
 * host knows the threads of that process: those that are known already, and the new one.
 */
static kap_s32 new_thread(struct kap_shell *shell)
{
	kap_u32 i;
	kap_s32 tid;

	shell_sync(shell);
	shell_op(shell, HOST_clone, KEEPER_RUNNER_FLAGS, 0, 0, 0, 0, 0);
	shell->nr_ops = 0;
	if (shell_request(shell, 1) != STUB_ANSWER_OK)
		return 0;
	tid = shell->scratch->result[0];
	if (tid <= 0 || tid == shell->pid || host_call(HOST_tgkill, shell->pid, tid, 0))
		return 0;
	for (i = 0; i < kap_boot_info()->nr_cpus; i++)
		if (shell->runner[i].tid == tid)
			return 0;
	return tid;
}

/* A host without 32-bit programs refuses: then user code asks the guest kernel. */
static void tell_cpu(struct runner *runner)
{
	struct host_user_desc desc = {
		.entry = KAP_GETCPU_ENTRY,
		.limit = runner->cpu,
		.flags = HOST_DESC_32BIT | HOST_DESC_USEABLE,
	};

	host_ptrace(HOST_PTRACE_SET_THREAD_AREA, runner->tid, (void *)KAP_GETCPU_ENTRY, &desc);
}

static kap_u32 learn_lock, learnt;

static struct runner *make_runner(struct kap_shell *shell, kap_u32 cpu)
{
	struct runner *runner = &shell->runner[cpu];

	if (runner->state == RUNNER_DEAD)
		return NULL;
	take_lock(&shell->lock);
	if (shell->spare_tid) {
		runner->tid = shell->spare_tid;
		runner->bound = shell->bound;
		shell->spare_tid = 0;
	} else {
		runner->tid = new_thread(shell);
		runner->bound = shell->bound;
	}
	drop_lock(&shell->lock);
	runner->cpu = cpu;
	if (!runner->tid || adopt(runner)) {
		runner->state = RUNNER_DEAD;
		return NULL;
	}
	runner->state = RUNNER_STOPPED;
	tell_cpu(runner);
	/* The first runners of two vCPUs may come at once. */
	take_lock(&learn_lock);
	if (!learnt)
		fpu_learn(runner->tid);
	learnt = 1;
	drop_lock(&learn_lock);
	return runner;
}

struct runner *runner_get(struct kap_shell *shell, kap_u32 cpu)
{
	struct runner *runner = &shell->runner[cpu];

	if (unlikely(runner->state != RUNNER_STOPPED))
		runner = make_runner(shell, cpu);
	if (likely(runner))
		place_thread(cpu, runner->tid, &runner->bound);
	return runner;
}

/* The host does not tell x87 from SSE exceptions: an unmasked flag in the status word does. */
static int x87_pending(struct runner *runner)
{
	kap_u16 fxsave[256];

	return !host_ptrace(HOST_PTRACE_GETFPREGS, runner->tid, NULL, fxsave) &&
	       (fxsave[1] & ~fxsave[0] & 0x3f);
}

/* What a signal that stopped the runner means as an exception. */
static void classify(struct runner *runner, int sig, struct kap_regs *regs, struct kap_trap *trap)
{
	struct host_siginfo info = { 0 };

	trap->kind = KAP_TRAP_DOORBELL;
	if (host_ptrace(HOST_PTRACE_GETSIGINFO, runner->tid, NULL, &info) ||
	    !KERNEL_SENT(info.code))
		return;
	trap->signo = sig;
	trap->code = info.code;
	trap->addr = info.addr;
	trap->kind = KAP_TRAP_EXCEPTION;
	switch (sig) {
	case HOST_SIGSEGV:
		if (info.code == 1 || info.code == 2) { /* SEGV_MAPERR, SEGV_ACCERR */
			trap->kind = KAP_TRAP_FAULT;
			trap->nr = KAP_EXC_PF;
			trap->error = KAP_PF_USER | KAP_PF_UNSURE |
				      (info.code == 2 ? KAP_PF_PRESENT : 0);
		} else {
			trap->nr = KAP_EXC_GP;
		}
		break;
	case HOST_SIGBUS:
		/* BUS_ADRALN is an alignment check, BUS_ADRERR memory that the host lost. */
		trap->nr = info.code == 1 ? KAP_EXC_AC : KAP_EXC_SS;
		break;
	case HOST_SIGSYS:
		/* The filter of stub.S: the host has made the vsyscall a mere return. */
		regs->ip = info.addr;
		regs->sp -= 8;
		trap->kind = KAP_TRAP_FAULT;
		trap->nr = KAP_EXC_PF;
		trap->addr = info.addr;
		trap->error = KAP_PF_USER | KAP_PF_EXEC;
		break;
	case HOST_SIGILL:
		trap->nr = KAP_EXC_UD;
		break;
	case HOST_SIGFPE:
		if (info.code == 1 || info.code == 2) /* FPE_INTDIV, FPE_INTOVF */
			trap->nr = info.code == 1 ? KAP_EXC_DE : KAP_EXC_OF;
		else
			trap->nr = x87_pending(runner) ? KAP_EXC_MF : KAP_EXC_XF;
		break;
	case HOST_SIGTRAP:
		/* SI_KERNEL: int3; else the debug exception. */
		trap->nr = info.code == 0x80 ? KAP_EXC_BP : KAP_EXC_DB;
		break;
	default:
		trap->kind = KAP_TRAP_DOORBELL;
		break;
	}
}

/* All but bases and the selectors behind them. */
static long set_general(struct runner *runner, struct kap_regs *regs)
{
	struct host_iovec iov = { regs, (char *)&regs->fs_base - (char *)regs };

	return host_ptrace(HOST_PTRACE_SETREGSET, runner->tid, (void *)HOST_NT_PRSTATUS, &iov);
}

/*
 * Two threads of a program take turns in one runner: what one of them has put into a
 * base must come back, even where the host does not let it be set from outside. The
 * runner does that itself, in its stub page.
 */
static long set_bases(struct runner *runner, const struct kap_regs *regs)
{
	struct kap_regs stub = *regs;
	int status, tries;

	stub.ip = KAP_STUB_CODE + (stub_set_bases - kap_stub_start);
	stub.cs = 0x33;
	stub.ss = 0x2b;
	stub.flags = 0x202;
	stub.ax = regs->fs_base;
	stub.dx = regs->gs_base;
	stub.fs_base = stub.gs_base = 0;
	if (host_ptrace(HOST_PTRACE_SETREGS, runner->tid, NULL, &stub))
		return -1;
	/* Up to its system call; whatever else stops it has been told of elsewhere. */
	for (tries = 0; tries < 100; tries++) {
		status = 0;
		if (host_ptrace(HOST_PTRACE_SYSEMU, runner->tid, NULL, NULL) ||
		    wait_always(runner->tid, &status) < 0 || !stopped(status))
			return -1;
		if (((status >> 8) & 0xff) == SYSCALL_STOP)
			return 0;
	}
	return -1;
}

/*
 * Bases and selectors seldom change, and user code may have put a base where the host lets it be
 * but does not let it be set (wrgsbase to the upper half): they are written only
 * when they differ from what the host has.
 */
static long set_regs(struct runner *runner, struct kap_regs *regs)
{
	const kap_u64 *tail = &regs->fs_base;
	long err;
	int i;

	for (i = 0; i < 6 && tail[i] == runner->tail[i]; i++)
		;
	/* In 32-bit code the host would take the set for the 32-bit layout. */
	if (i == 6 && runner->cs == 0x33)
		return set_general(runner, regs);
	err = host_ptrace(HOST_PTRACE_SETREGS, runner->tid, NULL, regs);
	if (unlikely(err == -HOST_EIO) &&
	    (regs->fs_base >= KAP_USER_END || regs->gs_base >= KAP_USER_END)) {
		if (set_bases(runner, regs))
			return -HOST_ESRCH;
		err = set_general(runner, regs);
	}
	if (unlikely(err == -HOST_EIO)) {
		kap_regs_sanitize(regs);
		err = host_ptrace(HOST_PTRACE_SETREGS, runner->tid, NULL, regs);
	}
	return err;
}

/*
 * An interrupt stops a runner before the signal of a fault that it is just taking. That
 * signal is about the registers of now: it must not wait for whoever runs here next.
 */
static int fault_queued(struct runner *runner)
{
	struct host_peeksiginfo args = { .nr = 4 };
	struct host_siginfo info[4];
	long i, nr = host_ptrace(HOST_PTRACE_PEEKSIGINFO, runner->tid, &args, info);

	for (i = 0; i < nr; i++)
		if (KERNEL_SENT(info[i].code))
			return 1;
	return 0;
}

/* Lets user code run until it stops; the host's wait status. */
static int run(struct runner *runner, struct kap_vcpu *vcpu, long how)
{
	int status = 0;

	if (unlikely(host_ptrace(how, runner->tid, NULL, NULL)))
		return 0;
	if (unlikely(how == HOST_PTRACE_SYSEMU_SINGLESTEP)) {
		wait_always(runner->tid, &status);
	} else if (wait_user(runner->tid, &status, &vcpu->pending) == -HOST_EINTR) {
		host_ptrace(HOST_PTRACE_INTERRUPT, runner->tid, NULL, NULL);
		wait_always(runner->tid, &status);
	}
	if (unlikely(stopped(status) && EVENT(status) == HOST_PTRACE_EVENT_STOP) &&
	    fault_queued(runner)) {
		host_ptrace(HOST_PTRACE_SYSEMU, runner->tid, NULL, NULL);
		wait_always(runner->tid, &status);
	}
	return status;
}

void ptrace_run_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		     struct kap_trap *trap)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct kap_shell *shell = space->shell;
	long how = HOST_PTRACE_SYSEMU;
	struct runner *runner;
	kap_u64 points = 0;
	int status, sig;

	zero(trap, sizeof(*trap));
	trap->kind = KAP_TRAP_DOORBELL;
	/* Doorbells wait for one instruction of a step. */
	if (load_acquire(&vcpu->pending) && likely(!park_watched[cpu]))
		return;

	place_vcpu(cpu);
	runner = runner_get(shell, cpu);
	if (unlikely(!runner)) {
		trap->kind = KAP_TRAP_DEAD;
		return;
	}
	fpu_load(runner, fpu);
	if (unlikely(park_watched[cpu])) {
		if (park_enter_user(regs, fpu))
			how = HOST_PTRACE_SYSEMU_SINGLESTEP;
		fpu_load(runner, fpu);
	}
	if (unlikely(kap_ctl()->points_seq) && runner->points != points_wanted(space->info.id)) {
		points_load(shell, space->info.id);
		/* A fault before they were there has set RF: the first instruction counts, too. */
		regs->flags &= ~FLAG_RF;
	}
	regs->orig_ax = ~0ULL;
	if (unlikely(set_regs(runner, regs)))
		goto lost;

	vcpu->runner_tid = runner->tid;
	vcpu->space = space->info.id;
	vcpu->state = KAP_VCPU_USER;
	/* Whoever flushes from here on sees a user, or this sees what is queued: a full barrier. */
	__atomic_fetch_add(&shell->nr_users, 1, __ATOMIC_SEQ_CST);
	kap_space_sync(space);
	status = run(runner, vcpu, how);
	__atomic_fetch_sub(&shell->nr_users, 1, __ATOMIC_RELEASE);
	vcpu->state = KAP_VCPU_KERNEL;
	vcpu->nr_traps++;
	if (unlikely(!stopped(status)))
		goto lost;
	if (unlikely(host_ptrace(HOST_PTRACE_GETREGS, runner->tid, NULL, regs)))
		goto lost;
	copy(runner->tail, &regs->fs_base, sizeof(runner->tail));
	runner->cs = regs->cs;

	sig = (status >> 8) & 0xff;
	if (likely(sig == SYSCALL_STOP))
		trap->kind = KAP_TRAP_SYSCALL;
	else if (EVENT(status) == HOST_PTRACE_EVENT_STOP)
		trap->kind = KAP_TRAP_DOORBELL;
	else
		classify(runner, sig, regs, trap);
	if (trap->kind == KAP_TRAP_FAULT)
		vcpu->nr_faults++;
	if (unlikely(runner->points) && trap->kind == KAP_TRAP_EXCEPTION)
		points = points_hit(shell);
	if (unlikely(park_watched[cpu] || points) && park_left_user(regs, fpu, trap, points))
		trap->kind = KAP_TRAP_DOORBELL;
	else if (unlikely(load_acquire(&vcpu->park.hold)))
		park_after_user(regs, fpu, trap);
	if (unlikely(park_watched[cpu]) && trap->kind == KAP_TRAP_SYSCALL)
		park_into_kernel(regs, __builtin_return_address(0));
	return;

lost:
	vcpu->state = KAP_VCPU_KERNEL;
	runner->state = RUNNER_DEAD;
	trap->kind = KAP_TRAP_DEAD;
}
