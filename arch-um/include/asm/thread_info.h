/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The base of every kernel stack. Its first two words are the machine
 * contract's struct kap_stack: the signal entry looks at them through the
 * interrupted stack pointer.
 */
#ifndef _ASM_KAP_THREAD_INFO_H
#define _ASM_KAP_THREAD_INFO_H

#include <kap/abi.h>
#include <asm/page.h>

#define THREAD_SIZE		KAP_STACK_SIZE
#define THREAD_SIZE_ORDER	2

#ifndef __ASSEMBLY__

#include <asm/asm.h>

struct task_struct;

struct thread_info {
	u32 irqs_off;			/* struct kap_stack */
	u32 cpu;			/* struct kap_stack */
	struct task_struct *task;
	unsigned long flags;		/* TIF_* */
	unsigned long syscall_work;	/* SYSCALL_WORK_* */
	int preempt_count;
	unsigned int status;
};

#define INIT_THREAD_INFO(tsk)			\
	{                                                                         \
		.irqs_off = 1, .task = &tsk, .preempt_count = INIT_PREEMPT_COUNT, \
	}

static __always_inline __attribute_const__ struct thread_info *current_thread_info(void)
{
	return (struct thread_info *)(current_stack_pointer & ~((unsigned long)THREAD_SIZE - 1));
}

#endif

#define TIF_NOTIFY_RESUME	1
#define TIF_SIGPENDING		2
#define TIF_NEED_RESCHED	3
#define TIF_SINGLESTEP		4	/* TF is set on behalf of a tracer */
#define TIF_UPROBE		5
#define TIF_NOTIFY_SIGNAL	6
#define TIF_PATCH_PENDING	7
#define TIF_MEMDIE		8
#define TIF_FORCED_TF		9	/* TF in the saved flags is the tracer's */
#define TIF_POLLING_NRFLAG	10

#define _TIF_NOTIFY_RESUME	(1 << TIF_NOTIFY_RESUME)
#define _TIF_SIGPENDING		(1 << TIF_SIGPENDING)
#define _TIF_NEED_RESCHED	(1 << TIF_NEED_RESCHED)
#define _TIF_SINGLESTEP		(1 << TIF_SINGLESTEP)
#define _TIF_UPROBE		(1 << TIF_UPROBE)
#define _TIF_NOTIFY_SIGNAL	(1 << TIF_NOTIFY_SIGNAL)
#define _TIF_PATCH_PENDING	(1 << TIF_PATCH_PENDING)
#define _TIF_FORCED_TF		(1 << TIF_FORCED_TF)
#define _TIF_POLLING_NRFLAG	(1 << TIF_POLLING_NRFLAG)

#endif
