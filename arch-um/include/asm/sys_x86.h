/* SPDX-License-Identifier: GPL-2.0-only */
/* x86-64's own system calls, as far as other files of this port use them. */
#ifndef _ASM_KAP_SYS_X86_H
#define _ASM_KAP_SYS_X86_H

#include <linux/preempt.h>
#include <asm/ptrace.h>
#include <kap/machine.h>

/* 64-bit programs may run 32-bit code with it. */
#define __USER32_CS	0x23

struct task_struct;

extern long kap_arch_prctl(struct task_struct *task, int option, unsigned long arg);

/* A segment of the program's own table (modify_ldt), at user level. */
static inline bool kap_is_local_selector(unsigned long selector)
{
	return selector <= 0xffff && (selector & 7) == 7;
}

/* After registers came from a program: what the host would refuse goes out of them. */
static inline void kap_clean_user_regs(struct pt_regs *regs)
{
	unsigned long cs = regs->cs, ss = regs->ss, nt = regs->flags & X86_EFLAGS_NT;

	preempt_disable();
	kap_regs_sanitize((struct kap_regs *)regs);
	preempt_enable();
	if (cs == __USER32_CS || kap_is_local_selector(cs))
		regs->cs = cs;
	if (kap_is_local_selector(ss))
		regs->ss = ss;
	regs->flags |= nt;
}

#endif
