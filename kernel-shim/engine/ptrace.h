/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the ptrace engine's files. */
#ifndef SHIM_ENGINE_PTRACE_H
#define SHIM_ENGINE_PTRACE_H

#include "pool.h"

/* The runner of a space on this vCPU, stopped; null when it is lost. */
struct runner *runner_get(struct kap_shell *shell, kap_u32 cpu);

void ptrace_run_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		     struct kap_trap *trap);

/* Size and features of the host's xstate, and its initial value, from the first runner. */
void fpu_learn(kap_s32 tid);
void fpu_learn_here(void);

/* Makes the runner's registers hold fpu's state; on the vCPU that the runner belongs to. */
void fpu_load(struct runner *runner, struct kap_fpu *fpu);

/* The vCPU leaves the runner, in whose registers a state may be. */
void fpu_leave(struct runner *runner);

/*
 * The monitor's points (kap_ctl.points) for the space, in the registers of this vCPU's runner. On
 * the direct engine the vCPU is at home afterwards.
 */
void points_load(struct kap_shell *shell, kap_u32 space);

/* Which of them has stopped the runner: bits of DR6. Likewise. */
kap_u64 points_hit(struct kap_shell *shell);

/* What runner->points is when the right ones are loaded. */
static inline kap_u64 points_wanted(kap_u32 space)
{
	return (kap_u64)kap_ctl()->points_seq << 32 | space;
}

#endif
