/* SPDX-License-Identifier: GPL-2.0-only */
/* Faulting in ahead: what is brought in beside the page that a fault is about. */
#ifndef KAP_MM_AHEAD_H
#define KAP_MM_AHEAD_H

#include <linux/types.h>

struct pt_regs;
struct vm_area_struct;

/*
 * With mm's lock, before the generic code deals with a fault that vma allows (error: KAP_PF_*).
 * True: nothing is left to do.
 */
bool kap_fault_before(struct vm_area_struct *vma, unsigned long addr, unsigned long error,
		      struct pt_regs *regs);

/* The same after it has. */
void kap_fault_after(struct vm_area_struct *vma, unsigned long addr, unsigned long error);

/*
 * gather.c, with mm's lock: if vma is of a program, brings its scattered pages between both
 * addresses together, at most 256 KiB of them.
 */
void kap_gather_program(struct vm_area_struct *vma, unsigned long start, unsigned long end);

/* A new program will begin with these registers in current's new address space. */
void kap_exec_ahead(const struct pt_regs *regs);

#endif
