// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces and their host processes. */
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <asm/mmu_context.h>
#include <kap/machine.h>

int init_new_context(struct task_struct *tsk, struct mm_struct *mm)
{
	int err;

	spin_lock_init(&mm->context.space_lock);
	/* dup_mm() copied the parent's words: this one has no host process yet. */
	memset(&mm->context.space, 0, sizeof(mm->context.space));
	preempt_disable();
	err = kap_space_create(&mm->context.space);
	preempt_enable();
	return err;
}

void destroy_context(struct mm_struct *mm)
{
	preempt_disable();
	kap_space_destroy(&mm->context.space);
	preempt_enable();
}
