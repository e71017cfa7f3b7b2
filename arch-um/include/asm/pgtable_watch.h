/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two bits of page table entries for who watches memory: written since it was asked for
 * (soft dirty), and to be told to a userfaultfd when written. Nothing but the
 * generic code looks at them: a page whose writes are watched is write-protected.
 */
#ifndef _ASM_KAP_PGTABLE_WATCH_H
#define _ASM_KAP_PGTABLE_WATCH_H

/* clang-format off */
#define WATCH_BIT(name, bit, swp_bit) \
	PTE_FN(clear_##name, pte_val(pte) & ~(bit)) \
	PTE_FN(swp_mk##name, pte_val(pte) | (swp_bit)) \
	PTE_FN(swp_clear_##name, pte_val(pte) & ~(swp_bit)) \
	static inline int pte_##name(pte_t pte) { return !!(pte_val(pte) & (bit)); } \
	static inline int pte_swp_##name(pte_t pte) { return !!(pte_val(pte) & (swp_bit)); } \
	static inline int pmd_##name(pmd_t pmd) { return pte_##name(pmd_pte(pmd)); } \
	PMD_FN(mk##name, mk##name) \
	PMD_FN(clear_##name, clear_##name)
/* clang-format on */

PTE_FN(mksoft_dirty, pte_val(pte) | _PAGE_SOFT_DIRTY)
WATCH_BIT(soft_dirty, _PAGE_SOFT_DIRTY, _PAGE_SWP_SOFT_DIRTY)

#ifdef CONFIG_HAVE_ARCH_USERFAULTFD_WP
PTE_FN(mkuffd_wp, (pte_val(pte) | _PAGE_UFFD_WP) & ~_PAGE_WRITE)
WATCH_BIT(uffd_wp, _PAGE_UFFD_WP, _PAGE_SWP_UFFD_WP)
PMD_FN(swp_mkuffd_wp, swp_mkuffd_wp)
PMD_FN(swp_clear_uffd_wp, swp_clear_uffd_wp)
#define pmd_swp_uffd_wp(pmd)	pte_swp_uffd_wp(pmd_pte(pmd))
#endif

#endif
