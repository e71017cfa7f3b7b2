// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's page tables as a TLB: filling from the guest's tables and flushing.
 *
 * Everything here only queues; the shim carries it out before user code of the
 * space runs again. That is soon enough for a flush as long as no other CPU runs user
 * code of the space at this moment; else kap_space_flush() waits.
 *
 * Filling and flushing exclude each other: an entry is read and its mapping queued under the same
 * lock as the unmapping, which comes after the entry was changed. So either the filling sees the
 * change, or the unmapping comes behind the mapping.
 *
 * The kernel itself uses user memory through the linear map, where no unmapping keeps it out.
 * uaccess.c says when it is at that, and a flush waits for it.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <asm/tlbflush.h>
#include <kap/machine.h>

#include "patched.h"
#include "space.h"
#include "twin.h"
#include "uaccess.h"

static inline u32 host_prot(pte_t pte)
{
	u32 prot = KAP_PROT_READ;

	if (pte_write(pte) && pte_dirty(pte))
		prot |= KAP_PROT_WRITE;
	if (pte_exec(pte))
		prot |= KAP_PROT_EXEC;
	return prot;
}

bool kap_pte_mappable(pte_t pte)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;

	return (pte_val(pte) & need) == need;
}

static unsigned long begin(struct mm_struct *mm)
{
	unsigned long flags;

	local_irq_save(flags);
	kap_space_begin(&mm->context.space);
	return flags;
}

static void end(struct mm_struct *mm, unsigned long flags)
{
	kap_space_end(&mm->context.space);
	local_irq_restore(flags);
}

/* The page whose fetch has just failed on this CPU, while it is shown. */
static DEFINE_PER_CPU(unsigned long, fetched);

/*
 * A page that is both is shown to be written until it is fetched from; then who writes to it, be
 * it the kernel, has to fault first.
 */
static bool forbid_writing(unsigned long *entry, unsigned long val)
{
	return !(val & _PAGE_WRITE) || cmpxchg(entry, val, val & ~_PAGE_WRITE) == val;
}

static void show_exec(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte)
{
	u32 prot = host_prot(pte);
	u64 twin, phys = kap_patched_phys(mm, addr, pte);
	unsigned long pfn = pte_pfn(pte);
	bool wanted = addr == __this_cpu_read(fetched);

	if (kap_twins && (!pfn_valid(pfn) || (!wanted && ((prot & KAP_PROT_WRITE) ||
							  kap_twin_written_elsewhere(pfn))))) {
		prot &= ~KAP_PROT_EXEC;
	} else if (kap_twins) {
		if (!forbid_writing(&ptep->pte, pte_val(pte)))
			return;
		prot = KAP_PROT_READ;
		twin = kap_twin_show(mm, addr, phys, wanted);
		/* Without one the page can be read: constants among the code. */
		phys = twin ?: (u64)pfn << PAGE_SHIFT;
		if (likely(twin))
			prot |= KAP_PROT_EXEC;
	}
	kap_space_map(&mm->context.space, addr, phys, PAGE_SIZE, prot);
}

static void show(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);

	if (!kap_pte_mappable(pte))
		return;
	if (unlikely(pte_exec(pte)))
		show_exec(mm, addr, ptep, pte);
	else
		kap_space_map(&mm->context.space, addr, (u64)pte_pfn(pte) << PAGE_SHIFT, PAGE_SIZE,
			      host_prot(pte));
}

void kap_show_fetch(struct mm_struct *mm, unsigned long addr, pte_t *ptep, unsigned int nr,
		    const pmd_t *pmd, pmd_t was, unsigned long fetch)
{
	__this_cpu_write(fetched, fetch & PAGE_MASK);
	kap_show_ptes(mm, addr, ptep, nr, pmd, was);
	__this_cpu_write(fetched, 0);
}

void kap_show_ptes(struct mm_struct *mm, unsigned long addr, pte_t *ptep, unsigned int nr,
		   const pmd_t *pmd, pmd_t was)
{
	unsigned long flags = begin(mm);

	/* Its flush, which comes after the change, has to wait for us, or came already. */
	if (pmd && pmd_val(READ_ONCE(*pmd)) != pmd_val(was))
		nr = 0;
	for (; nr; nr--, ptep++, addr += PAGE_SIZE)
		show(mm, addr, ptep);
	end(mm, flags);
}

void kap_update_mmu_cache(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
			  unsigned int nr)
{
	/* Nobody knows how soon another one uses it: a new program's stack moves first. */
	if (vma->vm_mm == current->mm)
		kap_show_ptes(vma->vm_mm, addr, ptep, nr, NULL, __pmd(0));
}

void kap_show_pmd(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	unsigned long flags = begin(mm);
	pte_t pte = __pte(pmd_val(READ_ONCE(*pmdp)));

	/* It may have become a table by now. */
	if (pmd_leaf(pte_pmd(pte)) && kap_pte_mappable(pte)) {
		u32 prot = host_prot(pte);

		if (kap_twins)
			prot &= ~KAP_PROT_EXEC;
		kap_space_map(&mm->context.space, addr & PMD_MASK, pte_pfn(pte) << PAGE_SHIFT,
			      PMD_SIZE, prot);
	}
	end(mm, flags);
}

