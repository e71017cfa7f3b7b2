/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 8: debug registers for user code (hardware breakpoints).
 * Guest side only; conventions as in machine.h.
 */
#ifndef KAP_DEBUG_H
#define KAP_DEBUG_H

#include <kap/machine.h>

/* As the processor's (Intel SDM vol. 3, 17.2): DR0-DR3, DR6, DR7. */
struct kap_debug {
	kap_u64 addr[4];
	kap_u64 status;
	kap_u64 control;
};

/*
 * The next kap_run_user() of this vCPU in this space runs with these registers. A negative
 * errno is what the host said of them, and none is in force then.
 */
int kap_debug_load(struct kap_space *space, const struct kap_debug *debug);

/* Fills debug->status, and takes the registers away again. */
void kap_debug_unload(struct kap_space *space, struct kap_debug *debug);

#endif
