/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces come and go with their host process, taken from the shim's pool. */
#ifndef _ASM_KAP_MMU_CONTEXT_H
#define _ASM_KAP_MMU_CONTEXT_H

#include <linux/mm_types.h>
#include <asm-generic/mm_hooks.h>

#define init_new_context init_new_context
extern int init_new_context(struct task_struct *tsk, struct mm_struct *mm);
#define destroy_context destroy_context
extern void destroy_context(struct mm_struct *mm);
extern void kap_name_space(struct kap_space_info *info, struct task_struct *tsk);

static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next,
			     struct task_struct *tsk)
{
	struct kap_space_info *info = &next->context.space.info;

	/*
	 * User code is run in a space that is named each time it runs. This is for who looks at
	 * the machine from outside, while the kernel runs for a process and by the space's name.
	 */
	kap_vcpu(raw_smp_processor_id())->space = info->id;
	if (unlikely(info->pid != tsk->tgid))
		kap_name_space(info, tsk);
}

#define deactivate_mm(tsk, mm) kap_deactivate_mm(tsk)
extern void kap_deactivate_mm(struct task_struct *task);

#define activate_mm activate_mm
static inline void activate_mm(struct mm_struct *prev, struct mm_struct *next)
{
}

#include <asm-generic/mmu_context.h>

#endif
