/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transport of kap/dev.h as one device sees it: registration, queues,
 * interrupts, configuration, and the end of a device that its driver has broken.
 *
 * The guest can write every byte of a device page, also the monitor's fields. What
 * the monitor relies on is therefore kept here, and the page only shows it.
 */
#ifndef HOSTOS_DEV_VIRTIO_H
#define HOSTOS_DEV_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/vm.h"
#include "dev/queue.h"

struct virtio_dev;

struct virtio_ops {
	/* The driver is ready: queues work from now on. May be NULL. */
	void (*start)(struct virtio_dev *dev);
	/* There may be new buffers in queue q. */
	void (*notify)(struct virtio_dev *dev, unsigned int q);
	/*
	 * The driver wants a reset: true while what it sent before is not out yet. The reset then
	 * waits until virtio__settled() finds nothing left. May be NULL.
	 */
	bool (*busy)(struct virtio_dev *dev);
	/* The driver reset the device; no request is in flight. May be NULL. */
	void (*reset)(struct virtio_dev *dev);
	/* The monitor ends: wait for requests in flight, release everything, also dev. */
	void (*shutdown)(struct virtio_dev *dev);
};

struct virtio_dev {
	/* filled by the device before virtio__register() */
	struct vm *vm;
	const struct virtio_ops *ops;
	const char *name;		/* for messages */
	uint32_t device_id;		/* VIRTIO_ID_* */
	uint64_t features;		/* device-specific bits; the transport adds its own */
	unsigned int nr_queues;
	const uint16_t *queue_sizes;	/* largest size of each queue */
	const void *config;
	uint32_t config_size;

	/* the transport's */
	unsigned int slot;
	uint64_t driver_features;	/* accepted ones; 0 before FEATURES_OK */
	uint32_t status;
	uint32_t ack_seq;
	uint32_t config_seq;
	unsigned int in_flight;		/* requests that still use guest memory */
	unsigned int complaints;
	bool waiting;			/* a request is answered when nothing is in flight */
	bool broken;
	struct queue queues[KAP_DEV_MAX_QUEUES];
};

/* Takes the next slot and fills its page. 0, or -ENOSPC with a message. */
int virtio__register(struct virtio_dev *dev);

/* The device in this slot, for a debugger to look at; NULL: none. */
const struct virtio_dev *virtio__slot(unsigned int slot);

/* True when the driver is ready and the device is not broken. */
bool virtio__running(const struct virtio_dev *dev);

/* Tells the guest about used buffers of q, if it wants to know. */
void virtio__interrupt(struct virtio_dev *dev, struct queue *q);

/* Changes configuration bytes and tells the guest. */
void virtio__set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len);

/* Has notify(q) called again: for a device that yields after a bounded amount of work. */
void virtio__again(struct virtio_dev *dev, unsigned int q);

/*
 * Requests that are worked on outside the main thread: resets and shut-downs
 * wait for them. Main thread only.
 */
void virtio__get(struct virtio_dev *dev);
void virtio__put(struct virtio_dev *dev);

/* For a device with busy(): there is less to do than before, a reset may go on. */
void virtio__settled(struct virtio_dev *dev);

/*
 * The driver broke the rules: stops this device until the driver resets it, says
 * why in one line and shows NEEDS_RESET to the guest.
 */
void virtio__break(struct virtio_dev *dev, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
