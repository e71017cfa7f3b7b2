// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into the kernel and out of it.
 *
 * User code is a call: kap_run_user() goes to the program and comes back with
 * a trap. So each user task has a loop at the bottom of its kernel stack, and the
 * generic entry code is called around each trap. Kernel code is interrupted for
 * real: the shim builds a frame on its stack and calls the two functions at the
 * end of this file.
 */
#include <linux/entry-common.h>
#include <linux/nospec.h>
#include <linux/sched/debug.h>
#include <linux/kdebug.h>
#include <linux/bug.h>
#include <linux/extable.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/kprobes.h>
#include <linux/uaccess.h>
#include <asm/syscall.h>

#include "../x86/debugreg.h"
#include "../mm/twin.h"
#include "../x86/sites.h"
#include "entry.h"

#define INSN_SYSCALL	0x050f

static_assert(sizeof(struct pt_regs) == sizeof(struct kap_regs));
static_assert(offsetof(struct pt_regs, gs) == offsetof(struct kap_regs, gs));
static_assert(offsetof(struct thread_info, irqs_off) == offsetof(struct kap_stack, irqs_off));
static_assert(offsetof(struct thread_info, cpu) == offsetof(struct kap_stack, cpu));

static noinstr void user_syscall(struct pt_regs *regs, const struct kap_trap *trap)
{
	/* As on x86-64 only the low half of rax counts, but a tracer sees all of it. */
	long nr = (int)regs->orig_ax;

	regs->ax = -ENOSYS;
	nr = syscall_enter_from_user_mode(regs, nr);

	instrumentation_begin();
	if (trap->nr == KAP_CALL_SLOW)
		kap_site_seen(regs);
	if (likely((unsigned long)nr < NR_syscalls)) {
		nr = array_index_nospec(nr, NR_syscalls);
		regs->ax = sys_call_table[nr](regs->di, regs->si, regs->dx, regs->r10, regs->r8,
					      regs->r9);
	} else if (nr != -1) {
		regs->ax = -ENOSYS;
	}
	instrumentation_end();

	syscall_exit_to_user_mode(regs);
}

static noinstr void user_fault(struct pt_regs *regs, const struct kap_trap *trap)
{
	irqentry_state_t state = irqentry_enter(regs);

	instrumentation_begin();
	if (!kap_user_fault_fast(regs, trap)) {
		local_irq_enable();
		kap_user_fault(regs, trap);
		local_irq_disable();
	}
	instrumentation_end();
	irqentry_exit(regs, state);
}

static noinstr void user_exception(struct pt_regs *regs, const struct kap_trap *trap)
{
	irqentry_state_t state = irqentry_enter(regs);

	instrumentation_begin();
	local_irq_enable();
	kap_user_exception(regs, trap);
	local_irq_disable();
	instrumentation_end();
	irqentry_exit(regs, state);
}

/*
 * An engine may report int 0x80 and sysenter as system calls too. There are no
 * 32-bit system calls here; as on such a CPU the instruction is a protection fault. The direct
 * engine is told by the host what it was.
 */
static noinstr bool is_syscall_insn(const struct pt_regs *regs)
{
	u16 insn;

	if (kap_boot_info()->engine == KAP_ENGINE_DIRECT)
		return true;
	if (regs->cs != __USER_CS)
		return false;
	pagefault_disable();
	if (__copy_from_user_inatomic(&insn, (void __user *)regs->ip - 2, sizeof(insn)))
		insn = INSN_SYSCALL;
	pagefault_enable();
	return insn == INSN_SYSCALL;
}

static noinstr void user_bell(struct pt_regs *regs)
{
	irqentry_state_t state = irqentry_enter(regs);

	instrumentation_begin();
	kap_handle_bells(regs);
	instrumentation_end();
	irqentry_exit(regs, state);
}

static noinstr void user_lost(struct pt_regs *regs)
{
	irqentry_enter(regs);
	instrumentation_begin();
	local_irq_enable();
	pr_err("%s[%d]: its host process was killed, or has no thread for this CPU (ulimit -u)\n",
	       current->comm, task_pid_nr(current));
	/* Not a signal, which process 1 would not heed: it has no place to run any more. */
	do_group_exit(SIGKILL);
}

noinstr void kap_user_loop(void)
{
	struct kap_trap trap;

	for (;;) {
		struct pt_regs *regs = current_pt_regs();

		if (kap_debugging())
			kap_debug_enter_user();
		kap_sites_enter_user(current->mm);
		if (likely(!kap_any_refused) || !kap_twin_step(regs, &trap))
			kap_run_user(&current->mm->context.space, (struct kap_regs *)regs,
				     &current->thread.fpu, &trap);
		if (kap_debugging())
			kap_debug_leave_user(&trap);
		switch (trap.kind) {
		case KAP_TRAP_SYSCALL:
			if (likely(is_syscall_insn(regs))) {
				user_syscall(regs, &trap);
				break;
			}
			trap.nr = KAP_EXC_GP;
			regs->ip -= 2;
			regs->ax = regs->orig_ax;
			regs->orig_ax = -1;
			user_exception(regs, &trap);
			break;
		case KAP_TRAP_FAULT:
			user_fault(regs, &trap);
			break;
		case KAP_TRAP_EXCEPTION:
			user_exception(regs, &trap);
			break;
		case KAP_TRAP_DOORBELL:
			user_bell(regs);
			break;
		default:
			user_lost(regs);
			break;
		}
	}
}

noinstr void kap_kernel_interrupt(struct kap_regs *kregs)
{
	struct pt_regs *regs = (struct pt_regs *)kregs;
	irqentry_state_t state = irqentry_enter(regs);

	instrumentation_begin();
	kap_handle_bells(regs);
	instrumentation_end();
	irqentry_exit(regs, state);
}

int is_valid_bugaddr(unsigned long addr)
{
	return is_kernel_text(addr) || is_module_text_address(addr);
}

static void kernel_exception(struct pt_regs *regs, const struct kap_trap *trap)
{
	switch (trap->nr) {
	case KAP_EXC_PF:
	case KAP_EXC_GP:
	case KAP_EXC_SS:
		if (kap_kernel_fault(regs, trap))
			return;
		if (trap->nr == KAP_EXC_PF)
			pr_alert("BUG: unable to handle kernel access at address %016lx\n",
				 (unsigned long)trap->addr);
		die(trap->nr == KAP_EXC_PF ? "page fault" : "general protection fault", regs);
	case KAP_EXC_UD:
		switch (report_bug(regs->ip, regs)) {
		case BUG_TRAP_TYPE_WARN:
			regs->ip += LEN_UD2;
			return;
		case BUG_TRAP_TYPE_BUG:
			die("kernel BUG", regs);
		default:
			die("invalid opcode", regs);
		}
	case KAP_EXC_BP:
		die("int3", regs);
	default:
		die("exception", regs);
	}
}

noinstr void kap_kernel_trap(struct kap_regs *kregs, const struct kap_trap *trap)
{
	struct pt_regs *regs = (struct pt_regs *)kregs;
	irqentry_state_t state = irqentry_enter(regs);

	instrumentation_begin();
	kernel_exception(regs, trap);
	instrumentation_end();
	irqentry_exit(regs, state);
}
