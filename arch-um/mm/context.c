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
	if (likely(!err))
		return 0;
	/* Without a first program there is nobody in the guest to be told. */
	if (is_global_init(current) && !current->mm)
		kap_exit(KAP_EXIT_HOST, -err, "a process for the guest's first program", NULL);
	pr_err_ratelimited("kap: the host gives no process for an address space (error %d); raise its limit on processes (ulimit -u)\n",
			   err);
	return err;
}

void destroy_context(struct mm_struct *mm)
{
	preempt_disable();
	kap_space_destroy(&mm->context.space);
	preempt_enable();
}
