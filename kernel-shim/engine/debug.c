// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers of user code: those of the runner. A program's own are there only while the
 * thread that they belong to runs, the monitor's as long as it wants them.
 *
 * The host has them written by a tracer. The ptrace engine's runners are this vCPU's tracees
 * anyway. On the direct engine nobody is, and the vCPU itself executes in the runner: so it goes
 * home, where it can trace the runner for a moment; what that one has been given stays.
 */
#include <kap/debug.h>
#include "engine/direct.h"
#include "engine/ptrace.h"

/* Of the host's struct user (sys/user.h). */
#define DEBUGREG(n) ((void *)(848UL + 8 * (n)))

#define ENABLED(control, n) ((control) >> 2 * (n)&3)

/* What a processor has in DR6 when nothing has hit. */
#define STATUS_NONE 0xffff0ff0UL

/* On the direct engine: what had stopped the runner in place of the vCPU. */
static kap_u32 stolen[KAP_MAX_VCPUS];

/* A runner of that process which waits for its turn, as a tracee of the vCPU, which is at home. */
static struct runner *seize(struct kap_shell *shell, long *err)
{
	kap_u32 cpu = this_stack()->cpu;
	struct runner *runner = &shell->runner[cpu];
	int status = 0;
	long ret;

	*err = 0;
	if (runner->state == RUNNER_NONE)
		*err = direct_go(shell);
	if (*err)
		return NULL;
	direct_go_home();
	if (runner->state != RUNNER_STOPPED)
		return NULL;
	*err = host_ptrace(HOST_PTRACE_SEIZE, runner->tid, NULL, NULL);
	if (*err)
		return NULL;
	host_ptrace(HOST_PTRACE_INTERRUPT, runner->tid, NULL, NULL);
	do {
		ret = host_call(HOST_wait4, runner->tid, &status, HOST_WALL, NULL);
	} while (ret == -HOST_EINTR);
	if (ret < 0 || !stopped(status)) {
		runner->state = RUNNER_DEAD;
		return NULL;
	}
	stolen[cpu] = status >> 16 ? 0 : status >> 8;
	return runner;
}

/* The runner of this vCPU, whose registers can be read and written until leave(). */
static struct runner *enter(struct kap_shell *shell, long *err)
{
	*err = 0;
	return direct() ? seize(shell, err) : runner_get(shell, this_stack()->cpu);
}

static void leave(struct runner *runner)
{
	if (direct())
		host_ptrace(HOST_PTRACE_DETACH, runner->tid, NULL,
			    (void *)(kap_u64)stolen[runner->cpu]);
}

static long poke(struct runner *runner, unsigned int n, kap_u64 value)
{
	return host_ptrace(HOST_PTRACE_POKEUSR, runner->tid, DEBUGREG(n), (void *)value);
}

int kap_debug_load(struct kap_space *space, const struct kap_debug *debug)
{
	struct runner *runner;
	unsigned int n;
	long err;

	runner = enter(space->shell, &err);
	/* If it is lost, kap_run_user() will say so. */
	if (!runner)
		return err;
	runner->points = 0;
	err = poke(runner, 6, STATUS_NONE);
	for (n = 0; n < 4 && !err; n++)
		if (ENABLED(debug->control, n))
			err = poke(runner, n, debug->addr[n]);
	if (!err)
		err = poke(runner, 7, debug->control);
	if (err)
		poke(runner, 7, 0);
	leave(runner);
	return err;
}

void kap_debug_unload(struct kap_space *space, struct kap_debug *debug)
{
	struct runner *runner;
	long err;

	debug->status = STATUS_NONE;
	runner = enter(space->shell, &err);
	if (!runner)
		return;
	host_ptrace(HOST_PTRACE_PEEKUSR, runner->tid, DEBUGREG(6), &debug->status);
	poke(runner, 7, 0);
	runner->points = 0;
	leave(runner);
}

/*
 * The monitor's breakpoints and watchpoints go before the program's own, which has to do
 * without debug registers for as long as there are any.
 */
void points_load(struct kap_shell *shell, kap_u32 space)
{
	const struct kap_ctl *ctl = kap_ctl();
	struct runner *runner;
	kap_u64 control = 0;
	unsigned int n;
	long err;

	runner = enter(shell, &err);
	if (!runner) {
		/* Should the host refuse, this is not tried again and again. */
		shell->runner[this_stack()->cpu].points = points_wanted(space);
		return;
	}
	runner->points = points_wanted(space);
	poke(runner, 7, 0);
	for (n = 0; n < KAP_MAX_POINTS; n++) {
		const struct kap_point *point = &ctl->points[n];

		if (!point->used || (point->space && point->space != space))
			continue;
		/* The host refuses addresses that are not user code's. */
		if (!poke(runner, n, point->addr))
			control |= 1ULL << 2 * n | (kap_u64)(point->control & 0xf) << (16 + 4 * n);
	}
	if (control) {
		poke(runner, 6, STATUS_NONE);
		poke(runner, 7, control);
	}
	leave(runner);
}

kap_u64 points_hit(struct kap_shell *shell)
{
	const struct kap_ctl *ctl = kap_ctl();
	kap_u64 status = 0, ours = 0;
	struct runner *runner;
	unsigned int n;
	long err;

	runner = enter(shell, &err);
	if (!runner)
		return 0;
	host_ptrace(HOST_PTRACE_PEEKUSR, runner->tid, DEBUGREG(6), &status);
	for (n = 0; n < KAP_MAX_POINTS; n++)
		if (ctl->points[n].used)
			ours |= 1ULL << n;
	if (status & ours)
		poke(runner, 6, STATUS_NONE);
	leave(runner);
	return status & ours;
}
