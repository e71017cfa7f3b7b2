/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables. No hardware reads them: they say what the host's mappings may
 * show. Four levels, x86-64's layout of indices, bits as below. A host mapping is made
 * writable only for a pte that is writable and dirty, and made at all only for a
 * young one, so that both bits are always true to what user code did.
 */
#ifndef _ASM_KAP_PGTABLE_H
#define _ASM_KAP_PGTABLE_H

#include <asm-generic/pgtable-nop4d.h>
#include <linux/mm_types.h>
#include <asm/page.h>

#define PGDIR_SHIFT	39
#define PGDIR_SIZE	(1UL << PGDIR_SHIFT)
#define PGDIR_MASK	(~(PGDIR_SIZE - 1))
#define PUD_SHIFT	30
#define PUD_SIZE	(1UL << PUD_SHIFT)
#define PUD_MASK	(~(PUD_SIZE - 1))
#define PMD_SHIFT	21
#define PMD_SIZE	(1UL << PMD_SHIFT)
#define PMD_MASK	(~(PMD_SIZE - 1))

#define PTRS_PER_PGD	512
#define PTRS_PER_PUD	512
#define PTRS_PER_PMD	512
#define PTRS_PER_PTE	512
#define USER_PTRS_PER_PGD	256

#define _PAGE_PRESENT	(1UL << 0)
#define _PAGE_WRITE	(1UL << 1)
#define _PAGE_USER	(1UL << 2)
#define _PAGE_ACCESSED	(1UL << 5)
#define _PAGE_DIRTY	(1UL << 6)
#define _PAGE_LEAF	(1UL << 7)	/* in a pmd: 2 MiB page */
#define _PAGE_PROTNONE	(1UL << 8)	/* present, but for nobody; without _PAGE_PRESENT */
#define _PAGE_SPECIAL	(1UL << 9)
#define _PAGE_SOFT_DIRTY	(1UL << 10)
#define _PAGE_UFFD_WP	(1UL << 11)
#define _PAGE_SWP_EXCLUSIVE	(1UL << 2)	/* this and the next in a swap entry */
#define _PAGE_SWP_SOFT_DIRTY	(1UL << 3)
#define _PAGE_SWP_UFFD_WP	(1UL << 4)
#define _PAGE_NX	(1UL << 63)

#define PFN_PTE_SHIFT	PAGE_SHIFT
#define PTE_PFN_MASK	0x0000fffffffff000UL
#define _PAGE_CHG_MASK \
	(PTE_PFN_MASK | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SPECIAL | _PAGE_LEAF | \
	 _PAGE_SOFT_DIRTY | _PAGE_UFFD_WP)

#define _KERNEL_BITS	(_PAGE_PRESENT | _PAGE_WRITE | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _USER_BITS	(_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)

#define PAGE_NONE		__pgprot(_PAGE_PROTNONE | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_READONLY		__pgprot(_USER_BITS | _PAGE_NX)
#define PAGE_READONLY_EXEC	__pgprot(_USER_BITS)
#define PAGE_SHARED		__pgprot(_USER_BITS | _PAGE_WRITE | _PAGE_NX)
#define PAGE_SHARED_EXEC	__pgprot(_USER_BITS | _PAGE_WRITE)
#define PAGE_COPY		PAGE_READONLY
#define PAGE_COPY_EXEC		PAGE_READONLY_EXEC

#define PAGE_KERNEL		__pgprot(_KERNEL_BITS | _PAGE_NX)
#define PAGE_KERNEL_EXEC	__pgprot(_KERNEL_BITS)
#define PAGE_KERNEL_RO		__pgprot(_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_KERNEL_ROX		__pgprot(_PAGE_PRESENT | _PAGE_ACCESSED)

#define VMALLOC_START	_AC(KAP_VMALLOC_START, UL)
#define VMALLOC_END	_AC(KAP_VMALLOC_END, UL)
#define MODULES_VADDR	_AC(KAP_MODULES_START, UL)
#define MODULES_END	_AC(KAP_MODULES_END, UL)
#define FIRST_USER_ADDRESS	0UL

#ifndef __ASSEMBLY__

