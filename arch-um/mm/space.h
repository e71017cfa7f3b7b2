/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of this folder: showing guest pages to the host. */
#ifndef KAP_MM_SPACE_H
#define KAP_MM_SPACE_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

/* Whether user code may have this page right now (present, user, young). */
bool kap_pte_mappable(pte_t pte);

/* Whether its tables let user code do that (KAP_PF_*), too. */
bool kap_pte_allows(pte_t pte, unsigned long error);

/*
 * Queue host mappings for nr ptes that lie in one table, or for a 2 MiB page. Who holds no lock
 * that keeps the table where it is names its pmd and what that was: if it is something else by now,
 * nothing is shown.
 */
void kap_show_ptes(struct mm_struct *mm, unsigned long addr, pte_t *ptep, unsigned int nr,
		   const pmd_t *pmd, pmd_t was);
void kap_show_pmd(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp);

/* The same, after user code could not fetch from the address `fetch`, which is to be shown. */
void kap_show_fetch(struct mm_struct *mm, unsigned long addr, pte_t *ptep, unsigned int nr,
		    const pmd_t *pmd, pmd_t was, unsigned long fetch);
void kap_show_fetch_pmd(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp);

/* The entry for 2 MiB, and what it was: a table or a page. Interrupts are off, so tables stay. */
static inline pmd_t *kap_find_pmd(struct mm_struct *mm, unsigned long addr, pmd_t *val)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	pud_t *pud;
	pmd_t *pmd;

	if (!pgd_val(READ_ONCE(*pgd)))
		return NULL;
	pud = pud_offset(p4d_offset(pgd, addr), addr);
	if (pud_none(READ_ONCE(*pud)))
		return NULL;
	pmd = pmd_offset(pud, addr);
	*val = READ_ONCE(*pmd);
	return pmd_val(*val) & _PAGE_PRESENT ? pmd : NULL;
}

/* In the table that kap_find_pmd() has found. */
static inline pte_t kap_pte_at(pmd_t table, unsigned long addr)
{
	return READ_ONCE(((pte_t *)__va(pmd_val(table) & PTE_PFN_MASK))[pte_index(addr)]);
}

/* fault.c, with interrupts off: the page that user code may execute at addr; 0: none. */
unsigned long kap_exec_pfn(struct mm_struct *mm, unsigned long addr);

/* decode.c: whether the instruction at ip writes to memory at addr. Never says yes wrongly. */
bool kap_insn_writes(const struct pt_regs *regs, unsigned long addr);

/* kernel_map.c: the entry of a vmalloc or module address, or null. */
pte_t *kap_kernel_pte(unsigned long addr);

/* kernel_map.c: shows a kernel page if its tables allow the access (KAP_PF_*). */
bool kap_fill_kernel(unsigned long addr, unsigned long error);

#endif
