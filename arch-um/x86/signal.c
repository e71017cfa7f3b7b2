// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signal delivery: x86-64's frame on the user stack, the way back from it, and
 * restarting of interrupted system calls.
 *
 * A frame, from high to low addresses: red zone of the interrupted function (unless the
 * alternate stack is entered), XSAVE image with closing magic, aligned to 64
 * bytes, then struct rt_sigframe, placed so that the handler sees
 * the stack pointer that it would see behind a call instruction.
 */
#include <linux/entry-common.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/resume_user_mode.h>
#include <linux/rseq.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/sys_x86.h>
#include <asm/syscall.h>
#include <asm/trapnr.h>
#include <asm/unistd.h>
#include <asm/ucontext.h>
#include <uapi/asm/sigcontext.h>

#include "ldt.h"

#define RED_ZONE	128
#define FRAME_ALIGN	16UL
#define XSAVE_ALIGN	64UL
#define SYSCALL_LEN	2	/* bytes of the syscall instruction */

/* Flags that a program may set through a frame. */
#define FRAME_FLAGS                                                                      \
	(X86_EFLAGS_AC | X86_EFLAGS_OF | X86_EFLAGS_DF | X86_EFLAGS_TF | X86_EFLAGS_SF | \
	 X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF | X86_EFLAGS_CF | X86_EFLAGS_RF)

struct rt_sigframe {
	unsigned long pretcode;
	struct ucontext uc;
	struct siginfo info;
};

/* The largest frame, for AT_MINSIGSTKSZ and for sigaltstack's check. */
static unsigned long max_frame_size(void)
{
	return round_up(sizeof(struct rt_sigframe) + FRAME_ALIGN - 1 + fpu_frame_size() +
				XSAVE_ALIGN - 1,
			FRAME_ALIGN);
}

unsigned long kap_min_sigstksz(void)
{
	return max_frame_size();
}

#ifdef CONFIG_DYNAMIC_SIGFRAME
/*
 * Programs that were built with a MINSIGSTKSZ of 2048 never take a signal
 * on that stack, or die of it; refusing the stack itself would break the first kind.
 */
bool sigaltstack_size_valid(size_t ss_size)
{
	return !IS_ENABLED(CONFIG_STRICT_SIGALTSTACK_SIZE) || ss_size > max_frame_size();
}
#endif

/* Where the frame goes; 0 when it would not fit on the alternate stack. */
static unsigned long place_frame(struct ksignal *ksig, unsigned long sp, unsigned long *fpstate)
{
	bool altstack = on_sig_stack(sp);

	sp -= RED_ZONE;
	if ((ksig->ka.sa.sa_flags & SA_ONSTACK) && sas_ss_flags(sp) == 0) {
		sp = current->sas_ss_sp + current->sas_ss_size;
		altstack = true;
	}

	sp = round_down(sp - fpu_frame_size(), XSAVE_ALIGN);
	*fpstate = sp;
	sp = round_down(sp - sizeof(struct rt_sigframe), FRAME_ALIGN) - 8;

	if (altstack && !__on_sig_stack(sp)) {
		if (show_unhandled_signals && printk_ratelimit())
			pr_info("%s[%d] overflowed sigaltstack\n", current->comm,
				task_pid_nr(current));
		return 0;
	}
	return sp;
}

static void fill_context(struct sigcontext *sc, const struct pt_regs *regs, unsigned long fpstate,
			 const sigset_t *mask)
{
	*sc = (struct sigcontext){
		.r8 = regs->r8,
		.r9 = regs->r9,
		.r10 = regs->r10,
		.r11 = regs->r11,
		.r12 = regs->r12,
		.r13 = regs->r13,
		.r14 = regs->r14,
		.r15 = regs->r15,
		.di = regs->di,
		.si = regs->si,
		.bp = regs->bp,
		.bx = regs->bx,
		.dx = regs->dx,
		.ax = regs->ax,
		.cx = regs->cx,
		.sp = regs->sp,
		.ip = regs->ip,
		.flags = regs->flags,
		.cs = regs->cs,
		.ss = regs->ss,
		.err = current->thread.error_code,
		.trapno = current->thread.trap_nr,
		.cr2 = current->thread.cr2,
		.oldmask = mask->sig[0],
		.fpstate = fpstate,
	};
}

