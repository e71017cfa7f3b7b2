// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-rng: entropy from the host's getrandom(2).
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/virtio_ids.h>
#include <sys/random.h>

#include "dev/dev.h"
#include "dev/virtio.h"
#include "vm/msg.h"

#define QUEUE_SIZE	8
#define MAX_FILL	4096	/* bytes a request; the driver asks again if it wants more */

static void rng_notify(struct virtio_dev *dev, unsigned int index)
{
	struct queue *q = &dev->queues[index];
	struct queue_chain chain;
	unsigned int budget;

	for (budget = QUEUE_SIZE; budget; budget--) {
		uint8_t bytes[MAX_FILL];
		size_t want;
		ssize_t got;

		if (queue__next(q, &chain) <= 0)
			break;
		want = chain.in_bytes < MAX_FILL ? chain.in_bytes : MAX_FILL;
		got = getrandom(bytes, want, 0);
		if (got < 0)
			got = 0;
		queue__push(q, chain.head, queue__copy_in(&chain, 0, bytes, got));
	}
	virtio__interrupt(dev, q);
	if (!budget)
		virtio__again(dev, index);
}

static void rng_shutdown(struct virtio_dev *dev)
{
	free(dev);
}

int rng__create(struct vm *vm)
{
	static const struct virtio_ops ops = {
		.notify = rng_notify,
		.shutdown = rng_shutdown,
	};
	static const uint16_t sizes[] = { QUEUE_SIZE };
	struct virtio_dev *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev) {
		msg__error("virtio-rng: out of memory; free some and run again");
		return -ENOMEM;
	}
	dev->vm = vm;
	dev->ops = &ops;
	dev->name = "virtio-rng";
	dev->device_id = VIRTIO_ID_RNG;
	dev->nr_queues = 1;
	dev->queue_sizes = sizes;
	err = virtio__register(dev);
	if (err)
		free(dev);
	return err;
}
