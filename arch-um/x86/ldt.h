/* SPDX-License-Identifier: GPL-2.0-only */
/* Local descriptor tables, for the files of this port that load selectors or copy an mm. */
#ifndef KAP_X86_LDT_H
#define KAP_X86_LDT_H

#include <linux/types.h>

struct mm_struct;

/* Gives `to`, which has a space already, the table of `from`. */
int kap_ldt_copy(struct mm_struct *to, struct mm_struct *from);

/* Forgets the table; true when there was one, and the host process has it still. */
bool kap_ldt_drop(struct mm_struct *mm);

/*
 * The exception that a return to user mode with this selector of a local table would raise,
 * KAP_EXC_*, or 0 (current's table).
 */
unsigned int kap_ldt_check_cs(unsigned long selector);
unsigned int kap_ldt_check_ss(unsigned long selector);

#endif
