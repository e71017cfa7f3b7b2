/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 9: how user code finds out on which vCPU it runs, without a trap.
 *
 * `lsl` of this selector gives the vCPU's number as a segment limit. Where the host does not let a
 * thread have such a segment, lsl clears ZF, and only the guest kernel knows.
 */
#ifndef KAP_GETCPU_H
#define KAP_GETCPU_H

/* The first of the three entries of the host's GDT that each thread has for itself, RPL 3. */
#define KAP_GETCPU_ENTRY	12
#define KAP_GETCPU_SELECTOR	(KAP_GETCPU_ENTRY * 8 + 3)

#endif