/* One page of a 2 MiB page, for execution. */
void kap_show_fetch_pmd(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	unsigned long flags = begin(mm);
	pte_t pte = __pte(pmd_val(READ_ONCE(*pmdp)));

	if (pmd_leaf(pte_pmd(pte)) && kap_pte_mappable(pte) &&
	    forbid_writing(&pmdp->pmd, pte_val(pte))) {
		u64 phys = ((u64)pte_pfn(pte) << PAGE_SHIFT) + (addr & ~PMD_MASK & PAGE_MASK);

		phys = kap_twin_show(mm, addr & PAGE_MASK, phys, true);
		if (phys)
			kap_space_map(&mm->context.space, addr & PAGE_MASK, phys, PAGE_SIZE,
				      KAP_PROT_READ | KAP_PROT_EXEC);
	}
	end(mm, flags);
}

void kap_update_mmu_cache_pmd(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp)
{
	kap_show_pmd(vma->vm_mm, addr, pmdp);
}

/* Breaks the guest's programs on purpose: shows that a test would notice. */
static bool no_remote_flush __ro_after_init;

static int __init set_no_remote_flush(char *arg)
{
	no_remote_flush = true;
	return 0;
}
early_param("kap_no_remote_flush", set_no_remote_flush);

/* Ends a flush whose changes are queued. */
static void flush(struct mm_struct *mm, unsigned long flags)
{
	if (likely(!no_remote_flush))
		kap_space_flush(&mm->context.space);
	end(mm, flags);
	kap_wait_for_copies(mm);
}

void kap_flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long flags;

	if (!mm->context.space.shell)
		return;
	end = min(PAGE_ALIGN(end), TASK_SIZE_MAX);
	start &= PAGE_MASK;
	if (start >= end)
		return;
	flags = begin(mm);
	/* The hole is not the space's to give back. */
	if (start < KAP_HOLE_START)
		kap_space_unmap(&mm->context.space, start, min(end, KAP_HOLE_START) - start);
	if (end > KAP_HOLE_END) {
		start = max(start, KAP_HOLE_END);
		kap_space_unmap(&mm->context.space, start, end - start);
	}
	flush(mm, flags);
}

/* Pages that stay, with other permissions: a linker makes data constant that it then reads. */
#define STILL_PAGES 16

void kap_flush_changed(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long addr, flags;
	pmd_t *pmd, val;

	/* A new program's stack is about to move. */
	if (mm != current->mm || current->in_execve || end - start > STILL_PAGES * PAGE_SIZE ||
	    !mm->context.space.shell || kap_in_hole(start, end - start)) {
		kap_flush_mm_range(mm, start, end);
		return;
	}
	flags = begin(mm);
	kap_space_unmap(&mm->context.space, start, end - start);
	for (addr = start; addr < end; addr += PAGE_SIZE) {
		pte_t pte;

		pmd = kap_find_pmd(mm, addr, &val);
		if (!pmd || pmd_leaf(val))
			continue;
		pte = kap_pte_at(val, addr);
		if (kap_pte_mappable(pte) && !pte_exec(pte))
			kap_space_map(&mm->context.space, addr, (u64)pte_pfn(pte) << PAGE_SHIFT,
				      PAGE_SIZE, host_prot(pte));
	}
	flush(mm, flags);
}

/*
 * A parent soon reads most of what it wrote last (its stack, libc's data), while scattered pages of
 * a large heap are cheaper taken away in runs. So the first pages of a fork stay shown for reading.
 */
#define KEEP_PAGES 16

static DEFINE_PER_CPU(unsigned int, kept_pages);

void kap_wrprotect(struct mm_struct *mm, unsigned long addr, unsigned long old, unsigned long len)
{
	unsigned long need = _PAGE_WRITE | _PAGE_DIRTY;
	bool first = !mm->context.wrprotected;
	unsigned long flags;

	mm->context.wrprotected = true;
	if ((old & need) != need || !mm->context.space.shell)
		return;
	flags = begin(mm);
	if (first)
		__this_cpu_write(kept_pages, 0);
	if (len == PAGE_SIZE && kap_pte_mappable(__pte(old)) && !pte_exec(__pte(old)) &&
	    __this_cpu_inc_return(kept_pages) <= KEEP_PAGES)
		kap_space_map(&mm->context.space, addr, (u64)pte_pfn(__pte(old)) << PAGE_SHIFT, len,
			      KAP_PROT_READ);
	else
		kap_space_unmap(&mm->context.space, addr, len);
	end(mm, flags);
}

/*
 * The generic code calls this at the end of fork() only, for pages that became
 * read-only: those have been dealt with one by one, the rest of the mappings stays.
 */
void flush_tlb_mm(struct mm_struct *mm)
{
	if (!mm->context.wrprotected) {
		kap_flush_mm_range(mm, 0, TASK_SIZE_MAX);
		return;
	}
	mm->context.wrprotected = false;
	flush(mm, begin(mm));
}

void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	kap_flush_mm_range(vma->vm_mm, start, end);
}

void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr)
{
	kap_flush_mm_range(vma->vm_mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
}
