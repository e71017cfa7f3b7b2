/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of virtio-blk on an image of its own, for tests.
 */
#ifndef TESTS_FAKE_BLK_H
#define TESTS_FAKE_BLK_H

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fake_driver.h"

#define SIZE		64
#define SECTORS		2048ull
#define ALL_FEATURES                                                 \
	(1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_DISCARD | \
			 1ULL << VIRTIO_BLK_F_WRITE_ZEROES)

static char path[64];
static struct fake_queue drv;
static uint64_t header, data, status;	/* guest-physical */

static inline void make_image(off_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static inline int fake_blk_setup(void **state)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/kap-blk-XXXXXX", dir && strlen(dir) < 40 ? dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	make_image(SECTORS * 512);
	return fake_setup(state);
}

static inline int fake_blk_teardown(void **state)
{
	fake_teardown(state);
	return unlink(path);
}

static inline void start(unsigned int slot, uint64_t features)
{
	assert_true(fake_negotiate(slot, FAKE_VERSION_1 | FAKE_INDIRECT | features) &
		    VIRTIO_CONFIG_S_FEATURES_OK);
	fake_queue_setup(&drv, slot, 0, SIZE);
	fake_driver_ok(slot);
	header = fake_alloc(4096);
	data = fake_alloc(1 << 20);
	status = fake_alloc(4096);
}

static inline void start_disk(void)
{
	assert_int_equal(blk__create(&fake_vm, path, false), 0);
	start(0, ALL_FEATURES);
}

/* Adds request n of those in flight (at most SIZE / 4), with its own header and status. */
static inline void add(unsigned int n, uint32_t type, uint64_t sector, uint64_t at, uint32_t bytes)
{
	struct virtio_blk_outhdr *h = (struct virtio_blk_outhdr *)fake_ptr(header) + n;
	struct fake_buffer buffers[] = {
		{ header + n * sizeof(*h), sizeof(*h), false },
		{ at, bytes, type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID },
		{ status + n, 1, true },
	};

	*h = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	*(uint8_t *)fake_ptr(status + n) = 0xee;
	if (bytes == 0)
		buffers[1] = buffers[2];
	fake_add(&drv, buffers, bytes ? 3 : 2);
}

static inline uint8_t finish(uint32_t *len)
{
	fake_wait_used(&drv);
	assert_true(fake_get_used(&drv, NULL, len));
	return *(uint8_t *)fake_ptr(status);
}

static inline uint8_t request(uint32_t type, uint64_t sector, uint64_t at, uint32_t bytes)
{
	add(0, type, sector, at, bytes);
	fake_kick(&drv);
	return finish(NULL);
}

static inline void fill(uint64_t at, uint32_t bytes, unsigned int seed)
{
	uint8_t *p = fake_ptr(at);

	while (bytes--)
		*p++ = rand_r(&seed);
}

static inline uint8_t clear(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *seg = fake_ptr(data);

	*seg = (struct virtio_blk_discard_write_zeroes){
		.sector = sector,
		.num_sectors = sectors,
		.flags = flags,
	};
	return request(type, 0, data, sizeof(*seg));
}

#endif
