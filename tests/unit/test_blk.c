// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-blk: data survives, a flush means it, and bad requests are refused.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "fake_blk.h"

/* ---- the host's calls, watched ----------------------------------------- */

static unsigned int syncs;		/* fdatasync calls, by any thread */
static int sync_error;			/* what they answer */
static bool hold_writes;		/* pwritev waits until told otherwise */
static unsigned int held;
static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_change = PTHREAD_COND_INITIALIZER;

/* These stand in front of libc's. */
int fdatasync(int fd)
{
	__atomic_fetch_add(&syncs, 1, __ATOMIC_SEQ_CST);
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	return syscall(SYS_fdatasync, fd);
}

ssize_t pwritev(int fd, const struct iovec *iov, int nr, off_t offset)
{
	pthread_mutex_lock(&hold_lock);
	held++;
	pthread_cond_broadcast(&hold_change);
	while (hold_writes)
		pthread_cond_wait(&hold_change, &hold_lock);
	pthread_mutex_unlock(&hold_lock);
	return syscall(SYS_pwritev, fd, iov, (long)nr, (long)offset, 0L);
}

static void set_hold(bool hold)
{
	pthread_mutex_lock(&hold_lock);
	hold_writes = hold;
	held = 0;
	pthread_cond_broadcast(&hold_change);
	pthread_mutex_unlock(&hold_lock);
}

static void wait_held(unsigned int n)
{
	pthread_mutex_lock(&hold_lock);
	while (held < n)
		pthread_cond_wait(&hold_change, &hold_lock);
	pthread_mutex_unlock(&hold_lock);
}

static int setup(void **state)
{
	syncs = 0;
	sync_error = 0;
	hold_writes = false;
	return fake_blk_setup(state);
}

static int teardown(void **state)
{
	set_hold(false);
	return fake_blk_teardown(state);
}

/* ---- data -------------------------------------------------------------- */

static void test_config(void **state)
{
	const struct virtio_blk_config *c = (const void *)fake_page(0)->config;

	(void)state;
	start_disk();
	assert_int_equal(fake_page(0)->device_id, 2);
	assert_int_equal(c->capacity, SECTORS);
	assert_int_equal(c->blk_size, 512);
	assert_true(c->seg_max >= 64);
	assert_true(c->max_discard_sectors > 0);
	assert_true(c->max_write_zeroes_seg > 0);
}

static void test_data_survives(void **state)
{
	const uint32_t bytes = 256 * 1024;
	uint8_t *copy = malloc(bytes), *file = malloc(bytes);
	uint32_t len;
	int fd;

	(void)state;
	start_disk();
	fill(data, bytes, 7);
	memcpy(copy, fake_ptr(data), bytes);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 100, data, bytes), VIRTIO_BLK_S_OK);
	memset(fake_ptr(data), 0, bytes);
	add(0, VIRTIO_BLK_T_IN, 100, data, bytes);
	fake_kick(&drv);
	assert_int_equal(finish(&len), VIRTIO_BLK_S_OK);
	assert_int_equal(len, bytes + 1);
	assert_memory_equal(fake_ptr(data), copy, bytes);

	dev__shutdown(&fake_vm);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, file, bytes, 100 * 512), bytes);
	assert_memory_equal(file, copy, bytes);
	close(fd);
	free(copy);
	free(file);
}

/* Header, data and status in pieces, as virtio 1.2 allows. */
static void test_odd_layout(void **state)
{
	struct virtio_blk_outhdr *h;
	struct fake_buffer buffers[] = {
		{ 0, 5, false },  { 0, 11, false }, { 0, 200, true },
		{ 0, 300, true }, { 0, 13, true },
	};
	uint8_t *p;

	(void)state;
	start_disk();
	fill(data, 512, 3);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 9, data, 512), VIRTIO_BLK_S_OK);
	h = fake_ptr(header);
	*h = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN, .sector = 9 };
	buffers[0].addr = header;
	buffers[1].addr = header + 5;
	buffers[2].addr = data + 4096;
	buffers[3].addr = data + 8192;
	buffers[4].addr = data + 12288;
	fake_add(&drv, buffers, 5);
	fake_kick(&drv);
	finish(NULL);
	p = fake_ptr(data);
	assert_memory_equal(p + 4096, p, 200);
	assert_memory_equal(p + 8192, p + 200, 300);
	assert_memory_equal(p + 12288, p + 500, 12);
	assert_int_equal(p[12288 + 12], VIRTIO_BLK_S_OK);
}

