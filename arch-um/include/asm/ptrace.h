/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved registers: the machine contract's struct kap_regs under the names that
 * the kernel knows. A frame of interrupted kernel code has a cs with privilege
 * level 0, although the host runs both at level 3; the shim translates.
 */
#ifndef _ASM_KAP_PTRACE_H
#define _ASM_KAP_PTRACE_H

#ifndef __ASSEMBLY__

#include <linux/types.h>

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
	unsigned long fs_base, gs_base;
	unsigned long ds, es, fs, gs;
};

#include <uapi/asm/ptrace.h>
#include <asm/processor-flags.h>

#define __KERNEL_CS	0x10
#define __KERNEL_DS	0x18
#define __USER_CS	0x33
#define __USER_DS	0x2b

#define user_mode(regs)			(((regs)->cs & 3) == 3)
#define instruction_pointer(regs)	((regs)->ip)
#define user_stack_pointer(regs)	((regs)->sp)
#define kernel_stack_pointer(regs)	((regs)->sp)
#define frame_pointer(regs)		((regs)->bp)
#define profile_pc(regs)		instruction_pointer(regs)

static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long val)
{
	regs->ip = val;
}

static inline void user_stack_pointer_set(struct pt_regs *regs, unsigned long val)
{
	regs->sp = val;
}

static inline unsigned long regs_return_value(struct pt_regs *regs)
{
	return regs->ax;
}

static inline void regs_set_return_value(struct pt_regs *regs, unsigned long rc)
{
	regs->ax = rc;
}

static __always_inline bool regs_irqs_disabled(struct pt_regs *regs)
{
	return !(regs->flags & X86_EFLAGS_IF);
}

#define GET_FS(task)	(task_pt_regs(task)->fs_base)

extern int regs_query_register_offset(const char *name);
extern const char *regs_query_register_name(unsigned int offset);
#define MAX_REG_OFFSET	(offsetof(struct pt_regs, ss))

static inline unsigned long regs_get_register(struct pt_regs *regs, unsigned int offset)
{
	if (unlikely(offset > MAX_REG_OFFSET))
		return 0;
	return *(unsigned long *)((unsigned long)regs + offset);
}

static inline int regs_within_kernel_stack(struct pt_regs *regs, unsigned long addr)
{
	return (addr & ~(KAP_STACK_SIZE - 1UL)) == (regs->sp & ~(KAP_STACK_SIZE - 1UL));
}

static inline unsigned long regs_get_kernel_stack_nth(struct pt_regs *regs, unsigned int n)
{
	unsigned long *addr = (unsigned long *)regs->sp + n;

	return regs_within_kernel_stack(regs, (unsigned long)addr) ? *addr : 0;
}

static inline unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n)
{
	switch (n) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->cx;
	case 4:
		return regs->r8;
	case 5:
		return regs->r9;
	}
	return 0;
}

#define arch_has_single_step()	(1)
#define ARCH_HAS_USER_SINGLE_STEP_REPORT

#define current_user_stack_pointer() user_stack_pointer(current_pt_regs())

#endif
#endif
