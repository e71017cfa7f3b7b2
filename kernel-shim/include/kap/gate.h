/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 10: gates. On the direct engine a system call instruction costs a
 * signal of the host. A call site that loads its number and then executes SYSCALL may instead jump
 * through the gate table, which is at the same address in all spaces, to a stub of its own in the
 * shim. To user code that looks like the two instructions that were there.
 *
 * Whoever patches a site sees to it that its space has the table, and that the space's
 * bases[] tell where the piece of text is in which the site lies.
 */
#ifndef KAP_GATE_H
#define KAP_GATE_H

#include <kap/abi.h>

/*
 * An address of the form 0x050fXXXX: the last two bytes of `jmp *KAP_GATE_TABLE + 8 * n` are
 * those of SYSCALL then. So the last two bytes of a site never change: a thread that is between
 * its two instructions, and a system call that is to be restarted, find what they expect.
 */
#define KAP_GATE_TABLE		0x050f0000
#define KAP_GATE_SITES		3968
#define KAP_GATE_TABLE_END	(KAP_GATE_TABLE + 0x8000)	/* behind the sites: the shim's */

/* The jump: ff 24 25 and the address of the table's entry, as 32 bits. */
#define KAP_GATE_JUMP_LEN	7

/* Entries of kap_space.bases; 0 there: not known. */
#define KAP_GATE_BASES		512

#ifndef __ASSEMBLER__

/*
 * Whether this machine has gates: the direct engine, with one vCPU or where the host lets a thread
 * have a segment (KAP_GETCPU_SELECTOR).
 */
int kap_gate_usable(void);

/*
 * A new site: what it is to call, and where user code goes on: kap_space.bases[base] + offset. Its
 * number in the table, or -ENOSPC. One caller at a time; it is never given back.
 */
int kap_gate_add(kap_u32 base, kap_u32 offset, kap_u32 nr);

#endif
#endif