/* Several requests are worked on at the same time. */
static void test_in_flight(void **state)
{
	(void)state;
	start_disk();
	set_hold(true);
	for (unsigned int i = 0; i < 8; i++) {
		fill(data + i * 4096, 4096, i);
		add(i, VIRTIO_BLK_T_OUT, i * 8, data + i * 4096, 4096);
	}
	fake_kick(&drv);
	wait_held(4);
	assert_false(fake_has_used(&drv));
	set_hold(false);
	for (unsigned int i = 0; i < 8; i++) {
		fake_wait_used(&drv);
		fake_get_used(&drv, NULL, NULL);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(*(uint8_t *)fake_ptr(status + i), VIRTIO_BLK_S_OK);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data + 65536, 32768), VIRTIO_BLK_S_OK);
	assert_memory_equal(fake_ptr(data + 65536), fake_ptr(data), 32768);
}

static void test_interrupt(void **state)
{
	(void)state;
	start_disk();
	fake_page(0)->irq_queues = 0;
	request(VIRTIO_BLK_T_OUT, 0, data, 512);
	assert_int_equal(fake_page(0)->irq_queues, 1);
	assert_int_equal(vm__vcpu(&fake_vm, 0)->dev_pending, 1);
}

static void test_id(void **state)
{
	(void)state;
	start_disk();
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, data, 20), VIRTIO_BLK_S_OK);
	assert_memory_equal(fake_ptr(data), "kap-disk-0", 11);
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, data, 19), VIRTIO_BLK_S_IOERR);
}

/* ---- flush ------------------------------------------------------------- */

static void test_flush(void **state)
{
	(void)state;
	start_disk();
	request(VIRTIO_BLK_T_OUT, 0, data, 512);
	assert_int_equal(syncs, 0);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(syncs, 1);
}

static void test_flush_fails(void **state)
{
	const char *said;
	uint8_t first, second;

	(void)state;
	start_disk();
	sync_error = EIO;
	capture__begin();
	first = request(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	sync_error = 0;
	second = request(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	said = capture__end();
	assert_int_equal(first, VIRTIO_BLK_S_IOERR);
	/* The host forgets what it could not write: success must not be claimed later. */
	assert_int_equal(second, VIRTIO_BLK_S_IOERR);
	assert_one_line(said, path);
}

static void test_shutdown_syncs_what_was_written(void **state)
{
	(void)state;
	start_disk();
	dev__shutdown(&fake_vm);
	assert_int_equal(syncs, 0);
	start_disk();
	request(VIRTIO_BLK_T_OUT, 0, data, 512);
	dev__shutdown(&fake_vm);
	assert_int_equal(syncs, 1);
}

static void test_shutdown_finishes_requests(void **state)
{
	char back[512];
	int fd;

	(void)state;
	start_disk();
	fill(data, 512, 5);
	add(0, VIRTIO_BLK_T_OUT, 3, data, 512);
	fake_kick(&drv);
	dev__shutdown(&fake_vm);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, back, 512, 3 * 512), 512);
	close(fd);
	assert_memory_equal(back, fake_ptr(data), 512);
}

/* ---- bad requests ------------------------------------------------------ */

static void test_refused_requests(void **state)
{
	(void)state;
	start_disk();
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS - 1, data, 1024), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, ~0ull, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, ~0ull / 512 + 1, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 511), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(99, 0, data, 512), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, SECTORS, 1, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, ~0ull, 2, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 0xffffffff, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, data, 15), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, data, 16 * 1024), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS - 1, data, 512), VIRTIO_BLK_S_OK);
}

