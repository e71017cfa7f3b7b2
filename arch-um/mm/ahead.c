// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faulting in ahead. A fault costs as much as showing dozens of pages, so each brings in what will
 * be wanted next, and an exec brings in what every program begins with.
 */
#include <linux/binfmts.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/sizes.h>
#include <linux/userfaultfd_k.h>
#include <kap/machine.h>

#include "ahead.h"
#include "patched.h"
#include "space.h"
#include "twin.h"

/*
 * Bytes: reads of files go this far around a fault, fetches of text that is one run further; writes
 * of private mappings up to this size, and of a stack this far down.
 */
#define READ_AROUND (256UL * 1024)
#define FETCH_AROUND (2048UL * 1024)
#define WRITE_AROUND (64UL * 1024)
#define STACK_AROUND (4 * PAGE_SIZE)
#define ARGUMENT_PAGES 16UL

/* Another page of the same mapping, if that needs no waiting; the lock stays held. */
static bool fault_one_more(struct vm_area_struct *vma, unsigned long addr, unsigned int flags,
			   struct pt_regs *regs)
{
	vm_fault_t fault = handle_mm_fault(vma, addr,
					   flags | FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT,
					   regs);

	return !(fault & (VM_FAULT_ERROR | VM_FAULT_RETRY | VM_FAULT_COMPLETED));
}

static bool page_cached(struct vm_area_struct *vma, unsigned long addr)
{
	struct folio *folio =
		filemap_get_folio(vma->vm_file->f_mapping, linear_page_index(vma, addr));

	if (IS_ERR(folio))
		return false;
	folio_put(folio);
	return true;
}

/* What the tables have for addr, where it is: a page of 2 MiB's own flags for all of it. */
static pte_t look_up(struct mm_struct *mm, unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmd, val;
	pte_t pte;

	local_irq_save(flags);
	pmd = kap_find_pmd(mm, addr, &val);
	pte = !pmd ? __pte(0) : pmd_leaf(val) ? __pte(pmd_val(val)) : kap_pte_at(val, addr);
	local_irq_restore(flags);
	return pte;
}

/* The generic code maps what is cached of the 64 KiB, or as much from the mapping's start on. */
static bool read_block(struct vm_area_struct *vma, unsigned long block)
{
	unsigned long first = max(block, vma->vm_start);
	unsigned long last = min(block + SZ_64K, vma->vm_end) - PAGE_SIZE;

	if (pte_present(look_up(vma->vm_mm, first)))
		first = last;
	return !page_cached(vma, first) || fault_one_more(vma, first, 0, NULL);
}

/*
 * A read has brought in the block of addr; this goes on in its neighbours: down and then up, so
 * that what meets in memory is one mapping of the host's.
 */
static void read_around(struct vm_area_struct *vma, unsigned long addr)
{
	bool is_run = kap_patched_is_run(vma, addr);
	unsigned long first = addr & ~(READ_AROUND - 1);
	unsigned long start = is_run ? addr - min(addr, FETCH_AROUND) : first;
	unsigned long end = is_run ? addr + FETCH_AROUND : first + READ_AROUND;
	unsigned long here = addr & ~(SZ_64K - 1), block;

	start = max(start, vma->vm_start) & ~(SZ_64K - 1);
	end = min(end, vma->vm_end);
	/* Who has come from the block before goes on into those behind. */
	if (!(vma->vm_flags & VM_EXEC) && start > vma->vm_start &&
	    pte_present(look_up(vma->vm_mm, start - PAGE_SIZE)))
		end = min(end + 3 * READ_AROUND, vma->vm_end);

	kap_gather_program(vma, max(start, vma->vm_start), end);
	for (block = here; block > start; block -= SZ_64K)
		if (!read_block(vma, block - SZ_64K))
			return;
	for (block = here + SZ_64K; block < end; block += SZ_64K)
		if (!read_block(vma, block))
			return;
}

/*
 * Somebody has asked to know which pages are written (/proc/PID/clear_refs). A stack lacks the flag
 * from the start; there he is told of a few pages too many.
 */
static bool writes_watched(struct vm_area_struct *vma)
{
	return VM_SOFTDIRTY && !(vma->vm_flags & (VM_SOFTDIRTY | VM_GROWSDOWN));
}

/*
 * Pages are shared with the process at the other end of a fork: each write ahead would be a copy,
 * mostly for a child that ends or executes another program before it needs one.
 */
static bool is_forked(struct vm_area_struct *vma)
{
	struct anon_vma *anon_vma = vma->anon_vma;

	return anon_vma && (anon_vma->root != anon_vma || READ_ONCE(anon_vma->num_children) > 1);
}

