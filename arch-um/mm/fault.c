// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of user code, and faults of the kernel itself. */
#include <linux/extable.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/ratelimit.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>
#include <kap/machine.h>

#include "../kernel/entry.h"
#include "../x86/keys.h"
#include "patched.h"
#include "space.h"
#include "twin.h"
#include "uaccess.h"

/* Pages looked at around a fault whose own page only lacks its host mapping. */
#define FILL_PAGES 16

/*
 * Bytes: reads of files go this far around a fault, fetches of text that is one run further; writes
 * of private mappings up to this size, and of a stack this far down.
 */
#define READ_AROUND (256UL * 1024)
#define FETCH_AROUND (2048UL * 1024)
#define WRITE_AROUND (64UL * 1024)
#define STACK_AROUND (4 * PAGE_SIZE)

/*
 * The engine may not know whether an access was a write (ptrace does not tell):
 * - a fault on the instruction's own address is the fetch;
 * - a host mapping is readable whenever it exists, so "permission denied" at any other
 *   place is a write;
 * - a missing mapping right behind the instruction's page may be the rest of the fetch;
 * - any other missing mapping is a write if the instruction says so, else taken for a
 *   read: a wrong guess comes back as a permission fault.
 */
static bool fetch_runs_into(const struct pt_regs *regs, unsigned long addr)
{
	return !(addr & ~PAGE_MASK) && addr > regs->ip && addr - regs->ip < 15;
}

static unsigned long fault_error(struct pt_regs *regs, const struct kap_trap *trap)
{
	unsigned long error = trap->error;

	if (!(error & KAP_PF_UNSURE))
		return error;
	error &= ~KAP_PF_UNSURE;
	if (trap->addr == regs->ip)
		return error | KAP_PF_EXEC;
	if ((error & KAP_PF_PRESENT) ||
	    (!fetch_runs_into(regs, trap->addr) && kap_insn_writes(regs, trap->addr)))
		error |= KAP_PF_WRITE;
	return error;
}

static bool pte_allows(pte_t pte, unsigned long error)
{
	if (!kap_pte_mappable(pte))
		return false;
	if ((error & KAP_PF_WRITE) && !(pte_write(pte) && pte_dirty(pte)))
		return false;
	return !(error & KAP_PF_EXEC) || pte_exec(pte);
}

/* Whether the fast way may deal with a fault of what is, or could be, shown by a twin. */
static bool twin_fault(const struct pt_regs *regs, unsigned long addr, unsigned long error,
		       pte_t pte)
{
	unsigned long pfn = pte_pfn(pte);

	if (!pte_exec(pte))
		return true;
	if ((error & KAP_PF_WRITE) && !((addr ^ regs->ip) & PAGE_MASK))
		return false;
	if (!(error & KAP_PF_EXEC))
		return true;
	if (addr != regs->ip || !pfn_valid(pfn))
		return false;
	/* Nothing is shown; kap_twin_step() does what is there. */
	if (kap_twin_refuses(pfn))
		return true;
	return !kap_twin_written_elsewhere(pfn);
}

/* At the end of a fault, with mm's lock. False: it can't be as the program wants it. */
static bool twin_settle(struct vm_area_struct *vma, struct pt_regs *regs, unsigned long addr,
			unsigned long error, bool stuck)
{
	unsigned long flags;
	pmd_t *pmd, val;
	pte_t *ptep;

	if (stuck && (vma->vm_flags & VM_EXEC)) {
		pr_info_ratelimited("%s[%d]: code at %lx writes to its own page, or has the bytes "
				    "of WRPKRU or XRSTOR at its end, which the direct engine can't "
				    "run; use --engine ptrace\n",
				    current->comm, task_pid_nr(current), regs->ip);
		return false;
	}
	if (error & KAP_PF_WRITE)
		kap_twin_after_write(vma, addr);
	if (!(error & KAP_PF_EXEC))
		return true;
	kap_twin_before_fetch(vma, addr);
	local_irq_save(flags);
	pmd = kap_find_pmd(vma->vm_mm, addr, &val);
	if (pmd && pmd_leaf(val)) {
		kap_show_fetch_pmd(vma->vm_mm, addr, pmd);
	} else if (pmd) {
		ptep = (pte_t *)__va(pmd_val(val) & PTE_PFN_MASK) + pte_index(addr);
		if (kap_pte_mappable(READ_ONCE(*ptep)))
			kap_show_fetch(vma->vm_mm, addr & PAGE_MASK, ptep, 1, pmd, val, addr);
	}
	local_irq_restore(flags);
	return true;
}

