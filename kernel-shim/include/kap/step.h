/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine contract, part 11: one instruction of user code, with pages shown for it alone. */
#ifndef KAP_STEP_H
#define KAP_STEP_H

#include <kap/machine.h>

struct kap_step_page {
	kap_u64 va;
	kap_u64 phys;
};

/*
 * kap_run_user() for one instruction at most, on the direct engine: meanwhile these pages, one or
 * two, are there for reading and execution, and no other vCPU runs user code of the space.
 * Afterwards nothing is there. A trap of kind KAP_TRAP_DOORBELL says no more than that it is
 * over, or never began.
 */
void kap_step_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		   struct kap_trap *trap, const struct kap_step_page *page, kap_u32 nr_pages);

#endif
