/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces come and go with their host process, taken from the shim's pool. */
#ifndef _ASM_KAP_MMU_CONTEXT_H
#define _ASM_KAP_MMU_CONTEXT_H

#include <linux/mm_types.h>
#include <linux/cpumask.h>
#include <asm-generic/mm_hooks.h>

#define init_new_context init_new_context
extern int init_new_context(struct task_struct *tsk, struct mm_struct *mm);
#define destroy_context destroy_context
extern void destroy_context(struct mm_struct *mm);

static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next,
			     struct task_struct *tsk)
{
	unsigned int cpu = smp_processor_id();

	if (prev == next)
		return;
	cpumask_set_cpu(cpu, mm_cpumask(next));
	cpumask_clear_cpu(cpu, mm_cpumask(prev));
}

#define activate_mm activate_mm
static inline void activate_mm(struct mm_struct *prev, struct mm_struct *next)
{
	unsigned long flags;

	local_irq_save(flags);
	switch_mm(prev, next, current);
	local_irq_restore(flags);
}

#include <asm-generic/mmu_context.h>

#endif