static bool is_watched(struct vm_area_struct *vma)
{
	return vma->vm_flags & (VM_RAND_READ | VM_IO | VM_PFNMAP | VM_HUGETLB | VM_SHARED |
				VM_LOCKONFAULT | VM_MERGEABLE) ||
	       userfaultfd_armed(vma);
}

/* The generic code brings in anonymous memory in folios: how large the one at addr will be. */
static unsigned int folio_order_at(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long orders, page, size;
	unsigned int order;

	if (!vma_is_anonymous(vma))
		return 0;
	orders = thp_vma_allowable_orders(vma, vma->vm_flags, TVA_IN_PF | TVA_ENFORCE_SYSFS,
					  BIT(PMD_ORDER) - 1);
	orders = thp_vma_suitable_orders(vma, addr, orders);
	for (order = fls_long(orders); order-- > 1;) {
		if (!(orders & BIT(order)))
			continue;
		size = PAGE_SIZE << order;
		page = ALIGN_DOWN(addr, size);
		while (size && pte_none(look_up(vma->vm_mm, page + size - PAGE_SIZE)))
			size -= PAGE_SIZE;
		if (!size)
			return order;
	}
	return 0;
}

/* A block of pages that come from the allocator together, in the pieces that will be asked for. */
#define PIECES 32

struct piece {
	u8 at, order;
};

/* Those for writing to all of the range; 0: there is nothing to bring together. */
static unsigned int cut(struct vm_area_struct *vma, unsigned long base, unsigned long start,
			unsigned long end, struct piece *pieces)
{
	unsigned long addr, size;
	unsigned int nr = 0;

	for (addr = start; addr < end; addr = ALIGN_DOWN(addr, size) + size) {
		unsigned int order;

		size = PAGE_SIZE;
		if (kap_pte_allows(look_up(vma->vm_mm, addr), KAP_PF_WRITE))
			continue;
		order = folio_order_at(vma, addr);
		size <<= order;
		if (size > WRITE_AROUND || nr == PIECES)
			return 0;
		pieces[nr++] = (struct piece){
			.at = (ALIGN_DOWN(addr, size) - base) >> PAGE_SHIFT,
			.order = order,
		};
	}
	return nr > 1 ? nr : 0;
}

static void free_piece(struct page *pages, unsigned int at, unsigned int order)
{
	init_page_count(pages + at);
	__free_pages(pages + at, order);
}

/*
 * What is allocated next for this range will be neighbours, if nobody comes in between: the
 * allocator gives out first, of each size, what it got back last.
 */
static void gather_pages(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE | __GFP_NOWARN) & ~__GFP_RECLAIM;
	unsigned long base = ALIGN_DOWN(start, WRITE_AROUND);
	unsigned int i, nr, last, order;
	struct piece pieces[PIECES];
	struct page *pages;
	u64 wanted = 0;

	nr = cut(vma, base, start, end, pieces);
	if (!nr)
		return;
	last = pieces[nr - 1].at + (1 << pieces[nr - 1].order);
	order = order_base_2(last);
	pages = alloc_pages(gfp, order);
	if (!pages)
		return;
	for (i = 0; i < nr; i++)
		wanted |= GENMASK_ULL(pieces[i].at + (1 << pieces[i].order) - 1, pieces[i].at);
	/* All in reverse. What is not wanted goes first, and will be neighbours to others. */
	for (i = 1 << order; i--;)
		if (!(wanted & BIT_ULL(i)))
			free_piece(pages, i, 0);
	while (nr--)
		free_piece(pages, pieces[nr].at, pieces[nr].order);
}

/*
 * In their order, so that they are a run. regs: they are of a fault at addr, which the generic code
 * deals with if it is the only page; null: nobody has asked for any of them.
 */
static void write_around(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			 unsigned long addr, struct pt_regs *regs)
{
	unsigned int nr = 0;
	unsigned long page;

	for (page = start; page < end; page += PAGE_SIZE)
		nr += !kap_pte_allows(look_up(vma->vm_mm, page), KAP_PF_WRITE);
	if (!nr || (regs && nr < 2))
		return;
	if (nr > 1)
		gather_pages(vma, start, end);
	for (page = start; page < end; page += PAGE_SIZE)
		if (!kap_pte_allows(look_up(vma->vm_mm, page), KAP_PF_WRITE) &&
		    !fault_one_more(vma, page, FAULT_FLAG_WRITE,
				    page == (addr & PAGE_MASK) ? regs : NULL))
			return;
}

