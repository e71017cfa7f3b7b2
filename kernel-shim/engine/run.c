// SPDX-License-Identifier: GPL-2.0-only
/* What the engines have in common: which one runs user code, and what registers it may have. */
#include "engine/direct.h"
#include "engine/ptrace.h"

void kap_run_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		  struct kap_trap *trap)
{
	if (direct())
		direct_run(space, regs, fpu, trap, 0);
	else
		ptrace_run_user(space, regs, fpu, trap);
}

void kap_regs_sanitize(struct kap_regs *regs)
{
	/* The user may change CF PF AF ZF SF TF DF OF NT AC ID RF, nothing else. */
	regs->flags = (regs->flags & 0x254dd5) | 0x202;
	if (regs->cs != 0x23)
		regs->cs = 0x33;
	regs->ss = 0x2b;
	if (regs->ds && (regs->ds & 3) != 3)
		regs->ds = 0;
	if (regs->es && (regs->es & 3) != 3)
		regs->es = 0;
	if (regs->fs && (regs->fs & 3) != 3)
		regs->fs = 0;
	if (regs->gs && (regs->gs & 3) != 3)
		regs->gs = 0;
	if (regs->fs_base >= KAP_USER_END)
		regs->fs_base = 0;
	if (regs->gs_base >= KAP_USER_END)
		regs->gs_base = 0;
}
