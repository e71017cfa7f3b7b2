/* SPDX-License-Identifier: GPL-2.0-only */
/* What a thread keeps while it does not run, and the limits of user space. */
#ifndef _ASM_KAP_PROCESSOR_H
#define _ASM_KAP_PROCESSOR_H

#include <linux/types.h>
#include <linux/cache.h>
#include <asm/ptrace.h>
#include <asm/thread_info.h>
#include <asm/page.h>
#include <asm/vdso/processor.h>
#include <kap/machine.h>

struct thread_struct {
	unsigned long sp;		/* kernel stack pointer while switched out */
	struct kap_fpu fpu;
	unsigned long cr2;		/* last user fault, for signal frames */
	unsigned long trap_nr;
	unsigned long error_code;
};

#define INIT_THREAD                  \
	{                            \
		.fpu = {.fresh = 1 } \
	}

#define TASK_SIZE_MAX	_AC(KAP_USER_END, UL)
#define TASK_SIZE	TASK_SIZE_MAX
#define DEFAULT_MAP_WINDOW	TASK_SIZE_MAX
#define STACK_TOP	TASK_SIZE_MAX
#define STACK_TOP_MAX	TASK_SIZE_MAX
#define TASK_UNMAPPED_BASE	(PAGE_ALIGN(TASK_SIZE / 3))

/* Whether [addr, addr + len) touches what no user mapping may have. */
static inline bool kap_in_hole(unsigned long addr, unsigned long len)
{
	return addr < KAP_HOLE_END && addr + len > KAP_HOLE_START;
}

#define task_pt_regs(task) ((struct pt_regs *)(task_stack_page(task) + THREAD_SIZE) - 1)
#define KSTK_EIP(task)	(task_pt_regs(task)->ip)
#define KSTK_ESP(task)	(task_pt_regs(task)->sp)

struct task_struct;
extern void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp);
extern unsigned long __get_wchan(struct task_struct *p);

#endif
