// SPDX-License-Identifier: GPL-2.0-only
/* Debug registers of a vCPU's thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* signo: what had stopped it in place of us. */
static void leave(pid_t tid, int signo)
{
	ptrace(PTRACE_DETACH, tid, NULL, (long)signo);
}

/*
 * The thread waits in its handler and stops at once. But its number is the guest's word, and a
 * thread that can't stop must not hold up the monitor. An end is not taken here: whoever waits for
 * the guest's processes has to see it.
 */
static int seize(pid_t process, pid_t tid, int *signo)
{
	struct timespec pause = { .tv_nsec = 100000 };
	siginfo_t info = { 0 };

	if (process <= 0 || tid <= 0 || syscall(SYS_tgkill, process, tid, 0))
		return -ESRCH;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return -errno;
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	for (int tries = 0; tries < 5000; tries++) {
		if (waitid(P_PID, tid, &info, WSTOPPED | WNOHANG | __WALL))
			break;
		if (info.si_pid == tid) {
			/* PTRACE_EVENT_STOP is ours. */
			*signo = info.si_status >> 8 ? 0 : info.si_status;
			return 0;
		}
		if (tries > 10)
			nanosleep(&pause, NULL);
	}
	leave(tid, 0);
	return -ESRCH;
}

int watch__set(pid_t process, pid_t tid, const struct watch_regs *regs)
{
	int signo, err = seize(process, tid, &signo);

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
	leave(tid, signo);
	return err;
}

int watch__hit(pid_t process, pid_t tid, uint64_t *status)
{
	int signo, err = seize(process, tid, &signo);
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
	leave(tid, signo);
	return err;
}