/* With interrupts off: the page that user code may execute at addr; 0: none. */
unsigned long kap_exec_pfn(struct mm_struct *mm, unsigned long addr)
{
	pmd_t val, *pmd;
	pte_t pte;

	if (addr >= TASK_SIZE_MAX || kap_in_hole(addr, 1))
		return 0;
	pmd = kap_find_pmd(mm, addr, &val);
	if (!pmd)
		return 0;
	pte = __pte(pmd_val(val));
	if (!pmd_leaf(val))
		pte = kap_pte_at(val, addr);
	if (!kap_pte_mappable(pte) || !pte_exec(pte) || !pfn_valid(pte_pfn(pte)))
		return 0;
	return pte_pfn(pte) + (pmd_leaf(val) ? (addr & ~PMD_MASK) >> PAGE_SHIFT : 0);
}

/*
 * The guest's tables already allow the access: fill in the host mapping, with
 * its neighbours, and go back. Interrupts are off, so tables can't go away.
 */
bool kap_user_fault_fast(struct pt_regs *regs, const struct kap_trap *trap)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr = trap->addr;
	unsigned long error, first;
	pmd_t *pmd, val;
	pte_t *table;

	if (addr >= TASK_SIZE_MAX || kap_in_hole(addr, 1))
		return false;
	pmd = kap_find_pmd(mm, addr, &val);
	if (!pmd)
		return false;
	error = fault_error(regs, trap);
	if (pmd_leaf(val)) {
		if (!pte_allows(__pte(pmd_val(val)), error))
			return false;
		if (unlikely(kap_twins && !twin_fault(regs, addr, error, __pte(pmd_val(val)))))
			return false;
		if (unlikely(kap_twins && (error & KAP_PF_EXEC)))
			kap_show_fetch_pmd(mm, addr, pmd);
		else
			kap_show_pmd(mm, addr, pmd);
		return true;
	}
	table = (pte_t *)__va(pmd_val(val) & PTE_PFN_MASK);
	/* Denied, though the page is shown and its table allows it: not for the fast way. */
	if (!pte_allows(READ_ONCE(table[pte_index(addr)]), error))
		return false;
	first = addr & ~(FILL_PAGES * PAGE_SIZE - 1);
	if (likely(!kap_twins)) {
		kap_show_ptes(mm, first, table + pte_index(first), FILL_PAGES, pmd, val);
		return true;
	}
	if (!twin_fault(regs, addr, error, READ_ONCE(table[pte_index(addr)])))
		return false;
	kap_show_fetch(mm, first, table + pte_index(first), FILL_PAGES, pmd, val,
		       error & KAP_PF_EXEC ? addr : 0);
	return true;
}

static void bad_access(unsigned long addr, unsigned long error, int code)
{
	struct thread_struct *thread = &current->thread;

	thread->cr2 = addr;
	thread->trap_nr = KAP_EXC_PF;
	thread->error_code = KAP_PF_USER | (code == SEGV_ACCERR ? KAP_PF_PRESENT : 0) |
			     (error & (KAP_PF_WRITE | KAP_PF_EXEC));
	if (show_unhandled_signals && unhandled_signal(current, SIGSEGV) && printk_ratelimit())
		pr_info("%s[%d]: segfault at %lx ip %lx sp %lx error %lx\n", current->comm,
			task_pid_nr(current), addr, task_pt_regs(current)->ip,
			task_pt_regs(current)->sp, thread->error_code);
	force_sig_fault(SIGSEGV, code, (void __user *)addr);
}

