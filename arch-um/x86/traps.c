// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions of user code other than page faults and system calls: which signal
 * they become, with x86-64's si_code and si_addr.
 */
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>
#include <asm/fpu.h>
#include <asm/traps.h>
#include <kap/machine.h>

#include "../mm/twin.h"
#include "keys.h"

int show_unhandled_signals = 1;

void kap_show_signal(int sig, const char *what, struct pt_regs *regs)
{
	if (!show_unhandled_signals || !unhandled_signal(current, sig) || !printk_ratelimit())
		return;
	pr_info("%s[%d] trap %s ip:%lx sp:%lx error:%lx", current->comm, task_pid_nr(current), what,
		regs->ip, regs->sp, current->thread.error_code);
	print_vma_addr(KERN_CONT " in ", regs->ip);
	pr_cont("\n");
}

static int step_code(const struct kap_trap *trap)
{
	switch (trap->code) {
	case TRAP_BRKPT:	/* the int1 instruction */
	case TRAP_HWBKPT:
		return trap->code;
	default:
		return TRAP_TRACE;
	}
}

/*
 * The host has one signal for x87 and for SSE exceptions; which of them it was
 * shows in the state. Returns 0 when nothing is pending: then the code runs again.
 */
static int float_code(const struct kap_trap *trap, unsigned int *nr)
{
	int x87 = fpu_exception_code(false), simd = fpu_exception_code(true);
	int told = trap->code > FPE_INTOVF && trap->code <= FPE_FLTSUB ? trap->code : 0;

	*nr = trap->nr;
	if (trap->nr == KAP_EXC_MF && simd && (!x87 || (told && told != x87)))
		*nr = KAP_EXC_XF;
	return told ?: *nr == KAP_EXC_XF ? simd : x87;
}

/* The error code of "int n" for a gate that programs may not use; hosts don't pass it on. */
static unsigned long gp_error(struct pt_regs *regs, const struct kap_trap *trap)
{
	u8 code[2];

	if (trap->error || copy_from_user(code, (void __user *)regs->ip, sizeof(code)) ||
	    code[0] != 0xcd)
		return trap->error;
	return code[1] << 3 | 2;
}

/* code 0: a signal that says no more than that the kernel sent it. */
static void raise(struct pt_regs *regs, const char *what, int sig, int code, void __user *addr)
{
	kap_show_signal(sig, what, regs);
	if (code)
		force_sig_fault(sig, code, addr);
	else
		force_sig(sig);
}

void kap_user_exception(struct pt_regs *regs, const struct kap_trap *trap)
{
	void __user *ip = (void __user *)uprobe_get_trap_addr(regs);
	unsigned long error = trap->error;
	unsigned int nr = trap->nr;
	int code;

	if (nr == KAP_EXC_MF || nr == KAP_EXC_XF) {
		code = float_code(trap, &nr);
		if (!code)
			return;
	} else if (nr == KAP_EXC_GP) {
		error = gp_error(regs, trap);
	}

	if (nr == KAP_EXC_UD && kap_twins && kap_emulate_keys(regs))
		return;

	current->thread.trap_nr = nr;
	current->thread.error_code = error;

	switch (nr) {
	case KAP_EXC_DE:
		raise(regs, "divide error", SIGFPE, FPE_INTDIV, ip);
		break;
	case KAP_EXC_DB:
		force_sig_fault(SIGTRAP, step_code(trap), (void __user *)regs->ip);
		break;
	case KAP_EXC_BP:
		raise(regs, "int3", SIGTRAP, 0, NULL);
		break;
	case KAP_EXC_OF:
		raise(regs, "overflow", SIGSEGV, 0, NULL);
		break;
	case KAP_EXC_BR:
		raise(regs, "bounds", SIGSEGV, 0, NULL);
		break;
	case KAP_EXC_UD:
		raise(regs, "invalid opcode", SIGILL, ILL_ILLOPN, ip);
		break;
	case KAP_EXC_NP:
		raise(regs, "segment not present", SIGBUS, 0, NULL);
		break;
	case KAP_EXC_SS:
		raise(regs, "stack segment", SIGBUS, 0, NULL);
		break;
	case KAP_EXC_AC:
		raise(regs, "alignment check", SIGBUS, BUS_ADRALN, NULL);
		break;
	case KAP_EXC_MF:
		raise(regs, "fpu exception", SIGFPE, code, ip);
		break;
	case KAP_EXC_XF:
		raise(regs, "simd exception", SIGFPE, code, ip);
		break;
	case KAP_EXC_MC:
		force_sig_mceerr(BUS_MCEERR_AR, (void __user *)trap->addr, PAGE_SHIFT);
		break;
	case KAP_EXC_GP:
	default:
		raise(regs, "general protection fault", SIGSEGV, 0, NULL);
		break;
	}
}
