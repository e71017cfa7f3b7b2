// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-blk on a raw image: the virtio side. Each request is taken apart here, with its
 * header and ranges copied out of guest memory once, becomes a job for
 * blk_io.c, and is answered when that is done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "dev/blk_image.h"
#include "dev/blk_io.h"
#include "dev/dev.h"
#include "dev/virtio.h"
#include "vm/msg.h"

#define SECTOR		512
#define QUEUE_SIZE	QUEUE_MAX_SIZE
#define SEG_MAX		(QUEUE_MAX_CHAIN - 2)	/* header and status take two */
#define MAX_RANGES	16
#define MAX_DISCARD	(1u << 21)	/* sectors */
#define MAX_ZEROES	(1u << 18)	/* sectors; may have to be written one by one */
#define READ_NOW_MAX	(256 * 1024)	/* bytes copied in the event loop */
#define BUDGET		64		/* requests before other devices get a turn */

struct request {
	struct blk_job job;
	struct blk *blk;
	uint64_t sector;
	uint32_t used_len;		/* bytes for the guest, when all goes well */
	struct blk_range ranges[MAX_RANGES];
	struct queue_chain chain;
	struct iovec iov[QUEUE_MAX_CHAIN];	/* data only */
	struct request *next_free;
};

struct blk {
	struct virtio_dev dev;
	struct blk_image image;
	char *path;
	char id[VIRTIO_BLK_ID_BYTES];
	uint64_t sectors;
	bool stalled;			/* the queue waits for a free request */
	bool wrote;
	bool flush_failed;
	bool told[4];			/* an error was reported: read, write, flush, clear */
	struct virtio_blk_config config;
	struct request *free;
	unsigned int nr_requests;	/* of requests[], the rest was never touched */
	struct request requests[QUEUE_SIZE];
};

/* ---- answers ----------------------------------------------------------- */

static void put_request(struct request *r)
{
	r->next_free = r->blk->free;
	r->blk->free = r;
}

static struct request *get_request(struct blk *blk)
{
	struct request *r = blk->free;

	if (r) {
		blk->free = r->next_free;
	} else if (blk->nr_requests < QUEUE_SIZE) {
		r = &blk->requests[blk->nr_requests++];
		r->blk = blk;
	}
	return r;
}

static void answer(struct request *r, uint8_t status)
{
	struct blk *blk = r->blk;
	struct queue *q = &blk->dev.queues[0];

	queue__copy_in(&r->chain, r->chain.in_bytes - 1, &status, 1);
	queue__push(q, r->chain.head, status == VIRTIO_BLK_S_OK ? r->used_len : 1);
	put_request(r);
}

static void report(struct blk *blk, const struct request *r)
{
	static const struct {
		const char *doing, *next;
		unsigned int slot;
	} what[] = {
		[BLK_READ] = { "reading", "check the host's disk", 0 },
		[BLK_WRITE] = { "writing", "make room on, or check, the host's disk", 1 },
		[BLK_FLUSH] = { "flushing",
				"check the host's disk, then the guest's file "
				"systems: what was written last may be lost",
				2 },
		[BLK_DISCARD] = { "discarding", "check the host's disk", 3 },
		[BLK_ZERO] = { "clearing", "make room on, or check, the host's disk", 3 },
	};
	unsigned int op = r->job.op;

	if (blk->told[what[op].slot])
		return;
	blk->told[what[op].slot] = true;
	msg__error("disk %s: %s sector %llu: %s; the guest gets an I/O error (further ones are not "
		   "told); %s",
		   blk->path, what[op].doing, (unsigned long long)r->sector, strerror(r->job.error),
		   what[op].next);
}

