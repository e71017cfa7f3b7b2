// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues as the device sees them: chains that are right, and chains that a hostile
 * guest could make up.
 */
#define _GNU_SOURCE
#include "fake_driver.h"
#include "dev/virtio.h"

#define SIZE	16

static struct virtio_dev dev;
static struct queue *q = &dev.queues[0];
static struct fake_queue drv;
static struct queue_chain chain;
static uint64_t data;		/* guest-physical address of some pages */

static void dev_notify(struct virtio_dev *d, unsigned int i)
{
	(void)d;
	(void)i;
}

static void dev_shutdown(struct virtio_dev *d)
{
	(void)d;
}

static int setup(void **state)
{
	static const struct virtio_ops ops = { .notify = dev_notify, .shutdown = dev_shutdown };
	static const uint16_t sizes[] = { SIZE };

	if (fake_setup(state))
		return -1;
	dev = (struct virtio_dev){
		.vm = &fake_vm,
		.ops = &ops,
		.name = "test",
		.device_id = 42,
		.nr_queues = 1,
		.queue_sizes = sizes,
	};
	return virtio__register(&dev);
}

static void start(uint64_t features)
{
	assert_true(fake_negotiate(0, FAKE_VERSION_1 | features) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_queue_setup(&drv, 0, 0, SIZE);
	fake_driver_ok(0);
	assert_true(q->ready);
	data = fake_alloc(65536);
}

/* The next chain must be refused, with one line that says why, and the device stopped. */
static void refused(const char *why)
{
	const char *said;
	int ret;

	capture__begin();
	ret = queue__next(q, &chain);
	said = capture__end();
	assert_int_equal(ret, -1);
	assert_one_line(said, why);
	assert_true(dev.broken);
	assert_true(fake_page(0)->status_now & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(queue__next(q, &chain), -1);
	assert_false(fake_has_used(&drv));
}

/* ---- starting ---------------------------------------------------------- */

static void test_start_checks(void **state)
{
	uint64_t end = fake_vm.mem_bytes;
	uint64_t ok = KAP_PHYS_RAM;
	static const uint32_t bad_sizes[] = { 0, 3, 12, 32, 0x80000000, 0xffffffff };

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++)
		assert_non_null(queue__start(q, bad_sizes[i], 16, ok, ok + 4096, ok + 8192));
	assert_false(q->ready);
	assert_null(queue__start(q, 16, 16, ok, ok + 4096, ok + 8192));
	assert_null(queue__start(q, 1, 16, ok, ok + 4096, ok + 8192));
	/* alignment */
	assert_non_null(queue__start(q, 16, 16, ok + 8, ok + 4096, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, ok + 4097, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, ok + 4096, ok + 8194));
	/* the shared area, the end of RAM, and sums that overflow */
	assert_non_null(queue__start(q, 16, 16, KAP_PHYS_DEV, ok + 4096, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, KAP_PHYS_VCPU, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, ok + 4096, KAP_PHYS_RAM - 4));
	assert_non_null(queue__start(q, 16, 16, end - 16, ok, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, end - 16, ok + 8192));
	assert_non_null(queue__start(q, 16, 16, ok, ok + 4096, end));
	assert_non_null(queue__start(q, 16, 16, -16ull, ok, ok + 8192));
	assert_null(queue__start(q, 16, 16, end - 256, ok, ok + 8192));
	q->ready = false;
}

/* ---- chains that are right --------------------------------------------- */

static void test_chain(void **state)
{
	struct fake_buffer buffers[] = {
		{ data, 5, false },
		{ 0, 3, false },
		{ 0, 4, true },
		{ 0, 6, true },
	};
	char text[16] = "";
	uint32_t id, len;
	uint16_t head;

	(void)state;
	start(0);
	assert_int_equal(queue__next(q, &chain), 0);
	buffers[0].addr = data;
	buffers[1].addr = data + 4096;
	buffers[2].addr = data + 8192;
	buffers[3].addr = data + 12288;
	memcpy(fake_ptr(data), "hello", 5);
	memcpy(fake_ptr(data + 4096), "abc", 3);
	head = fake_add(&drv, buffers, 4);

	assert_int_equal(queue__next(q, &chain), 1);
	assert_int_equal(chain.head, head);
	assert_int_equal(chain.nr_out, 2);
	assert_int_equal(chain.nr_in, 2);
	assert_int_equal(chain.out_bytes, 8);
	assert_int_equal(chain.in_bytes, 10);
	assert_int_equal(queue__copy_out(&chain, 3, text, sizeof(text)), 5);
	assert_memory_equal(text, "loabc", 5);
	assert_int_equal(queue__copy_in(&chain, 2, "0123456789", 10), 8);
	assert_memory_equal(fake_ptr(data + 8192),
			    "\0\0"
			    "01\0",
			    5);
	assert_memory_equal(fake_ptr(data + 12288), "234567\0", 7);
	queue__push(q, chain.head, 10);
	assert_true(fake_get_used(&drv, &id, &len));
	assert_int_equal(id, head);
	assert_int_equal(len, 10);
	assert_int_equal(queue__next(q, &chain), 0);
	assert_false(dev.broken);
}

static void test_indirect(void **state)
{
	struct vring_desc *table;
	uint64_t at;

	(void)state;
	start(FAKE_INDIRECT);
	at = fake_alloc(4096 * 2);
	table = fake_ptr(at);
	for (unsigned int i = 0; i < QUEUE_MAX_CHAIN; i++)
		table[i] = (struct vring_desc){ data + i, 1,
						i + 1 < QUEUE_MAX_CHAIN ? VRING_DESC_F_NEXT :
									  VRING_DESC_F_WRITE,
						i + 1 };
	fake_desc(&drv, 7, at, QUEUE_MAX_CHAIN * 16, VRING_DESC_F_INDIRECT, 0);
	fake_publish(&drv, 7);
	assert_int_equal(queue__next(q, &chain), 1);
	assert_int_equal(chain.head, 7);
	assert_int_equal(chain.nr_out, QUEUE_MAX_CHAIN - 1);
	assert_int_equal(chain.nr_in, 1);
}

static void test_index_wraps(void **state)
{
	struct fake_buffer b = { data, 1, true };
	uint32_t id;

	(void)state;
	start(0);
	b.addr = data;
	for (unsigned int i = 0; i < 70000; i++) {
		uint16_t head = fake_add(&drv, &b, 1);

		assert_int_equal(queue__next(q, &chain), 1);
		queue__push(q, chain.head, 1);
		assert_true(fake_get_used(&drv, &id, NULL));
		assert_int_equal(id, head);
	}
	assert_int_equal(queue__next(q, &chain), 0);
}

static void test_slice(void **state)
{
	char a[10], b[10];
	struct iovec from[] = { { a, 10 }, { b, 10 } }, to[2];

	(void)state;
	assert_int_equal(queue__slice(to, from, 2, 0, 20), 2);
	assert_int_equal(queue__slice(to, from, 2, 4, 3), 1);
	assert_ptr_equal(to[0].iov_base, a + 4);
	assert_int_equal(to[0].iov_len, 3);
	assert_int_equal(queue__slice(to, from, 2, 8, 6), 2);
	assert_int_equal(to[0].iov_len, 2);
	assert_ptr_equal(to[1].iov_base, b);
	assert_int_equal(to[1].iov_len, 4);
	assert_int_equal(queue__slice(to, from, 2, 20, 6), 0);
}

/* ---- notifications ----------------------------------------------------- */

static void test_no_notify(void **state)
{
	struct fake_buffer b = { data, 1, true };

	(void)state;
	start(0);
	b.addr = data;
	fake_add(&drv, &b, 1);
	assert_int_equal(queue__next(q, &chain), 1);
	assert_int_equal(drv.used[0], VRING_USED_F_NO_NOTIFY);
	assert_int_equal(queue__next(q, &chain), 0);
	assert_int_equal(drv.used[0], 0);

	drv.avail[0] = VRING_AVAIL_F_NO_INTERRUPT;
	queue__push(q, 0, 1);
	assert_false(queue__wants_interrupt(q));
	drv.avail[0] = 0;
	assert_false(queue__wants_interrupt(q));	/* nothing new */
	queue__push(q, 0, 1);
	assert_true(queue__wants_interrupt(q));
}

static void test_event_idx(void **state)
{
	struct fake_buffer b = { data, 1, true };

	(void)state;
	start(FAKE_EVENT_IDX);
	b.addr = data;
	for (int i = 0; i < 3; i++)
		fake_add(&drv, &b, 1);
	while (queue__next(q, &chain) == 1)
		queue__push(q, chain.head, 1);
	assert_int_equal(*fake_avail_event(&drv), 3);
	assert_int_equal(drv.used[0], 0);

	/* The driver wants to hear when used_event + 1 buffers were given back. */
	*fake_used_event(&drv) = 0;
	assert_true(queue__wants_interrupt(q));
	*fake_used_event(&drv) = 5;
	for (int i = 0; i < 2; i++) {
		queue__push(q, 0, 1);
		assert_false(queue__wants_interrupt(q));
	}
	queue__push(q, 0, 1);
	assert_true(queue__wants_interrupt(q));

	fake_add(&drv, &b, 1);
	fake_add(&drv, &b, 1);
	assert_int_equal(queue__waiting(q), 2);
	assert_int_equal(*fake_avail_event(&drv), 5);
}

/* ---- chains that are wrong --------------------------------------------- */

static void test_loop(void **state)
{
	(void)state;
	start(0);
	for (int i = 0; i < 3; i++)
		fake_desc(&drv, i, data, 1, VRING_DESC_F_NEXT, (i + 1) % 3);
	fake_publish(&drv, 0);
	refused("loop");
}

static void test_self_loop_of_one_entry_table(void **state)
{
	struct vring_desc *table = fake_ptr(KAP_PHYS_RAM + 0x100000);

	(void)state;
	start(FAKE_INDIRECT);
	table[0] = (struct vring_desc){ data, 1, VRING_DESC_F_NEXT, 0 };
	fake_desc(&drv, 0, KAP_PHYS_RAM + 0x100000, 16, VRING_DESC_F_INDIRECT, 0);
	fake_publish(&drv, 0);
	refused("loop");
}

static void test_head_out_of_range(void **state)
{
	(void)state;
	start(0);
	fake_publish(&drv, SIZE);
	refused("out of range");
}

static void test_next_out_of_range(void **state)
{
	(void)state;
	start(0);
	fake_desc(&drv, 0, data, 1, VRING_DESC_F_NEXT, 0xffff);
	fake_publish(&drv, 0);
	refused("out of range");
}

static void test_index_jump(void **state)
{
	(void)state;
	start(0);
	drv.avail[1] = SIZE + 1;
	refused("jumped");
}

static void test_index_backwards(void **state)
{
	(void)state;
	start(0);
	drv.avail[1] = 0xffff;
	refused("jumped");
}

static void one_bad_buffer(uint64_t addr, uint32_t len, const char *why)
{
	start(0);
	fake_desc(&drv, 0, addr, len, VRING_DESC_F_WRITE, 0);
	fake_publish(&drv, 0);
	refused(why);
	fake_top = KAP_PHYS_RAM;
	/* A reset makes the device work again. */
	start(0);
	fake_desc(&drv, 0, data, 1, VRING_DESC_F_WRITE, 0);
	fake_publish(&drv, 0);
	assert_int_equal(queue__next(q, &chain), 1);
	fake_top = KAP_PHYS_RAM;
}

static void test_bad_addresses_shared(void **state)
{
	(void)state;
	one_bad_buffer(KAP_PHYS_DEV, 64, "outside RAM");
	one_bad_buffer(KAP_PHYS_RAM - 1, 2, "outside RAM");
}

static void test_bad_addresses_end(void **state)
{
	(void)state;
	one_bad_buffer(fake_vm.mem_bytes - 1, 2, "outside RAM");
	one_bad_buffer(-1ull, 2, "outside RAM");
	one_bad_buffer(KAP_PHYS_RAM, 0xffffffff, "outside RAM");
}

static void test_empty_buffer(void **state)
{
	(void)state;
	one_bad_buffer(KAP_PHYS_RAM, 0, "empty");
}

static void test_readable_after_writable(void **state)
{
	(void)state;
	start(0);
	fake_desc(&drv, 0, data, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	fake_desc(&drv, 1, data, 1, 0, 0);
	fake_publish(&drv, 0);
	refused("follows a writable");
}

/* Lengths whose sum is 4 GiB, which is 0 in 32 bits, must not pass. */
static void test_too_long(void **state)
{
	struct vring_desc *table = fake_ptr(KAP_PHYS_RAM + 0x100000);
	uint64_t bytes = fake_vm.mem_bytes;
	const uint32_t each = 1u << 27;
	const unsigned int n = (1ull << 32) / each;

	(void)state;
	start(FAKE_INDIRECT);
	for (unsigned int i = 0; i < n; i++)
		table[i] = (struct vring_desc){ KAP_PHYS_RAM, each,
						i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1 };
	fake_desc(&drv, 0, KAP_PHYS_RAM + 0x100000, n * 16, VRING_DESC_F_INDIRECT, 0);
	fake_publish(&drv, 0);
	/* Only addresses are computed: nobody touches the memory that this VM claims to have. */
	fake_vm.mem_bytes = KAP_PHYS_RAM + each;
	refused("longer than 4 GiB");
	fake_vm.mem_bytes = bytes;
}

static void bad_indirect(uint64_t features, uint64_t addr, uint32_t len, uint16_t flags,
			 const char *why)
{
	start(features);
	fake_desc(&drv, 0, addr, len, VRING_DESC_F_INDIRECT | flags, 1);
	fake_desc(&drv, 1, data, 1, 0, 0);
	fake_publish(&drv, 0);
	refused(why);
	fake_top = KAP_PHYS_RAM;
}

static void test_bad_indirect(void **state)
{
	(void)state;
	bad_indirect(0, KAP_PHYS_RAM, 16, 0, "not allowed");
	bad_indirect(FAKE_INDIRECT, KAP_PHYS_RAM, 16, VRING_DESC_F_NEXT, "successor");
	bad_indirect(FAKE_INDIRECT, KAP_PHYS_RAM, 17, 0, "bad length");
}

static void test_bad_indirect_place(void **state)
{
	(void)state;
	bad_indirect(FAKE_INDIRECT, KAP_PHYS_RAM, (QUEUE_MAX_CHAIN + 1) * 16, 0, "bad length");
	bad_indirect(FAKE_INDIRECT, KAP_PHYS_RAM, 0, 0, "bad length");
	bad_indirect(FAKE_INDIRECT, KAP_PHYS_DEV, 16, 0, "table lies outside");
}

static void test_nested_indirect(void **state)
{
	struct vring_desc *table = fake_ptr(KAP_PHYS_RAM + 0x100000);

	(void)state;
	start(FAKE_INDIRECT);
	table[0] = (struct vring_desc){ KAP_PHYS_RAM + 0x100000, 16, VRING_DESC_F_INDIRECT, 0 };
	fake_desc(&drv, 0, KAP_PHYS_RAM + 0x100000, 16, VRING_DESC_F_INDIRECT, 0);
	fake_publish(&drv, 0);
	refused("not allowed");
}

static void test_too_many_buffers(void **state)
{
	struct vring_desc *table = fake_ptr(KAP_PHYS_RAM + 0x100000);

	(void)state;
	start(FAKE_INDIRECT);
	fake_desc(&drv, 0, data, 1, VRING_DESC_F_NEXT, 1);
	for (unsigned int i = 0; i < QUEUE_MAX_CHAIN; i++)
		table[i] = (struct vring_desc){ data, 1,
						i + 1 < QUEUE_MAX_CHAIN ? VRING_DESC_F_NEXT : 0,
						i + 1 };
	fake_desc(&drv, 1, KAP_PHYS_RAM + 0x100000, QUEUE_MAX_CHAIN * 16, VRING_DESC_F_INDIRECT, 0);
	fake_publish(&drv, 0);
	refused("too many");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_checks),
		TEST(test_chain),
		TEST(test_indirect),
		TEST(test_index_wraps),
		TEST(test_slice),
		TEST(test_no_notify),
		TEST(test_event_idx),
		TEST(test_loop),
		TEST(test_self_loop_of_one_entry_table),
		TEST(test_head_out_of_range),
		TEST(test_next_out_of_range),
		TEST(test_index_jump),
		TEST(test_index_backwards),
		TEST(test_bad_addresses_shared),
		TEST(test_bad_addresses_end),
		TEST(test_empty_buffer),
		TEST(test_readable_after_writable),
		TEST(test_too_long),
		TEST(test_bad_indirect),
		TEST(test_bad_indirect_place),
		TEST(test_nested_indirect),
		TEST(test_too_many_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
