/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's page tables are this machine's TLB. Changes are queued per space
 * and carried out before user code of that space runs again; when another CPU may run it
 * right now, a flush waits until they are in force.
 */
#ifndef _ASM_KAP_TLBFLUSH_H
#define _ASM_KAP_TLBFLUSH_H

#include <linux/mm_types.h>

extern void flush_tlb_all(void);
extern void flush_tlb_mm(struct mm_struct *mm);
extern void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
extern void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr);
extern void flush_tlb_kernel_range(unsigned long start, unsigned long end);
extern void kap_flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end);


/* A flush after which what the tables still have there is shown at once. */
extern void kap_flush_changed(struct mm_struct *mm, unsigned long start, unsigned long end);

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#define flush_pmd_tlb_range(vma, addr, end)	flush_tlb_range(vma, addr, end)
#endif

struct arch_tlbflush_unmap_batch {
};

#endif
