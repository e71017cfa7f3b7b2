/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disk input and output away from the event loop: a few threads that all disks
 * share carry out jobs, and the loop hears of finished ones through an eventfd.
 */
#ifndef HOSTOS_DEV_BLK_IO_H
#define HOSTOS_DEV_BLK_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum blk_op {
	BLK_READ,
	BLK_WRITE,
	BLK_FLUSH,
	BLK_DISCARD,		/* a hint: where the host can't, nothing happens */
	BLK_ZERO,		/* must read as zeroes afterwards */
};

struct blk_range {
	uint64_t offset, bytes;
	bool may_unmap;		/* BLK_ZERO: a hole will do */
};

struct blk_job {
	int fd;
	enum blk_op op;
	uint64_t offset;		/* read, write */
	struct iovec *iov;		/* read, write; consumed */
	unsigned int nr_iov;
	const struct blk_range *ranges;	/* discard, zero */
	unsigned int nr_ranges;
	void (*done)(struct blk_job *job);	/* from the event loop */

	int error;		/* 0 or an errno, when done */
	struct blk_job *next;
};

/* One user more or less; the first starts the machinery, the last ends it. 0 or -errno. */
int blk_io__open(void);
void blk_io__close(void);

/* Reads what the host has in memory at once; true when that was all, with job->error set. */
bool blk_io__read_now(struct blk_job *job);

/* Hands a job to a thread; done() follows from the event loop or from blk_io__wait(). */
void blk_io__submit(struct blk_job *job);

/* Waits until no job is left, and calls their done(). */
void blk_io__wait(void);

#endif
