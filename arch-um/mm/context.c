// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces and their host processes. */
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <asm/mmu_context.h>
#include <kap/ldt.h>

#include "../x86/ldt.h"
#include "../x86/sites.h"
#include "twin.h"

void kap_name_space(struct kap_space_info *info, struct task_struct *tsk)
{
	info->pid = tsk->tgid;
	memcpy(info->name, tsk->group_leader->comm, sizeof(info->name));
}

int init_new_context(struct task_struct *tsk, struct mm_struct *mm)
{
	unsigned long flags;
	int err;

	/* dup_mm() copied the parent's words: this one has no host process yet. */
	memset(&mm->context.space, 0, sizeof(mm->context.space));
	mm->context.space.info.root = __pa(mm->pgd);
	if (!kap_twin_new(mm))
		return -ENOMEM;
	/* Address spaces are freed in soft interrupts, too. */
	local_irq_save(flags);
	err = kap_space_create(&mm->context.space);
	local_irq_restore(flags);
	if (likely(!err)) {
		/* A new program has no segments of its own, a forked one has its parent's. */
		if (tsk != current && current->mm) {
			kap_sites_fork(mm, current->mm);
			err = kap_ldt_copy(mm, current->mm);
		}
		if (unlikely(err))
			destroy_context(mm);
		return err;
	}
	kap_twin_drop(mm);
	/* Without a first program there is nobody in the guest to be told. */
	if (is_global_init(current) && !current->mm)
		kap_exit(KAP_EXIT_HOST, -err, "a process for the guest's first program", NULL);
	pr_err_ratelimited(
		"kap: the host gives no process (error %d); raise its limit on them (ulimit -u)\n",
		err);
	return err;
}

void destroy_context(struct mm_struct *mm)
{
	bool used = kap_ldt_drop(mm);
	unsigned long flags;

	kap_sites_drop(mm);
	kap_twin_drop(mm);
	local_irq_save(flags);
	if (unlikely(used))
		kap_space_retire(&mm->context.space);
	else
		kap_space_destroy(&mm->context.space);
	local_irq_restore(flags);
}
