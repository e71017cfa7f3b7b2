// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-blk: discard and write zeroes, on images with and without holes.
 */
#define _GNU_SOURCE
#include "fake_blk.h"

static bool no_fallocate;		/* the image's file system has no holes */

/* Stands in front of libc's. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (no_fallocate) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return syscall(SYS_fallocate, fd, mode, offset, len);
}

static int setup(void **state)
{
	no_fallocate = false;
	return fake_blk_setup(state);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

static blkcnt_t blocks(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_blocks;
}

static bool host_punches_holes(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);

	close(fd);
	return err == 0;
}

static void test_discard(void **state)
{
	blkcnt_t before;

	(void)state;
	if (!host_punches_holes())
		skip();
	start_disk();
	fill(data, 1 << 20, 1);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 1 << 20), VIRTIO_BLK_S_OK);
	request(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	before = blocks();
	assert_true(before >= 1024);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 1024, 0), VIRTIO_BLK_S_OK);
	assert_true(blocks() <= before - 1000);
	/* what was not discarded is still there */
	fill(data, 1 << 20, 1);
	memcpy(fake_ptr(data), fake_ptr(data + 512 * 1024), 4096);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 1024, data + 65536, 4096), VIRTIO_BLK_S_OK);
	assert_memory_equal(fake_ptr(data), fake_ptr(data + 65536), 4096);
}

static void write_zeroes(uint32_t flags)
{
	start_disk();
	fill(data, 65536, 1);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 65536), VIRTIO_BLK_S_OK);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 1, 100, flags), VIRTIO_BLK_S_OK);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data + 65536, 65536), VIRTIO_BLK_S_OK);
	fill(data, 65536, 1);
	assert_memory_equal(fake_ptr(data), fake_ptr(data + 65536), 512);
	assert_true(is_zero(fake_ptr(data + 65536 + 512), 100 * 512));
	assert_memory_equal(fake_ptr(data + 101 * 512), fake_ptr(data + 65536 + 101 * 512),
			    65536 - 101 * 512);
}

static void test_write_zeroes(void **state)
{
	(void)state;
	write_zeroes(0);
}

static void test_write_zeroes_unmap(void **state)
{
	(void)state;
	write_zeroes(VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

static void test_no_holes(void **state)
{
	(void)state;
	no_fallocate = true;
	write_zeroes(VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	fill(data, 512, 2);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data + 4096, 512), VIRTIO_BLK_S_OK);
	fill(data, 512, 2);
	assert_memory_equal(fake_ptr(data), fake_ptr(data + 4096), 512);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, fake_blk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_discard),
		TEST(test_write_zeroes),
		TEST(test_write_zeroes_unmap),
		TEST(test_no_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
