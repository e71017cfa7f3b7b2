/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exception table: instructions that may fault, and where to go on then. Entries have
 * the size of x86-64's, because the kernel's build sorts the table by the machine's type.
 */
#ifndef _ASM_KAP_EXTABLE_H
#define _ASM_KAP_EXTABLE_H

#define ARCH_HAS_RELATIVE_EXTABLE

struct exception_table_entry {
	int insn, fixup;	/* distances from the fields themselves */
	int unused;
};

struct pt_regs;
extern int fixup_exception(struct pt_regs *regs);

#endif