static void job_done(struct blk_job *job)
{
	struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
	struct blk *blk = r->blk;

	if (job->error) {
		report(blk, r);
		/*
		 * The host drops what it could not write and says so only once: no later
		 * flush of this image can promise anything.
		 */
		if (job->op == BLK_FLUSH)
			blk->flush_failed = true;
	}
	answer(r, job->error ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	virtio__interrupt(&blk->dev, &blk->dev.queues[0]);
	if (blk->stalled && virtio__running(&blk->dev)) {
		blk->stalled = false;
		virtio__again(&blk->dev, 0);
	}
	virtio__put(&blk->dev);
}

/* ---- requests ---------------------------------------------------------- */

static void submit(struct request *r, enum blk_op op)
{
	struct blk *blk = r->blk;

	r->job.op = op;
	r->job.fd = blk->image.fd;
	r->job.done = job_done;
	if (op == BLK_FLUSH && blk->flush_failed) {
		answer(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (op == BLK_READ && r->used_len <= READ_NOW_MAX && blk_io__read_now(&r->job)) {
		answer(r, VIRTIO_BLK_S_OK);
		return;
	}
	if (op != BLK_READ && op != BLK_FLUSH)
		blk->wrote = true;
	virtio__get(&blk->dev);
	blk_io__submit(&r->job);
}

static bool inside(const struct blk *blk, uint64_t sector, uint64_t count)
{
	return sector <= blk->sectors && count <= blk->sectors - sector;
}

static void start_transfer(struct request *r, bool write)
{
	struct blk *blk = r->blk;
	uint32_t bytes = write ? r->chain.out_bytes - sizeof(struct virtio_blk_outhdr) :
			 r->chain.in_bytes - 1;

	if (bytes == 0 || bytes % SECTOR || !inside(blk, r->sector, bytes / SECTOR) ||
	    (write && blk->image.read_only)) {
		answer(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->job.iov = r->iov;
	r->job.offset = r->sector * SECTOR;
	if (write) {
		r->job.nr_iov = queue__slice(r->iov, r->chain.iov, r->chain.nr_out,
					     sizeof(struct virtio_blk_outhdr), bytes);
	} else {
		r->job.nr_iov = queue__slice(r->iov, r->chain.iov + r->chain.nr_out, r->chain.nr_in,
					     0, bytes);
		r->used_len = bytes + 1;
	}
	submit(r, write ? BLK_WRITE : BLK_READ);
}

static uint8_t check_range(const struct blk *blk, const struct virtio_blk_discard_write_zeroes *seg,
			   bool zero)
{
	uint32_t allowed = zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (seg->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (seg->num_sectors > (zero ? MAX_ZEROES : MAX_DISCARD) ||
	    !inside(blk, seg->sector, seg->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static void start_clear(struct request *r, bool zero)
{
	struct virtio_blk_discard_write_zeroes segs[MAX_RANGES];
	struct blk *blk = r->blk;
	uint32_t bytes = r->chain.out_bytes - sizeof(struct virtio_blk_outhdr);
	unsigned int i, n = bytes / sizeof(segs[0]);

	if (blk->image.read_only || n == 0 || n > MAX_RANGES || bytes % sizeof(segs[0])) {
		answer(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	queue__copy_out(&r->chain, sizeof(struct virtio_blk_outhdr), segs, bytes);
	for (i = 0; i < n; i++) {
		uint8_t status = check_range(blk, &segs[i], zero);

		if (status != VIRTIO_BLK_S_OK) {
			answer(r, status);
			return;
		}
		r->ranges[i].offset = segs[i].sector * SECTOR;
		r->ranges[i].bytes = (uint64_t)segs[i].num_sectors * SECTOR;
		r->ranges[i].may_unmap = segs[i].flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	}
	r->sector = segs[0].sector;
	r->job.ranges = r->ranges;
	r->job.nr_ranges = n;
	submit(r, zero ? BLK_ZERO : BLK_DISCARD);
}

static void start_request(struct request *r)
{
	struct virtio_blk_outhdr header;
	struct blk *blk = r->blk;

	queue__copy_out(&r->chain, 0, &header, sizeof(header));
	r->sector = header.sector;
	r->used_len = 1;
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		start_transfer(r, false);
		break;
	case VIRTIO_BLK_T_OUT:
		start_transfer(r, true);
		break;
	case VIRTIO_BLK_T_FLUSH:
		submit(r, BLK_FLUSH);
		break;
	case VIRTIO_BLK_T_DISCARD:
		start_clear(r, false);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		start_clear(r, true);
		break;
	case VIRTIO_BLK_T_GET_ID:
		if (r->chain.in_bytes - 1 < VIRTIO_BLK_ID_BYTES) {
			answer(r, VIRTIO_BLK_S_IOERR);
			break;
		}
		r->used_len += queue__copy_in(&r->chain, 0, blk->id, VIRTIO_BLK_ID_BYTES);
		answer(r, VIRTIO_BLK_S_OK);
		break;
	default:
		answer(r, VIRTIO_BLK_S_UNSUPP);
		break;
	}
}

static void blk_notify(struct virtio_dev *dev, unsigned int index)
{
	struct blk *blk = (struct blk *)dev;
	struct queue *q = &dev->queues[index];
	unsigned int budget;

	for (budget = BUDGET; budget; budget--) {
		struct request *r = get_request(blk);

		if (!r) {
			blk->stalled = true;
			break;
		}
		if (queue__next(q, &r->chain) <= 0) {
			put_request(r);
			break;
		}
		if (r->chain.out_bytes < sizeof(struct virtio_blk_outhdr) ||
		    r->chain.in_bytes < 1) {
			virtio__break(dev,
				      "queue %u, chain %u: no room for a request's header "
				      "and status",
				      index, r->chain.head);
			put_request(r);
			break;
		}
		start_request(r);
	}
	virtio__interrupt(dev, q);
	if (!budget)
		virtio__again(dev, index);
}

static void blk_reset(struct virtio_dev *dev)
{
	((struct blk *)dev)->stalled = false;
}

static void blk_shutdown(struct virtio_dev *dev)
{
	struct blk *blk = (struct blk *)dev;

	blk_io__wait();
	if (blk->wrote && !blk->flush_failed && fdatasync(blk->image.fd))
		msg__error("disk %s: flushing: %s; check the host's disk, then the guest's file "
			   "systems: what was written last may be lost",
			   blk->path, strerror(errno));
	blk_image__close(&blk->image);
	blk_io__close();
	free(blk->path);
	free(blk);
}

/* ---- creation ---------------------------------------------------------- */

static void describe(struct blk *blk)
{
	struct virtio_dev *dev = &blk->dev;
	static const uint16_t sizes[] = { QUEUE_SIZE };
	struct virtio_blk_config *c = &blk->config;

	c->capacity = blk->sectors;
	c->seg_max = SEG_MAX;
	c->blk_size = SECTOR;
	dev->features = 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_BLK_SIZE |
			1ULL << VIRTIO_BLK_F_FLUSH;
	if (blk->image.read_only) {
		dev->features |= 1ULL << VIRTIO_BLK_F_RO;
	} else {
		dev->features |= 1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
		c->max_discard_sectors = MAX_DISCARD;
		c->max_discard_seg = MAX_RANGES;
		c->discard_sector_alignment = 4096 / SECTOR;
		c->max_write_zeroes_sectors = MAX_ZEROES;
		c->max_write_zeroes_seg = MAX_RANGES;
		c->write_zeroes_may_unmap = 1;
	}
	dev->name = "virtio-blk";
	dev->device_id = VIRTIO_ID_BLOCK;
	dev->nr_queues = 1;
	dev->queue_sizes = sizes;
	dev->config = c;
	dev->config_size = sizeof(*c);
}

int blk__create(struct vm *vm, const char *path, bool read_only)
{
	static const struct virtio_ops ops = {
		.notify = blk_notify,
		.reset = blk_reset,
		.shutdown = blk_shutdown,
	};
	struct blk *blk = calloc(1, sizeof(*blk));
	int err = -ENOMEM;

	if (blk)
		blk->path = strdup(path);
	if (!blk || !blk->path) {
		msg__error("disk %s: out of memory; free some and run again", path);
		goto free_blk;
	}
	err = blk_image__open(&blk->image, path, read_only);
	if (err)
		goto free_blk;
	blk->sectors = blk->image.bytes / SECTOR;
	blk->dev.vm = vm;
	blk->dev.ops = &ops;
	describe(blk);
	err = blk_io__open();
	if (err) {
		msg__error("disk %s: can't start disk input and output: %s; raise the limit on "
			   "open files (ulimit -n)",
			   path, strerror(-err));
		goto close_image;
	}
	err = virtio__register(&blk->dev);
	if (err)
		goto close_io;
	snprintf(blk->id, sizeof(blk->id), "kap-disk-%u", blk->dev.slot);
	return 0;

close_io:
	blk_io__close();
close_image:
	blk_image__close(&blk->image);
free_blk:
	if (blk)
		free(blk->path);
	free(blk);
	return err;
}
