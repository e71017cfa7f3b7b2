// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-rng: gives bytes that differ, no more than there is room for.
 */
#define _GNU_SOURCE
#include "fake_driver.h"

#define SIZE	8

static struct fake_queue drv;
static uint64_t data;

static void start(void)
{
	assert_int_equal(rng__create(&fake_vm), 0);
	assert_true(fake_negotiate(0, FAKE_VERSION_1) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_queue_setup(&drv, 0, 0, SIZE);
	fake_driver_ok(0);
	data = fake_alloc(65536);
}

static uint32_t ask(uint64_t at, uint32_t bytes)
{
	struct fake_buffer b = { at, bytes, true };
	uint32_t len = 0;

	fake_add(&drv, &b, 1);
	fake_kick(&drv);
	assert_true(fake_get_used(&drv, NULL, &len));
	return len;
}

static void test_bytes(void **state)
{
	static const uint8_t zero[64];
	uint8_t *p;

	(void)state;
	start();
	p = fake_ptr(data);
	assert_int_equal(ask(data, 64), 64);
	assert_memory_not_equal(p, zero, 64);
	assert_memory_equal(p + 64, zero, 64);
	assert_int_equal(ask(data + 64, 64), 64);
	assert_memory_not_equal(p, p + 64, 64);
	assert_int_equal(fake_page(0)->irq_queues, 1);
}

/* A huge request costs a bounded amount of work, and says how much it got. */
static void test_huge_request(void **state)
{
	uint32_t len;

	(void)state;
	start();
	len = ask(KAP_PHYS_RAM + (4 << 20), 4 << 20);
	assert_in_range(len, 1, 65536);
}

static void test_no_room(void **state)
{
	struct fake_buffer b = { 0, 16, false };
	uint32_t len = 1;

	(void)state;
	start();
	b.addr = data;
	fake_add(&drv, &b, 1);
	fake_kick(&drv);
	assert_true(fake_get_used(&drv, NULL, &len));
	assert_int_equal(len, 0);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes),
		TEST(test_huge_request),
		TEST(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
