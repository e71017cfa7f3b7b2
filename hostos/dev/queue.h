/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Split virtqueues (virtio 1.2, section 2.7), the device's side.
 */
#ifndef HOSTOS_DEV_QUEUE_H
#define HOSTOS_DEV_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define QUEUE_MAX_SIZE	256
#define QUEUE_MAX_CHAIN	256	/* buffers in one chain, indirect ones included */

struct virtio_dev;

struct queue {
	struct virtio_dev *dev;
	unsigned int index;
	bool ready;
	bool event_idx, indirect;	/* negotiated features */
	uint16_t size;
	uint16_t last_avail;		/* chains taken */
	uint16_t used_idx;		/* chains given back */
	uint16_t signalled;		/* used_idx at the last decision about an interrupt */
	void *desc, *avail, *used;	/* in guest RAM */
};

/* One request: iov[0..nr_out) is data from the driver, iov[nr_out..+nr_in) room for answers. */
struct queue_chain {
	uint16_t head;
	uint16_t nr_out, nr_in;
	uint32_t out_bytes, in_bytes;
	struct iovec iov[QUEUE_MAX_CHAIN];
};

/*
 * Starts a queue whose parts lie at these guest-physical addresses; NULL, or
 * what is wrong with them.
 */
const char *queue__start(struct queue *q, uint32_t size, uint32_t size_max, uint64_t desc,
			 uint64_t avail, uint64_t used);

/*
 * Takes the next chain: 1 with *chain filled, 0 when there is none (the guest will
 * notify about the next one), -1 when the queue does not work (virtio__break() was called).
 */
int queue__next(struct queue *q, struct queue_chain *chain);

/*
 * Number of chains that wait to be taken; the guest will notify about the next one
 * that it adds. 0 for a queue that does not work.
 */
unsigned int queue__waiting(struct queue *q);

/* Gives a chain back, len bytes of its room written. */
void queue__push(struct queue *q, uint16_t head, uint32_t len);

/* How far a queue is, for a debugger: counts of chains, modulo 2^16. */
struct queue_state {
	uint16_t offered;		/* by the guest */
	uint16_t taken, given_back;	/* by the device */
	bool wants_interrupt;		/* for the next one that is given back */
};

/* Looks at a queue without a trace; false when it does not work. */
bool queue__look(const struct queue *q, struct queue_state *state);

/* Whether the guest wants an interrupt for what was pushed since the last call. */
bool queue__wants_interrupt(struct queue *q);

/* Copies from the driver's data, or to its room, from byte `offset` on; returns bytes copied. */
uint32_t queue__copy_out(const struct queue_chain *chain, uint32_t offset, void *to, uint32_t len);
uint32_t queue__copy_in(const struct queue_chain *chain, uint32_t offset, const void *from,
			uint32_t len);

/*
 * Fills to[] with the part [offset, offset + len) of from[0..nr); returns the number of
 * entries, at most nr.
 */
unsigned int queue__slice(struct iovec *to, const struct iovec *from, unsigned int nr,
			  uint32_t offset, uint32_t len);

#endif
