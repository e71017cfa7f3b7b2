/* SPDX-License-Identifier: GPL-2.0-only */
/* carry_out.c: instructions of programs that the kernel executes for them. */
#ifndef KAP_X86_CARRY_OUT_H
#define KAP_X86_CARRY_OUT_H

#include <asm/insn.h>
#include <asm/ptrace.h>

/* Whether this is one of those that kap_carry_out() knows. */
bool kap_can_carry_out(struct insn *insn);

/*
 * Does what the decoded instruction at regs->ip says. 0, or -EINVAL for one that it does not
 * know, or -EFAULT with the address; then nothing has changed. In process context.
 */
int kap_carry_out(struct pt_regs *regs, struct insn *insn, unsigned long *bad);

/* Reads the instruction at regs->ip as it is in the program's own memory. */
bool kap_read_insn(const struct pt_regs *regs, struct insn *insn, u8 bytes[MAX_INSN_SIZE]);

#endif