/* 64-bit code must have a stack segment that can be loaded, but may bring its own. */
static void force_valid_ss(struct pt_regs *regs)
{
	if (regs->ss != __USER_DS && kap_ldt_check_ss(regs->ss))
		regs->ss = __USER_DS;
}

static int setup_frame(struct ksignal *ksig, struct pt_regs *regs)
{
	struct rt_sigframe __user *uframe;
	struct rt_sigframe frame;
	unsigned long sp, fpstate;
	sigset_t *mask = sigmask_to_save();
	size_t size = offsetof(struct rt_sigframe, info);

	rseq_signal_deliver(ksig, regs);

	/* There is no place on the stack for code: libc brings its own. */
	if (!(ksig->ka.sa.sa_flags & SA_RESTORER))
		return -EFAULT;

	sp = place_frame(ksig, regs->sp, &fpstate);
	uframe = (struct rt_sigframe __user *)sp;
	if (!sp || fpu_save_to_frame((void __user *)fpstate))
		return -EFAULT;

	memset(&frame, 0, sizeof(frame));
	frame.pretcode = (unsigned long)ksig->ka.sa.sa_restorer;
	frame.uc.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS;
	if (regs->cs == __USER_CS)
		frame.uc.uc_flags |= UC_STRICT_RESTORE_SS;
	frame.uc.uc_stack.ss_sp = (void __user *)current->sas_ss_sp;
	frame.uc.uc_stack.ss_flags = current->sas_ss_flags;
	frame.uc.uc_stack.ss_size = current->sas_ss_size;
	fill_context(&frame.uc.uc_mcontext, regs, fpstate, mask);
	frame.uc.uc_sigmask = *mask;
	if (ksig->ka.sa.sa_flags & SA_SIGINFO) {
		/* the kernel's own form is a prefix of the user's */
		memcpy(&frame.info, &ksig->info, sizeof(ksig->info));
		size = sizeof(frame);
	}
	if (copy_to_user(uframe, &frame, size))
		return -EFAULT;

	regs->di = ksig->sig;
	regs->ax = 0;		/* a handler without prototype: no vector arguments */
	regs->si = (unsigned long)&uframe->info;
	regs->dx = (unsigned long)&uframe->uc;
	regs->ip = (unsigned long)ksig->ka.sa.sa_handler;
	regs->sp = sp;
	regs->cs = __USER_CS;
	force_valid_ss(regs);
	return 0;
}

static void rewind_syscall(struct pt_regs *regs, unsigned long nr)
{
	regs->ax = nr;
	regs->ip -= SYSCALL_LEN;
}