static void broken_by(const struct fake_buffer *buffers, unsigned int n)
{
	const char *said;

	fake_add(&drv, buffers, n);
	capture__begin();
	fake_kick(&drv);
	said = capture__end();
	assert_one_line(said, "header");
	assert_true(fake_page(0)->status_now & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_false(fake_has_used(&drv));
	start(0, ALL_FEATURES);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 512), VIRTIO_BLK_S_OK);
}

static void test_no_header_or_status(void **state)
{
	struct fake_buffer no_status[] = { { KAP_PHYS_RAM, 16, false } };
	struct fake_buffer short_header[] = { { KAP_PHYS_RAM, 15, false },
					      { KAP_PHYS_RAM, 1, true } };

	(void)state;
	start_disk();
	broken_by(no_status, 1);
	broken_by(short_header, 2);
}

static void test_shrunk_image(void **state)
{
	const char *said;
	uint8_t result;

	(void)state;
	start_disk();
	assert_int_equal(truncate(path, 4096), 0);
	capture__begin();
	result = request(VIRTIO_BLK_T_IN, 100, data, 512);
	said = capture__end();
	assert_int_equal(result, VIRTIO_BLK_S_IOERR);
	assert_one_line(said, "sector 100");
}

/* A reset is answered when no request uses guest memory any more. */
static void test_reset_in_flight(void **state)
{
	uint32_t seq;

	(void)state;
	start_disk();
	set_hold(true);
	add(0, VIRTIO_BLK_T_OUT, 0, data, 512);
	fake_kick(&drv);
	wait_held(1);
	seq = fake_request(0, 0);
	assert_int_not_equal(fake_page(0)->ack_seq, seq);
	set_hold(false);
	dev__shutdown(&fake_vm);
	start_disk();
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 512), VIRTIO_BLK_S_OK);
}

static bool reset_answered(void *arg)
{
	return fake_page(0)->ack_seq == *(uint32_t *)arg;
}

static void test_reset_then_work(void **state)
{
	uint32_t seq;

	(void)state;
	start_disk();
	set_hold(true);
	add(0, VIRTIO_BLK_T_OUT, 0, data, 512);
	fake_kick(&drv);
	wait_held(1);
	seq = fake_request(0, 0);
	set_hold(false);
	assert_true(fake_wait_for(reset_answered, &seq, FAKE_WAIT_NS));
	assert_false(fake_has_used(&drv));
	start(0, ALL_FEATURES);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 512), VIRTIO_BLK_S_OK);
}

/* ---- read-only --------------------------------------------------------- */

static void test_read_only(void **state)
{
	uint8_t written, discarded, zeroed;
	const char *said;

	(void)state;
	assert_int_equal(blk__create(&fake_vm, path, true), 0);
	assert_true(fake_page(0)->device_features & 1ULL << VIRTIO_BLK_F_RO);
	assert_false(fake_page(0)->device_features & 1ULL << VIRTIO_BLK_F_DISCARD);
	start(0, 0);
	capture__begin();
	written = request(VIRTIO_BLK_T_OUT, 0, data, 512);
	discarded = clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0);
	zeroed = clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0);
	said = capture__end();
	assert_int_equal(written, VIRTIO_BLK_S_IOERR);
	assert_int_equal(discarded, VIRTIO_BLK_S_IOERR);
	assert_int_equal(zeroed, VIRTIO_BLK_S_IOERR);
	/* The guest's mistake, not the host's: nothing was tried, and nothing is said. */
	assert_string_equal(said, "");
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 512), VIRTIO_BLK_S_OK);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_config),
		TEST(test_data_survives),
		TEST(test_odd_layout),
		TEST(test_in_flight),
		TEST(test_interrupt),
		TEST(test_id),
		TEST(test_flush),
		TEST(test_flush_fails),
		TEST(test_shutdown_syncs_what_was_written),
		TEST(test_shutdown_finishes_requests),
		TEST(test_refused_requests),
		TEST(test_no_header_or_status),
		TEST(test_shrunk_image),
		TEST(test_reset_in_flight),
		TEST(test_reset_then_work),
		TEST(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
