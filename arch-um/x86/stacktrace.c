// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel stack traces along the chain of frame pointers.
 *
 * A task has one kernel stack and everything runs on it, interrupts as well, so a
 * frame is believed when it lies in that stack and above the one before.
 */
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>
#include <asm/stacktrace.h>
#include <kap/machine.h>

struct frame {
	unsigned long next;	/* caller's frame pointer */
	unsigned long ret;
};

static bool frame_on_stack(unsigned long stack, unsigned long addr)
{
	return addr >= stack && addr <= stack + THREAD_SIZE - sizeof(struct frame) &&
	       IS_ALIGNED(addr, sizeof(long));
}

/* Calls fn for each return address from frame pointer fp on, until it returns false. */
static void walk_frames(unsigned long stack, unsigned long fp,
			bool (*fn)(void *cookie, unsigned long addr), void *cookie)
{
	while (frame_on_stack(stack, fp)) {
		/* A frame of a task that runs elsewhere may change while it is read. */
		struct frame frame = {
			.next = READ_ONCE_NOCHECK(((struct frame *)fp)->next),
			.ret = READ_ONCE_NOCHECK(((struct frame *)fp)->ret),
		};

		if (!__kernel_text_address(frame.ret) || !fn(cookie, frame.ret))
			return;
		if (frame.next <= fp)
			return;
		fp = frame.next;
	}
}

noinline notrace void arch_stack_walk(stack_trace_consume_fn fn, void *cookie,
				      struct task_struct *task, struct pt_regs *regs)
{
	unsigned long stack, fp;

	if (!task)
		task = current;
	stack = (unsigned long)task_stack_page(task);

	if (regs) {
		if (user_mode(regs) || !fn(cookie, regs->ip))
			return;
		fp = regs->bp;
		stack = regs->sp & ~(THREAD_SIZE - 1UL);
	} else if (task == current) {
		fp = (unsigned long)__builtin_frame_address(0);
	} else {
		struct inactive_task_frame *frame = (void *)READ_ONCE(task->thread.sp);

		if (!frame_on_stack(stack, (unsigned long)&frame->bp) ||
		    !fn(cookie, READ_ONCE_NOCHECK(frame->ret_addr)))
			return;
		fp = READ_ONCE_NOCHECK(frame->bp);
	}
	walk_frames(stack, fp, fn, cookie);
}

#ifdef CONFIG_USER_STACKTRACE_SUPPORT
void arch_stack_walk_user(stack_trace_consume_fn fn, void *cookie, const struct pt_regs *regs)
{
	unsigned long fp = regs->bp;
	struct frame frame;
	int limit = 256;

	if (!fn(cookie, regs->ip))
		return;
	while (limit-- && fp && IS_ALIGNED(fp, sizeof(long))) {
		if (copy_from_user_nofault(&frame, (void __user *)fp, sizeof(frame)))
			return;
		if (frame.next <= fp || !frame.ret || !fn(cookie, frame.ret))
			return;
		fp = frame.next;
	}
}
#endif

static bool print_entry(void *loglvl, unsigned long addr)
{
	printk("%s %pSb\n", (const char *)loglvl, (void *)addr);
	return true;
}

void show_stack(struct task_struct *task, unsigned long *sp, const char *loglvl)
{
	if (!task)
		task = current;
	printk("%sCall Trace:\n", loglvl);
	if (!try_get_task_stack(task))
		return;
	arch_stack_walk(print_entry, (void *)loglvl, task, NULL);
	put_task_stack(task);
}

void show_regs(struct pt_regs *regs)
{
	show_regs_print_info(KERN_DEFAULT);
	if (user_mode(regs))
		pr_info("RIP: %04lx:%lx\n", regs->cs, regs->ip);
	else
		pr_info("RIP: %04lx:%pSb\n", regs->cs, (void *)regs->ip);
	pr_info("RSP: %04lx:%016lx EFLAGS: %08lx ORIG_RAX: %016lx\n", regs->ss, regs->sp,
		regs->flags, regs->orig_ax);
	pr_info("RAX: %016lx RBX: %016lx RCX: %016lx\n", regs->ax, regs->bx, regs->cx);
	pr_info("RDX: %016lx RSI: %016lx RDI: %016lx\n", regs->dx, regs->si, regs->di);
	pr_info("RBP: %016lx R08: %016lx R09: %016lx\n", regs->bp, regs->r8, regs->r9);
	pr_info("R10: %016lx R11: %016lx R12: %016lx\n", regs->r10, regs->r11, regs->r12);
	pr_info("R13: %016lx R14: %016lx R15: %016lx\n", regs->r13, regs->r14, regs->r15);
	pr_info("FS:  %016lx GS:  %016lx\n", regs->fs_base, regs->gs_base);
	if (!user_mode(regs)) {
		pr_info("Call Trace:\n");
		arch_stack_walk(print_entry, KERN_INFO, current, regs);
	}
}

static bool first_outside_scheduler(void *found, unsigned long addr)
{
	if (in_sched_functions(addr))
		return true;
	*(unsigned long *)found = addr;
	return false;
}

unsigned long __get_wchan(struct task_struct *task)
{
	unsigned long found = 0;

	if (!try_get_task_stack(task))
		return 0;
	arch_stack_walk(first_outside_scheduler, &found, task, NULL);
	put_task_stack(task);
	return found;
}
