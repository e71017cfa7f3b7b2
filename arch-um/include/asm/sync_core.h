/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * membarrier(2)'s SYNC_CORE: a CPU that goes back to user code must have thrown away what it
 * fetched before. The host goes back by sysret, which does not, only when rcx holds the
 * return address. A system call may change rcx, so it gets another value: then it is iret.
 */
#ifndef _ASM_KAP_SYNC_CORE_H
#define _ASM_KAP_SYNC_CORE_H

#include <linux/sched.h>
#include <linux/ptrace.h>

static inline void sync_core_before_usermode(void)
{
	struct pt_regs *regs = current_pt_regs();

	if (current->mm && regs->orig_ax != -1UL && regs->cx == regs->ip)
		regs->cx = 0;
}

#endif