static void deliver(struct ksignal *ksig, struct pt_regs *regs)
{
	bool stepping, failed;

	if (syscall_get_nr(current, regs) != -1) {
		switch (syscall_get_error(current, regs)) {
		case -ERESTARTSYS:
			if (ksig->ka.sa.sa_flags & SA_RESTART) {
				rewind_syscall(regs, regs->orig_ax);
				break;
			}
			fallthrough;
		case -ERESTARTNOHAND:
		case -ERESTART_RESTARTBLOCK:
			regs->ax = -EINTR;
			break;
		case -ERESTARTNOINTR:
			rewind_syscall(regs, regs->orig_ax);
			break;
		}
	}

	/* The frame must not show a trap flag that is only the tracer's. */
	stepping = test_thread_flag(TIF_SINGLESTEP);
	if (stepping)
		user_disable_single_step(current);

	failed = setup_frame(ksig, regs) != 0;
	if (!failed) {
		/* A trap flag of the program itself would trap in the handler again and again. */
		regs->flags &= ~(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
		fpu_flush();
	}
	signal_setup_done(failed, ksig, stepping);
}

void arch_do_signal_or_restart(struct pt_regs *regs)
{
	struct ksignal ksig;

	if (get_signal(&ksig)) {
		deliver(&ksig, regs);
		return;
	}

	if (syscall_get_nr(current, regs) != -1) {
		switch (syscall_get_error(current, regs)) {
		case -ERESTARTNOHAND:
		case -ERESTARTSYS:
		case -ERESTARTNOINTR:
			rewind_syscall(regs, regs->orig_ax);
			break;
		case -ERESTART_RESTARTBLOCK:
			rewind_syscall(regs, __NR_restart_syscall);
			break;
		}
	}
	restore_saved_sigmask();
}

/*
 * A processor would fault at the return to user mode, with the frame's registers
 * already in place; so does this, except that the selectors must be usable.
 */
static void check_selectors(struct pt_regs *regs)
{
	unsigned int trap = 0;
	unsigned long bad;

	if (regs->cs != __USER_CS && regs->cs != __USER32_CS)
		trap = kap_ldt_check_cs(bad = regs->cs);
	if (!trap && regs->ss != __USER_DS)
		trap = kap_ldt_check_ss(bad = regs->ss);
	if (!trap)
		return;

	current->thread.trap_nr = trap;
	current->thread.error_code = bad & 0xfffc;
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	force_sig(trap == KAP_EXC_GP ? SIGSEGV : SIGBUS);
}

static int restore_context(struct pt_regs *regs, const struct sigcontext *sc,
			   unsigned long uc_flags)
{
	/* The frame's registers are no longer those of the call that was interrupted. */
	current->restart_block.fn = do_no_restart_syscall;

	regs->r8 = sc->r8;
	regs->r9 = sc->r9;
	regs->r10 = sc->r10;
	regs->r11 = sc->r11;
	regs->r12 = sc->r12;
	regs->r13 = sc->r13;
	regs->r14 = sc->r14;
	regs->r15 = sc->r15;
	regs->di = sc->di;
	regs->si = sc->si;
	regs->bp = sc->bp;
	regs->bx = sc->bx;
	regs->dx = sc->dx;
	regs->ax = sc->ax;
	regs->cx = sc->cx;
	regs->sp = sc->sp;
	regs->ip = sc->ip;
	regs->flags = (regs->flags & ~FRAME_FLAGS) | (sc->flags & FRAME_FLAGS);
	regs->orig_ax = -1;
	regs->cs = sc->cs | 3;
	regs->ss = sc->ss | 3;
	/* Programs from before the flag existed put anything into ss. */
	if (!(uc_flags & UC_STRICT_RESTORE_SS) && regs->cs == __USER_CS)
		force_valid_ss(regs);
	check_selectors(regs);
	kap_clean_user_regs(regs);

	return fpu_restore_from_frame((void __user *)sc->fpstate);
}

SYSCALL_DEFINE0(rt_sigreturn)
{
	struct pt_regs *regs = current_pt_regs();
	struct rt_sigframe __user *frame = (struct rt_sigframe __user *)(regs->sp - sizeof(long));
	struct ucontext uc;

	if (copy_from_user(&uc, &frame->uc, sizeof(uc)))
		goto bad;

	set_current_blocked(&uc.uc_sigmask);
	if (restore_altstack(&frame->uc.uc_stack))
		goto bad;
	if (restore_context(regs, &uc.uc_mcontext, uc.uc_flags))
		goto bad;
	return regs->ax;

bad:
	if (show_unhandled_signals && printk_ratelimit())
		pr_info("%s[%d] bad frame in rt_sigreturn: frame %px ip %lx sp %lx orig_ax %lx\n",
			current->comm, task_pid_nr(current), frame, regs->ip, regs->sp,
			regs->orig_ax);
	force_sig(SIGSEGV);
	return 0;
}
