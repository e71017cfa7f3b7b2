/* SPDX-License-Identifier: GPL-2.0-only */
/* Exec twins (twin.c): what user code executes in place of a page. */
#ifndef KAP_MM_TWIN_H
#define KAP_MM_TWIN_H

#include <linux/mm_types.h>
#include <asm/pgtable.h>
#include <kap/machine.h>

/* Whether user code must never find a WRPKRU or XRSTOR: the kernel is behind a protection key. */
extern bool kap_twins;

/*
 * With the space's lock. The address of what may be shown for execution at addr, where pte says
 * that phys (its page, or the patched form of that) is; 0: nothing, because user code may not
 * execute this, or memory is short right now. If together with a neighbour it makes one of the
 * two instructions, the neighbour is taken away when this page is wanted, else it is not shown.
 */
u64 kap_twin_show(struct mm_struct *mm, unsigned long addr, u64 phys, bool wanted);

/* Whether the page was looked at and may not be shown for execution. */
bool kap_twin_refuses(unsigned long pfn);

/*
 * step.c, in place of kap_run_user() and with its conventions: when the next instruction is in
 * such a page, it is executed alone, if it is none that would open the kernel's memory. False: it
 * is not there.
 */
extern bool kap_any_refused;
bool kap_twin_step(struct pt_regs *regs, struct kap_trap *trap);

/* What is to be executed of a page, with interrupts off; wanted: right now. */
const u8 *kap_twin_text(unsigned long pfn, bool wanted, bool *refused);

/* Whoever executes these pages of a file has to fault first: somebody has written to them. */
void kap_fetch_anew(struct address_space *mapping, pgoff_t first, pgoff_t last);

/* An address space begins (false: no memory for it), and goes away. */
bool kap_twin_new(struct mm_struct *mm);
void kap_twin_drop(struct mm_struct *mm);

/*
 * Shared memory that user code executes here and may write elsewhere. Who fetches from it is shown
 * a twin by kap_user_fault() only, after it has seen to it that the writer faults: before it is
 * shown for execution, and after a fault by which somebody may write to it again. These two in
 * process context with mm's lock, and no other.
 */
bool kap_twin_written_elsewhere(unsigned long pfn);
void kap_twin_before_fetch(struct vm_area_struct *vma, unsigned long addr);
void kap_twin_after_write(struct vm_area_struct *vma, unsigned long addr);

#endif
