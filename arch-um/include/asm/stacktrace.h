/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel stacks, seen from outside. */
#ifndef _ASM_KAP_STACKTRACE_H
#define _ASM_KAP_STACKTRACE_H

/*
 * What __switch_to leaves at thread.sp of a task that does not run. Debuggers (drgn) know it by
 * these names.
 */
struct inactive_task_frame {
	unsigned long r15, r14, r13, r12, bx, bp, ret_addr;
};

#endif
