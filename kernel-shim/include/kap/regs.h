/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine contract, part 3a: registers. */
#ifndef KAP_REGS_H
#define KAP_REGS_H

#include <kap/abi.h>

/*
 * User registers, in the order of x86-64's struct user_regs_struct (the host's
 * sys/user.h), so that an engine moves them without a table.
 */
struct kap_regs {
	kap_u64 r15, r14, r13, r12, bp, bx;
	kap_u64 r11, r10, r9, r8;
	kap_u64 ax, cx, dx, si, di;
	kap_u64 orig_ax;
	kap_u64 ip, cs, flags, sp, ss;
	kap_u64 fs_base, gs_base;
	kap_u64 ds, es, fs, gs;
};

#endif
