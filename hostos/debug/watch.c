// SPDX-License-Identifier: GPL-2.0-only
/* Debug registers of a vCPU's thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "debug/watch.h"

#define STATUS_NONE 0xffff0ff0ul

static long *reg_address(unsigned int n)
{
	return (long *)(offsetof(struct user, u_debugreg) + n * sizeof(long));
}

static int poke(pid_t tid, unsigned int n, uint64_t value)
{
	return ptrace(PTRACE_POKEUSER, tid, reg_address(n), value) ? -errno : 0;
}

static int seize(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		return -errno;
	/* The thread waits in its handler: it stops at once. */
	while (waitpid(tid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSTOPPED(status) ? 0 : -ESRCH;
}

static void leave(pid_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

int watch__set(pid_t tid, const struct watch_regs *regs)
{
	int err = seize(tid);

	if (err)
		return err;
	/* Off first: an address may not change under a register that is on. */
	err = poke(tid, 7, 0);
	for (unsigned int n = 0; n < WATCH_REGS && !err; n++)
		if (regs->control >> 2 * n & 1)
			err = poke(tid, n, regs->addr[n]);
	if (!err && regs->control)
		err = poke(tid, 6, STATUS_NONE);
	if (!err && regs->control)
		err = poke(tid, 7, regs->control);
	if (err)
		poke(tid, 7, 0);
	leave(tid);
	return err;
}

int watch__hit(pid_t tid, uint64_t *status)
{
	int err = seize(tid);
	long value;

	if (err)
		return err;
	errno = 0;
	value = ptrace(PTRACE_PEEKUSER, tid, reg_address(6), NULL);
	if (errno)
		err = -errno;
	else
		*status = (uint64_t)value & 0xf;
	poke(tid, 6, STATUS_NONE);
	leave(tid);
	return err;
}
