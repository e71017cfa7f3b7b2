/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers of a vCPU's host thread, through ptrace for a moment: the thread is parked, is
 * seized, gets its registers and is let go again; they stay. Nothing of the host but ptrace of
 * one's own child is needed.
 */
#ifndef HOSTOS_WATCH_H
#define HOSTOS_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#define WATCH_REGS 4

struct watch_regs {
	uint64_t addr[WATCH_REGS];
	uint64_t control; /* DR7 */
};

/* tid must be a thread of `process`, which the caller knows to be a child: else -ESRCH. */

/* 0 or -errno: what the host says. The thread's registers are off then. */
int watch__set(pid_t process, pid_t tid, const struct watch_regs *regs);

/* Which registers have hit: bits of DR6, which are cleared. 0 or -errno. */
int watch__hit(pid_t process, pid_t tid, uint64_t *status);

#endif
