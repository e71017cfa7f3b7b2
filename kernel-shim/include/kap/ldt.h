/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 7: segments of a space (x86's local descriptor table).
 * Guest side only; conventions as in machine.h. It is the host that keeps the table, so
 * selectors in kap_regs refer to it as they would on hardware.
 */
#ifndef KAP_LDT_H
#define KAP_LDT_H

#include <kap/machine.h>

/* The layout of Linux's struct user_desc; flags are its bit fields, from bit 0. */
struct kap_ldt_entry {
	kap_u32 nr;
	kap_u32 base;
	kap_u32 limit;
	kap_u32 flags;
};

/*
 * Sets one entry, in force when it returns. A negative errno is what the host's
 * modify_ldt(2) said: -ENOSYS where it has none.
 */
int kap_space_set_ldt(struct kap_space *space, const struct kap_ldt_entry *entry);

/* kap_space_destroy() for a space whose table was used: its process serves no other space. */
void kap_space_retire(struct kap_space *space);

#endif