static void fault_failed(unsigned long addr, unsigned long error, vm_fault_t fault)
{
	struct thread_struct *thread = &current->thread;

	if (fault & VM_FAULT_OOM) {
		pagefault_out_of_memory();
	} else if (fault & VM_FAULT_SIGSEGV) {
		bad_access(addr, error, SEGV_MAPERR);
	} else {
		thread->cr2 = addr;
		thread->trap_nr = KAP_EXC_PF;
		thread->error_code = KAP_PF_USER | (error & (KAP_PF_WRITE | KAP_PF_EXEC));
		force_sig_fault(SIGBUS, BUS_ADRERR, (void __user *)addr);
	}
}

static bool vma_allows(struct vm_area_struct *vma, unsigned long error)
{
	if (error & KAP_PF_WRITE)
		return vma->vm_flags & VM_WRITE;
	if (error & KAP_PF_EXEC)
		return vma->vm_flags & VM_EXEC;
	return vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC);
}

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

/* The generic code maps what is cached of 64 KiB around a read; this goes on in its neighbours. */
static void read_around(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long len = kap_patched_is_run(vma, addr) ? FETCH_AROUND : READ_AROUND;
	unsigned long start = max(addr & ~(len - 1), vma->vm_start);
	unsigned long end = min((addr & ~(len - 1)) + len, vma->vm_end);
	unsigned long step;

	/* Who has come from the block before goes on into those behind. */
	if (!(vma->vm_flags & VM_EXEC) && start > vma->vm_start &&
	    pte_present(look_up(vma->vm_mm, start - PAGE_SIZE)))
		end = min(end + 3 * READ_AROUND, vma->vm_end);

	for (step = start & ~(SZ_64K - 1); step < end; step += SZ_64K) {
		unsigned long first = max(step, start);

		if (step == (addr & ~(SZ_64K - 1)) || !page_cached(vma, first))
			continue;
		if (!fault_one_more(vma, first, FAULT_FLAG_USER, NULL))
			return;
	}
}

/* Somebody has asked to know which pages are written (/proc/PID/clear_refs). */
static bool writes_watched(struct vm_area_struct *vma)
{
	return VM_SOFTDIRTY && !(vma->vm_flags & VM_SOFTDIRTY);
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
				VM_LOCKONFAULT) ||
	       userfaultfd_armed(vma);
}

/*
 * The next pages that are allocated one by one will be neighbours, if nobody comes in between: the
 * allocator gives out first what it got back last.
 */
static void gather_pages(unsigned int nr)
{
	unsigned int order = order_base_2(nr), i = 1 << order;
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE | __GFP_NOWARN) & ~__GFP_RECLAIM;
	struct page *pages = alloc_pages(gfp, order);

	if (!pages)
		return;
	split_page(pages, order);
	while (i)
		__free_page(pages + --i);
}

/* In their order, so that they are a run; the page that the fault is about is one of them. */
static void write_around(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			 unsigned long addr, struct pt_regs *regs)
{
	unsigned int nr = 0;
	unsigned long page;

	for (page = start; page < end; page += PAGE_SIZE)
		nr += !pte_allows(look_up(vma->vm_mm, page), KAP_PF_WRITE);
	if (nr < 2)
		return;
	/* Aligned anonymous memory of that size comes as one folio. */
	if (!vma_is_anonymous(vma) || nr < WRITE_AROUND / PAGE_SIZE)
		gather_pages(nr);
	for (page = start; page < end; page += PAGE_SIZE)
		if (!pte_allows(look_up(vma->vm_mm, page), KAP_PF_WRITE) &&
		    !fault_one_more(vma, page, FAULT_FLAG_USER | FAULT_FLAG_WRITE,
				    page == (addr & PAGE_MASK) ? regs : NULL))
			return;
}

/*
 * A fault costs as much as mapping dozens of pages. Only for mappings whose faults nobody watches.
 * Before a write: who writes to one of few private pages (data, bss) soon writes to the others,
 * and a stack goes down. Whether the fault is dealt with by this.
 */