extern pgd_t swapper_pg_dir[PTRS_PER_PGD];
extern unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)];
#define ZERO_PAGE(vaddr)	virt_to_page(empty_zero_page)

extern void paging_init(void);

/* ---- pte ---- */

#define pfn_pte(pfn, prot)	__pte(((unsigned long)(pfn) << PAGE_SHIFT) | pgprot_val(prot))
#define pte_pfn(pte)		((pte_val(pte) & PTE_PFN_MASK) >> PAGE_SHIFT)
#define pte_page(pte)		pfn_to_page(pte_pfn(pte))
#define mk_pte(page, prot)	pfn_pte(page_to_pfn(page), prot)

#define PTE_FN(name, expr) \
	static inline pte_t pte_##name(pte_t pte) \
	{                                         \
		return __pte(expr);               \
	}
PTE_FN(mkwrite_novma, pte_val(pte) | _PAGE_WRITE)
PTE_FN(wrprotect, pte_val(pte) & ~_PAGE_WRITE)
PTE_FN(mkdirty, pte_val(pte) | _PAGE_DIRTY | _PAGE_SOFT_DIRTY)
PTE_FN(mkclean, pte_val(pte) & ~_PAGE_DIRTY)
PTE_FN(mkyoung, pte_val(pte) | _PAGE_ACCESSED)
PTE_FN(mkold, pte_val(pte) & ~_PAGE_ACCESSED)
PTE_FN(mkspecial, pte_val(pte) | _PAGE_SPECIAL)
PTE_FN(mkhuge, pte_val(pte) | _PAGE_LEAF)
PTE_FN(swp_mkexclusive, pte_val(pte) | _PAGE_SWP_EXCLUSIVE)
PTE_FN(swp_clear_exclusive, pte_val(pte) & ~_PAGE_SWP_EXCLUSIVE)

static inline int pte_none(pte_t pte)
{
	return !pte_val(pte);
}
static inline int pte_present(pte_t pte)
{
	return !!(pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE));
}
static inline int pte_write(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_WRITE);
}
static inline int pte_dirty(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_DIRTY);
}
static inline int pte_young(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_ACCESSED);
}
static inline int pte_special(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_SPECIAL);
}
static inline int pte_exec(pte_t pte)
{
	return !(pte_val(pte) & _PAGE_NX);
}
static inline int pte_swp_exclusive(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_SWP_EXCLUSIVE);
}
#define pte_access_permitted pte_access_permitted
static inline bool pte_access_permitted(pte_t pte, bool write)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_WRITE : 0);

	return (pte_val(pte) & need) == need;
}

static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | (pgprot_val(prot) & ~PTE_PFN_MASK));
}

static inline void set_pte(pte_t *ptep, pte_t pte)
{
	WRITE_ONCE(*ptep, pte);
}
#define pte_clear(mm, addr, ptep)	set_pte(ptep, __pte(0))

static inline pgprot_t pgprot_nx(pgprot_t prot)
{
	return __pgprot(pgprot_val(prot) | _PAGE_NX);
}
#define pgprot_nx pgprot_nx

/* ---- pmd: a table, or a 2 MiB page ---- */

#define _PAGE_TABLE	(_PAGE_PRESENT | _PAGE_WRITE | _PAGE_USER | _PAGE_ACCESSED)

static inline pte_t pmd_pte(pmd_t pmd)
{
	return __pte(pmd_val(pmd));
}
static inline pmd_t pte_pmd(pte_t pte)
{
	return __pmd(pte_val(pte));
}

