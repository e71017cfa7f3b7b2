// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers of user code: those of the runner, which is this vCPU's tracee. They are
 * there only while the thread that they belong to runs.
 */
#include <kap/debug.h>
#include "engine/direct.h"
#include "engine/ptrace.h"

/* Of the host's struct user (sys/user.h). */
#define DEBUGREG(n) ((void *)(848UL + 8 * (n)))

#define ENABLED(control, n) ((control) >> 2 * (n)&3)

/* What a processor has in DR6 when nothing has hit. */
#define STATUS_NONE 0xffff0ff0UL

static long poke(struct runner *runner, unsigned int n, kap_u64 value)
{
	return host_ptrace(HOST_PTRACE_POKEUSR, runner->tid, DEBUGREG(n), (void *)value);
}

int kap_debug_load(struct kap_space *space, const struct kap_debug *debug)
{
	struct runner *runner;
	unsigned int n;
	long err;

	/* Nobody traces its runners. */
	if (direct())
		return -HOST_EIO;
	runner = runner_get(space->shell, this_stack()->cpu);
	/* kap_run_user() will say so. */
	if (!runner)
		return 0;
	runner->points = 0;
	err = poke(runner, 6, STATUS_NONE);
	for (n = 0; n < 4 && !err; n++)
		if (ENABLED(debug->control, n))
			err = poke(runner, n, debug->addr[n]);
	if (!err)
		err = poke(runner, 7, debug->control);
	if (err)
		poke(runner, 7, 0);
	return err;
}

void kap_debug_unload(struct kap_space *space, struct kap_debug *debug)
{
	struct runner *runner;

	debug->status = STATUS_NONE;
	if (direct())
		return;
	runner = runner_get(space->shell, this_stack()->cpu);
	if (!runner)
		return;
	host_ptrace(HOST_PTRACE_PEEKUSR, runner->tid, DEBUGREG(6), &debug->status);
	poke(runner, 7, 0);
	runner->points = 0;
}

/*
 * The monitor's breakpoints and watchpoints go before the program's own, which has to do
 * without debug registers for as long as there are any.
 */
void points_load(struct runner *runner, kap_u32 space)
{
	const struct kap_ctl *ctl = kap_ctl();
	kap_u64 control = 0;
	unsigned int n;

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
	if (!control)
		return;
	poke(runner, 6, STATUS_NONE);
	poke(runner, 7, control);
}

kap_u64 points_hit(struct runner *runner)
{
	const struct kap_ctl *ctl = kap_ctl();
	kap_u64 status = 0, ours = 0;
	unsigned int n;

	host_ptrace(HOST_PTRACE_PEEKUSR, runner->tid, DEBUGREG(6), &status);
	for (n = 0; n < KAP_MAX_POINTS; n++)
		if (ctl->points[n].used)
			ours |= 1ULL << n;
	if (status & ours)
		poke(runner, 6, STATUS_NONE);
	return status & ours;
}
