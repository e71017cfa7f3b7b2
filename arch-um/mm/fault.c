// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of user code, and faults of the kernel itself. */
#include <linux/extable.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/pgtable.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <kap/machine.h>

#include "../kernel/entry.h"
#include "../x86/keys.h"
#include "ahead.h"
#include "space.h"
#include "twin.h"
#include "uaccess.h"

/* Pages looked at around a fault whose own page only lacks its host mapping. */
#define FILL_PAGES 16

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

bool kap_pte_allows(pte_t pte, unsigned long error)
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
		if (!kap_pte_allows(__pte(pmd_val(val)), error))
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
	if (!kap_pte_allows(READ_ONCE(table[pte_index(addr)]), error))
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
	if (!(flags & FAULT_FLAG_TRIED) && kap_fault_before(vma, addr, error, regs)) {
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
		kap_fault_after(vma, addr, error);
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
