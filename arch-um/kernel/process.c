// SPDX-License-Identifier: GPL-2.0-only
/* Tasks: making them, starting programs in them, idling when there are none. */
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/cpu.h>
#include <linux/ptrace.h>
#include <linux/random.h>
#include <linux/elf-randomize.h>
#include <asm/exec.h>
#include <linux/personality.h>
#include <linux/entry-common.h>
#include <asm/switch_to.h>
#include <asm/mmu_context.h>
#include <asm/sync_core.h>
#include <kap/machine.h>

#include "../x86/debugreg.h"
#include "../mm/ahead.h"
#include "entry.h"

static struct kmem_cache *fpu_cache;

void __init arch_task_cache_init(void)
{
	fpu_cache = kmem_cache_create_usercopy("kap_fpu", kap_xsave_size(), 64,
					       SLAB_PANIC | SLAB_ACCOUNT, 0, kap_xsave_size(),
					       NULL);
}

int arch_dup_task_struct(struct task_struct *dst, struct task_struct *src)
{
	unsigned long flags;

	memcpy(dst, src, sizeof(*dst));
	dst->thread.fpu = (struct kap_fpu){ .fresh = 1 };

	/*
	 * Kernel threads never run user code, unless they exec: then it is made there. Process 1
	 * before its exec has none either.
	 */
	if ((src->flags & PF_KTHREAD) || !src->thread.fpu.area)
		return 0;
	dst->thread.fpu.area = kmem_cache_alloc(fpu_cache, GFP_KERNEL);
	if (!dst->thread.fpu.area)
		return -ENOMEM;
	local_irq_save(flags);
	kap_fpu_save(&src->thread.fpu);
	memcpy(dst->thread.fpu.area, src->thread.fpu.area, kap_xsave_size());
	dst->thread.fpu.fresh = 0;
	local_irq_restore(flags);
	return 0;
}

void arch_release_task_struct(struct task_struct *task)
{
	unsigned long flags;

	kap_drop_debugregs(task);
	if (!task->thread.fpu.area)
		return;
	local_irq_save(flags);
	kap_fpu_release(&task->thread.fpu);
	local_irq_restore(flags);
	kmem_cache_free(fpu_cache, task->thread.fpu.area);
}

void flush_thread(void)
{
	struct kap_fpu *fpu = &current->thread.fpu;
	unsigned long flags;

	kap_drop_debugregs(current);
	if (!fpu->area)
		fpu->area = kmem_cache_alloc(fpu_cache, GFP_KERNEL | __GFP_NOFAIL);
	local_irq_save(flags);
	kap_fpu_release(fpu);
	fpu->fresh = 1;
	local_irq_restore(flags);
}

int copy_thread(struct task_struct *p, const struct kernel_clone_args *args)
{
	struct pt_regs *regs = task_pt_regs(p);
	unsigned long *frame;

	/* Callee-saved registers as __switch_to pops them: r15 r14 r13 r12 rbx rbp, return. */
	frame = (unsigned long *)((unsigned long)regs & ~15UL) - 8;
	memset(frame, 0, 8 * sizeof(*frame));
	frame[6] = (unsigned long)kap_task_start;

	if (args->fn) {
		memset(regs, 0, sizeof(*regs));
		frame[4] = (unsigned long)args->fn;
		frame[3] = (unsigned long)args->fn_arg;
	} else {
		*regs = *current_pt_regs();
		regs->ax = 0;
		if (args->stack)
			regs->sp = args->stack;
		if (args->flags & CLONE_SETTLS) {
			if (args->tls >= TASK_SIZE_MAX)
				return -EPERM;
			regs->fs_base = args->tls;
		}
	}
	p->thread.sp = (unsigned long)frame;
	clear_tsk_thread_flag(p, TIF_SINGLESTEP);
	if (test_and_clear_tsk_thread_flag(p, TIF_FORCED_TF))
		regs->flags &= ~X86_EFLAGS_TF;
	/* It is first switched to with interrupts off, like every task. */
	task_thread_info(p)->irqs_off = 1;
	return 0;
}

void __noreturn kap_ret_from_fork(struct task_struct *prev, int (*fn)(void *), void *arg)
{
	schedule_tail(prev);
	if (fn)
		fn(arg);
	syscall_exit_to_user_mode(current_pt_regs());
	kap_user_loop();
}

void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp)
{
	memset(regs, 0, sizeof(*regs));
	regs->ip = ip;
	regs->sp = sp;
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	regs->flags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	regs->orig_ax = -1;
	/* The program's name is set by now. */
	kap_name_space(&current->mm->context.space.info, current);
	kap_exec_ahead(regs);
}

void kap_elf_plat_init(struct pt_regs *regs)
{
}

unsigned long arch_align_stack(unsigned long sp)
{
	if (!(current->personality & ADDR_NO_RANDOMIZE) && randomize_va_space)
		sp -= get_random_u32_below(8192);
	return sp & ~0xfUL;
}

unsigned long arch_randomize_brk(struct mm_struct *mm)
{
	return randomize_page(mm->brk, SZ_32M);
}

void arch_cpu_idle(void)
{
	kap_idle(smp_processor_id());
}

/* On the way out of an address space, by exec or exit: nothing of the task stays in its runners. */
void kap_deactivate_mm(struct task_struct *task)
{
	unsigned long flags;

	local_irq_save(flags);
	kap_fpu_release(&task->thread.fpu);
	local_irq_restore(flags);
}

/*
 * The host goes back to user code by sysret, which does not serialise, only when rcx holds the
 * return address. A system call may change rcx, so it gets another value: then it is iret.
 */
void sync_core_before_usermode(void)
{
	struct pt_regs *regs = current_pt_regs();

	if (current->mm && regs->orig_ax != -1UL && regs->cx == regs->ip)
		regs->cx = 0;
}
EXPORT_SYMBOL_GPL(sync_core_before_usermode);