static inline int pmd_none(pmd_t pmd)
{
	return !pmd_val(pmd);
}
static inline int pmd_present(pmd_t pmd)
{
	/* a huge page that is being split counts as present */
	return !!(pmd_val(pmd) & (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_LEAF));
}
static inline int pmd_leaf(pmd_t pmd)
{
	return !!(pmd_val(pmd) & _PAGE_LEAF);
}
#define pmd_leaf pmd_leaf
static inline int pmd_bad(pmd_t pmd)
{
	return (pmd_val(pmd) & ~PTE_PFN_MASK) != _PAGE_TABLE;
}
static inline void set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	WRITE_ONCE(*pmdp, pmd);
}
#define pmd_clear(pmdp)		set_pmd(pmdp, __pmd(0))
#define pmd_pfn(pmd)		((pmd_val(pmd) & PTE_PFN_MASK) >> PAGE_SHIFT)
#define pmd_page(pmd)		pfn_to_page(pmd_pfn(pmd))
#define pmd_page_vaddr(pmd)	((unsigned long)pfn_to_virt(pmd_pfn(pmd)))
#define pfn_pmd(pfn, prot)	__pmd(((unsigned long)(pfn) << PAGE_SHIFT) | pgprot_val(prot))
#define mk_pmd(page, prot)	pfn_pmd(page_to_pfn(page), prot)

#define PMD_FN(name, fn) \
	static inline pmd_t pmd_##name(pmd_t pmd)       \
	{                                               \
		return pte_pmd(pte_##fn(pmd_pte(pmd))); \
	}
PMD_FN(mkwrite_novma, mkwrite_novma)
PMD_FN(wrprotect, wrprotect)
PMD_FN(mkdirty, mkdirty)
PMD_FN(mkclean, mkclean)
PMD_FN(mkyoung, mkyoung)
PMD_FN(mkold, mkold)
PMD_FN(mkhuge, mkhuge)
#define pmd_write(pmd)		pte_write(pmd_pte(pmd))
#define pmd_dirty(pmd)		pte_dirty(pmd_pte(pmd))
#define pmd_young(pmd)		pte_young(pmd_pte(pmd))

#include <asm/pgtable_watch.h>

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static inline int pmd_trans_huge(pmd_t pmd)
{
	return !!(pmd_val(pmd) & _PAGE_LEAF);
}

static inline pmd_t pmd_modify(pmd_t pmd, pgprot_t prot)
{
	return pte_pmd(pte_modify(pmd_pte(pmd), prot));
}

static inline void set_pmd_at(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp, pmd_t pmd)
{
	set_pmd(pmdp, pmd);
}

static inline pmd_t pmd_mkinvalid(pmd_t pmd)
{
	return __pmd(pmd_val(pmd) & ~(_PAGE_PRESENT | _PAGE_PROTNONE));
}

#define pmdp_establish pmdp_establish
static inline pmd_t pmdp_establish(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp,
				   pmd_t pmd)
{
	return __pmd(xchg(&pmdp->pmd, pmd.pmd));
}
#define update_mmu_cache_pmd(vma, addr, pmdp)	kap_update_mmu_cache_pmd(vma, addr, pmdp)
#endif

#ifdef CONFIG_NUMA_BALANCING
#error NUMA balancing is not made for this machine
#endif

/* ---- pud, pgd: tables only ---- */

static inline int pud_none(pud_t pud)
{
	return !pud_val(pud);
}
static inline int pud_present(pud_t pud)
{
	return !!(pud_val(pud) & _PAGE_PRESENT);
}
static inline int pud_bad(pud_t pud)
{
	return (pud_val(pud) & ~PTE_PFN_MASK) != _PAGE_TABLE;
}
static inline void set_pud(pud_t *pudp, pud_t pud)
{
	WRITE_ONCE(*pudp, pud);
}
#define pud_clear(pudp)		set_pud(pudp, __pud(0))
#define pud_pfn(pud)		((pud_val(pud) & PTE_PFN_MASK) >> PAGE_SHIFT)
#define pud_page(pud)		pfn_to_page(pud_pfn(pud))
#define pud_pgtable(pud)	((pmd_t *)pfn_to_virt(pud_pfn(pud)))

static inline int p4d_none(p4d_t p4d)
{
	return !pgd_val(p4d.pgd);
}
static inline int p4d_present(p4d_t p4d)
{
	return !!(pgd_val(p4d.pgd) & _PAGE_PRESENT);
}
static inline int p4d_bad(p4d_t p4d)
{
	return (pgd_val(p4d.pgd) & ~PTE_PFN_MASK) != _PAGE_TABLE;
}
static inline void set_p4d(p4d_t *p4dp, p4d_t p4d)
{
	WRITE_ONCE(*p4dp, p4d);
}
#define p4d_clear(p4dp)		set_p4d(p4dp, __p4d(0))
#define p4d_pfn(p4d)		((pgd_val((p4d).pgd) & PTE_PFN_MASK) >> PAGE_SHIFT)
#define p4d_page(p4d)		pfn_to_page(p4d_pfn(p4d))
#define p4d_pgtable(p4d)	((pud_t *)pfn_to_virt(p4d_pfn(p4d)))

#define pte_ERROR(e) pr_err("%s:%d: bad pte %016lx\n", __FILE__, __LINE__, pte_val(e))
#define pmd_ERROR(e) pr_err("%s:%d: bad pmd %016lx\n", __FILE__, __LINE__, pmd_val(e))
#define pud_ERROR(e) pr_err("%s:%d: bad pud %016lx\n", __FILE__, __LINE__, pud_val(e))
#define pgd_ERROR(e) pr_err("%s:%d: bad pgd %016lx\n", __FILE__, __LINE__, pgd_val(e))

/* ---- atomic changes: several CPUs and the kernel's own walks look on ---- */

#define __HAVE_ARCH_PTEP_GET_AND_CLEAR
static inline pte_t ptep_get_and_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	return __pte(xchg(&ptep->pte, 0));
}

