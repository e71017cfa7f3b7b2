/* SPDX-License-Identifier: GPL-2.0-only */
/* keys.c: instructions of programs that would change protection keys. */
#ifndef KAP_X86_KEYS_H
#define KAP_X86_KEYS_H

#include <asm/ptrace.h>

/* An invalid instruction that is one of these in the program's own text: it has been dealt with. */
bool kap_emulate_keys(struct pt_regs *regs);

#endif