static bool fault_before(struct vm_area_struct *vma, unsigned long addr, unsigned long error,
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
	if (pte_allows(look_up(vma->vm_mm, addr), KAP_PF_WRITE))
		return false;
	write_around(vma, start, end, addr, regs);
	return pte_allows(look_up(vma->vm_mm, addr), KAP_PF_WRITE);
}

/* After a read: what is cached near it. */
static void fault_after(struct vm_area_struct *vma, unsigned long addr, unsigned long error)
{
	if (!(error & KAP_PF_WRITE) && !is_watched(vma) && vma->vm_file && vma->vm_ops &&
	    vma->vm_ops->map_pages)
		read_around(vma, addr);
}

void kap_user_fault(struct pt_regs *regs, const struct kap_trap *trap)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr = trap->addr;
	unsigned long error = fault_error(regs, trap);
	unsigned int flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER;
	struct vm_area_struct *vma;
	vm_fault_t fault, major = 0;
	bool refused = false, stuck;

	/* A stack may have grown across the hole, but nothing in the hole is ever shown. */
	if (addr >= TASK_SIZE_MAX || kap_in_hole(addr, 1)) {
		bad_access(addr, error, SEGV_MAPERR);
		return;
	}
	if (error & KAP_PF_WRITE)
		flags |= FAULT_FLAG_WRITE;
	if (error & KAP_PF_EXEC)
		flags |= FAULT_FLAG_INSTRUCTION;
	perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS, 1, regs, addr);
	stuck = kap_twins && kap_cannot_be_shown(regs, addr, error);
	if (unlikely(stuck) && kap_do_instead(regs))
		return;
retry:
	vma = lock_mm_and_find_vma(mm, addr, regs);
	if (!vma) {
		bad_access(addr, error, SEGV_MAPERR);
		return;
	}
	if (!vma_allows(vma, error)) {
		mmap_read_unlock(mm);
		bad_access(addr, error, SEGV_ACCERR);
		return;
	}
	/* A fetch that runs into a page that may not be executed looks like a write. */
	if ((trap->error & KAP_PF_UNSURE) && (trap->error & KAP_PF_PRESENT) &&
	    fetch_runs_into(regs, addr) && !(vma->vm_flags & VM_EXEC)) {
		mmap_read_unlock(mm);
		bad_access(addr, KAP_PF_EXEC, SEGV_ACCERR);
		return;
	}
	if (!(flags & FAULT_FLAG_TRIED) && fault_before(vma, addr, error, regs)) {
		mmap_read_unlock(mm);
		return;
	}
	fault = handle_mm_fault(vma, addr, flags, regs);
	major |= fault & VM_FAULT_MAJOR;
	if (fault_signal_pending(fault, regs))
		return;
	if (fault & VM_FAULT_COMPLETED)
		return;
	if (fault & VM_FAULT_RETRY) {
		flags |= FAULT_FLAG_TRIED;
		goto retry;
	}
	if (likely(!(fault & VM_FAULT_ERROR))) {
		if (unlikely(kap_twins && !twin_settle(vma, regs, addr, error, stuck)))
			refused = true;
		fault_after(vma, addr, error);
	}
	mmap_read_unlock(mm);
	if (unlikely(refused)) {
		force_sig_fault(SIGILL, ILL_ILLOPC, (void __user *)addr);
		return;
	}
	if (unlikely(fault & VM_FAULT_ERROR))
		fault_failed(addr, error, fault);
}

/* True when the kernel can go on at regs. */
bool kap_kernel_fault(struct pt_regs *regs, const struct kap_trap *trap)
{
	const struct exception_table_entry *entry;

	if (trap->nr == KAP_EXC_PF && kap_fill_kernel(trap->addr, trap->error))
		return true;
	entry = search_exception_tables(regs->ip);
	if (!entry)
		return false;
	regs->ip = (unsigned long)&entry->fixup + entry->fixup;
	return true;
}