/* fork() calls it for each page: what user code may write right now is taken back at once. */
extern void kap_wrprotect(struct mm_struct *mm, unsigned long addr, unsigned long old,
			  unsigned long len);

#define __HAVE_ARCH_PTEP_SET_WRPROTECT
static inline void ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	unsigned long old = pte_val(READ_ONCE(*ptep));

	clear_bit(1, (unsigned long *)&ptep->pte);
	kap_wrprotect(mm, addr, old, PAGE_SIZE);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#define __HAVE_ARCH_PMDP_HUGE_GET_AND_CLEAR
static inline pmd_t pmdp_huge_get_and_clear(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	return __pmd(xchg(&pmdp->pmd, 0));
}

#define __HAVE_ARCH_PMDP_SET_WRPROTECT
static inline void pmdp_set_wrprotect(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	unsigned long old = pmd_val(READ_ONCE(*pmdp));

	clear_bit(1, (unsigned long *)pmdp);
	kap_wrprotect(mm, addr, old, PMD_SIZE);
}
#endif

/* ---- what the fault handler hands to the host ---- */

struct vm_fault;
extern void kap_update_mmu_cache(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
				 unsigned int nr);
extern void kap_update_mmu_cache_pmd(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp);

static inline void update_mmu_cache_range(struct vm_fault *vmf, struct vm_area_struct *vma,
					  unsigned long addr, pte_t *ptep, unsigned int nr)
{
	kap_update_mmu_cache(vma, addr, ptep, nr);
}

static inline void update_mmu_cache(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	kap_update_mmu_cache(vma, addr, ptep, 1);
}

/* A fault that the tables allow only needs its mapping filled in. */
#define flush_tlb_fix_spurious_fault(vma, addr, ptep)	kap_update_mmu_cache(vma, addr, ptep, 1)

/*
 * Swap entries: bits 0, 7 and 8 clear (not present, not a leaf), bit 2
 * exclusive, bits 3 and 4 watched, bits 9-13 type, bits 14-63 offset.
 */
#define __swp_type(x)			(((x).val >> 9) & 0x1f)
#define __swp_offset(x)			((x).val >> 14)
#define __swp_entry(type, offset) \
	((swp_entry_t){ (((unsigned long)(type)&0x1f) << 9) | ((unsigned long)(offset) << 14) })
#define __pte_to_swp_entry(pte) ((swp_entry_t){ pte_val(pte) })
#define __swp_entry_to_pte(x)		__pte((x).val)
#define __pmd_to_swp_entry(pmd) ((swp_entry_t){ pmd_val(pmd) })
#define __swp_entry_to_pmd(x)		__pmd((x).val)

#define HAVE_ARCH_UNMAPPED_AREA
#define HAVE_ARCH_UNMAPPED_AREA_TOPDOWN

#endif
#endif
