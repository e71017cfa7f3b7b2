/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 5: virtio over shared memory.
 *
 * One page per device slot, at KAP_PHYS_DEV + slot * 4096. Virtqueues lie in
 * guest RAM, in the split format of virtio 1.2 (little endian, guest-physical
 * addresses); features must include VIRTIO_F_VERSION_1. What a register is for is
 * said in virtio 1.2, section 4.2 (MMIO), whose registers this page mirrors; reads
 * never need the monitor, and writes that the device must act on are requests:
 *
 *   request (guest): fill the fields, store req_seq + 1 (release), set bit `slot` in
 *	kap_ctl.dev_pending, ring; wait on ack_seq (shared futex) until it equals req_seq.
 *   answer (monitor): act on `status` and the queues, then ack_seq = req_seq
 *	(release) and a futex wake-up. A refused feature set shows as FEATURES_OK missing in
 *	`status_now`. Writing status 0 resets: after the answer no queue is in use.
 *
 *   queue notify (guest): set bit q in notify (atomic OR, release), then bit
 *	`slot` in kap_ctl.dev_pending; ring only when dev_pending was 0.
 *   interrupt (monitor): set bits in irq_queues (used ring advanced) or irq_config
 *	(atomic OR, release), then ring KAP_BELL_DEV at vCPU irq_cpu with bit `slot`.
 */
#ifndef KAP_DEV_H
#define KAP_DEV_H

#include <kap/abi.h>

#define KAP_DEV_MAGIC		0x7665646b	/* "kdev" */
#define KAP_DEV_MAX_QUEUES	32
#define KAP_DEV_CONFIG_SIZE	256

struct kap_dev_queue {
	/* monitor */
	kap_u32 size_max;		/* entries, power of two; 0: no such queue */
	/* guest, before a request with ready = 1 */
	kap_u32 size;
	kap_u32 ready;
	kap_u32 pad;
	kap_u64 desc;			/* guest-physical */
	kap_u64 avail;
	kap_u64 used;
};

struct kap_dev {
	/* monitor, constant while the guest runs */
	kap_u32 magic;
	kap_u32 device_id;		/* virtio device type; 0: empty slot */
	kap_u32 nr_queues;
	kap_u32 config_size;
	kap_u64 device_features;
	kap_u64 pad0;

	/* guest */
	kap_u64 driver_features;
	kap_u32 status;			/* requested */
	kap_u32 req_seq;
	kap_u32 notify;			/* bit q, atomic */
	kap_u32 irq_cpu;		/* vCPU that takes this device's interrupts */
	kap_u64 pad1[4];

	/* monitor */
	kap_u32 status_now;		/* in force; may gain NEEDS_RESET at any time */
	kap_u32 ack_seq;
	kap_u32 config_seq;		/* odd while config changes */
	kap_u32 irq_queues;		/* bit q, atomic; cleared by the guest */
	kap_u32 irq_config;		/* 1: config or status changed; cleared by the guest */
	kap_u32 pad2[3];

	struct kap_dev_queue queue[KAP_DEV_MAX_QUEUES];

	/* device-specific configuration; config_guest is what the driver wrote */
	kap_u8 config[KAP_DEV_CONFIG_SIZE];
	kap_u8 config_guest[KAP_DEV_CONFIG_SIZE];
};

#endif
