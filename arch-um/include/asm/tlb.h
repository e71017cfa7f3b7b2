/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of an unmap: drop the host mappings of what was gathered. */
#ifndef _ASM_KAP_TLB_H
#define _ASM_KAP_TLB_H

struct mmu_gather;
static inline void tlb_flush(struct mmu_gather *tlb);
#define tlb_flush tlb_flush

#include <asm-generic/tlb.h>
#include <asm/tlbflush.h>

static inline void __tlb_remove_table(void *table)
{
	free_page_and_swap_cache(table);
}

static inline void tlb_flush(struct mmu_gather *tlb)
{
	/*
	 * The whole address space goes: its host process is emptied in one call. But the core also
	 * says so when two threads drop memory at once, and the one who is first out must not go
	 * on with what the other one has already taken out of the tables.
	 */
	if (tlb->fullmm) {
		if (atomic_read(&tlb->mm->mm_users))
			kap_flush_mm_range(tlb->mm, 0, TASK_SIZE_MAX);
		return;
	}
	if (tlb->need_flush_all)
		kap_flush_mm_range(tlb->mm, 0, TASK_SIZE_MAX);
	else if (tlb->end && tlb->freed_tables)
		kap_flush_mm_range(tlb->mm, tlb->start, tlb->end);
	else if (tlb->end)
		kap_flush_changed(tlb->mm, tlb->start, tlb->end);
}

#endif