/*
 * A fault costs as much as mapping dozens of pages. Only for mappings whose faults nobody watches.
 * Before a write: who writes to one of few private pages (data, bss) soon writes to the others,
 * and a stack goes down. Whether the fault is dealt with by this.
 */
bool kap_fault_before(struct vm_area_struct *vma, unsigned long addr, unsigned long error,
		      struct pt_regs *regs)
{
	unsigned long start = vma->vm_start, end = vma->vm_end;

	if (!(error & KAP_PF_WRITE) || is_watched(vma) || writes_watched(vma) || is_forked(vma))
		return false;
	/* Code that writes to its own page is not done with that: twin_settle(). */
	if (kap_twins && (vma->vm_flags & VM_EXEC))
		return false;
	if (end - start > WRITE_AROUND) {
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return false;
		end = (addr & PAGE_MASK) + PAGE_SIZE;
		start = max(start, end - STACK_AROUND);
	}
	if (kap_pte_allows(look_up(vma->vm_mm, addr), KAP_PF_WRITE))
		return false;
	write_around(vma, start, end, addr, regs);
	return kap_pte_allows(look_up(vma->vm_mm, addr), KAP_PF_WRITE);
}

/* After a read: what is cached near it. */
void kap_fault_after(struct vm_area_struct *vma, unsigned long addr, unsigned long error)
{
	if (!(error & KAP_PF_WRITE) && !is_watched(vma) && vma->vm_file && vma->vm_ops &&
	    vma->vm_ops->map_pages)
		read_around(vma, addr);
}

/* What is there of nr pages, as far as one table has them. */
static void show_pages(struct mm_struct *mm, unsigned long addr, unsigned int nr)
{
	unsigned long flags;
	pmd_t *pmd, val;

	nr = min(nr, PTRS_PER_PTE - pte_index(addr));
	local_irq_save(flags);
	pmd = kap_find_pmd(mm, addr, &val);
	if (pmd && !pmd_leaf(val))
		kap_show_ptes(mm, addr,
			      (pte_t *)__va(pmd_val(val) & PTE_PFN_MASK) + pte_index(addr), nr, pmd,
			      val);
	local_irq_restore(flags);
}

/* The arguments are there already. */
static void begin_stack(struct vm_area_struct *vma, unsigned long sp)
{
	unsigned long page = sp & PAGE_MASK;

	if (page - vma->vm_start >= STACK_AROUND)
		write_around(vma, page - STACK_AROUND, page, 0, NULL);
	show_pages(vma->vm_mm, page, min((vma->vm_end - page) >> PAGE_SHIFT, ARGUMENT_PAGES));
}

/*
 * Of the program and its interpreter: data, which the one relocates for the other; headers, symbols
 * and constants; text from where it begins. Of large ones only what is read in any case.
 */
static void begin_file(struct vm_area_struct *vma, unsigned long ip, unsigned long entry)
{
	unsigned long size = vma->vm_end - vma->vm_start, addr = vma->vm_start;

	if (vma->vm_flags & VM_WRITE) {
		if (size <= WRITE_AROUND && !writes_watched(vma))
			write_around(vma, vma->vm_start, vma->vm_end, 0, NULL);
		return;
	}
	if (ip - addr < size)
		addr = ip;
	else if (entry - addr < size)
		addr = entry;
	else if (size > READ_AROUND && vma->vm_pgoff)
		return;
	if (page_cached(vma, addr) && fault_one_more(vma, addr, 0, NULL))
		read_around(vma, addr);
}

/* AT_ENTRY, where the program itself begins. */
static unsigned long program_entry(struct mm_struct *mm)
{
	unsigned int i;

	for (i = 0; i + 1 < AT_VECTOR_SIZE && mm->saved_auxv[i] != AT_NULL; i += 2)
		if (mm->saved_auxv[i] == AT_ENTRY)
			return mm->saved_auxv[i + 1];
	return 0;
}

void kap_exec_ahead(const struct pt_regs *regs)
{
	struct mm_struct *mm = current->mm;
	unsigned long entry = program_entry(mm);
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
	{
		if (is_watched(vma))
			continue;
		if (regs->sp - vma->vm_start < vma->vm_end - vma->vm_start)
			begin_stack(vma, regs->sp);
		else if (vma->vm_start == mm->context.vdso)
			fault_one_more(vma, vma->vm_start, 0, NULL);
		else if (vma->vm_file && vma->vm_ops && vma->vm_ops->map_pages)
			begin_file(vma, regs->ip, entry);
	}
	mmap_read_unlock(mm);
}
