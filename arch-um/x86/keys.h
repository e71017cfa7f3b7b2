/* SPDX-License-Identifier: GPL-2.0-only */
/* keys.c: instructions of programs that would change protection keys. */
#ifndef KAP_X86_KEYS_H
#define KAP_X86_KEYS_H

#include <asm/ptrace.h>

/* An invalid instruction that is one of these in the program's own text: it has been dealt with. */
bool kap_emulate_keys(struct pt_regs *regs);

/*
 * Whether the fault at addr would come again for ever, whatever is shown there: code that writes to
 * its own page, or an instruction across a border that has the bytes of one of these.
 */
bool kap_cannot_be_shown(const struct pt_regs *regs, unsigned long addr, unsigned long error);

/* Then: the kernel does the instruction at regs->ip itself. False: it can't. */
bool kap_do_instead(struct pt_regs *regs);

#endif
