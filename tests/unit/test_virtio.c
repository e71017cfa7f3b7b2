// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transport: handshake, requests, doorbells and interrupts, for guests that keep to the
 * rules and for those that don't.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "fake_driver.h"
#include "dev/virtio.h"

#define SIZE		8
#define NR_QUEUES	3
#define OWN_FEATURE	(1ULL << 5)

static struct virtio_dev devs[2];
static struct fake_queue drv;
static unsigned int starts, resets, shutdowns, notified[NR_QUEUES];

static void dev_start(struct virtio_dev *d)
{
	(void)d;
	starts++;
}

static void dev_notify(struct virtio_dev *d, unsigned int q)
{
	(void)d;
	assert_true(q < NR_QUEUES);
	notified[q]++;
}

static void dev_reset(struct virtio_dev *d)
{
	(void)d;
	resets++;
}

static void dev_shutdown(struct virtio_dev *d)
{
	(void)d;
	shutdowns++;
}

static int setup(void **state)
{
	static const struct virtio_ops ops = {
		.start = dev_start,
		.notify = dev_notify,
		.reset = dev_reset,
		.shutdown = dev_shutdown,
	};
	static const uint16_t sizes[NR_QUEUES] = { SIZE, SIZE, SIZE };
	static const uint8_t config[4] = { 1, 2, 3, 4 };

	if (fake_setup(state))
		return -1;
	starts = resets = shutdowns = 0;
	memset(notified, 0, sizeof(notified));
	for (int i = 0; i < 2; i++) {
		devs[i] = (struct virtio_dev){
			.vm = &fake_vm,
			.ops = &ops,
			.name = "test",
			.device_id = 40 + i,
			.features = OWN_FEATURE,
			.nr_queues = NR_QUEUES,
			.queue_sizes = sizes,
			.config = config,
			.config_size = sizeof(config),
		};
		if (virtio__register(&devs[i]))
			return -1;
	}
	return 0;
}

static void start(unsigned int slot)
{
	assert_true(fake_negotiate(slot, FAKE_VERSION_1) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_queue_setup(&drv, slot, 0, SIZE);
	fake_driver_ok(slot);
}

/* ---- guests that keep to the rules ------------------------------------- */

static void test_page(void **state)
{
	struct kap_dev *page = fake_page(1);

	(void)state;
	assert_int_equal(dev__count(), 2);
	assert_int_equal(page->magic, KAP_DEV_MAGIC);
	assert_int_equal(page->device_id, 41);
	assert_int_equal(page->nr_queues, NR_QUEUES);
	assert_int_equal(page->config_size, 4);
	assert_memory_equal(page->config, "\1\2\3\4", 5);
	assert_true(page->device_features & FAKE_VERSION_1);
	assert_true(page->device_features & OWN_FEATURE);
	assert_int_equal(page->queue[2].size_max, SIZE);
	assert_int_equal(page->queue[3].size_max, 0);
	assert_true(sizeof(struct kap_dev) <= KAP_PAGE_SIZE);
}

static void test_handshake(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(fake_page(0)->status_now,
			 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(starts, 1);
	assert_int_equal(notified[0], 1);	/* what was added before DRIVER_OK */
	fake_kick(&drv);
	assert_int_equal(notified[0], 2);
	assert_int_equal(fake_page(0)->notify, 0);
	fake_request_done(0, 0);
	assert_int_equal(fake_page(0)->status_now, 0);
	assert_int_equal(fake_page(0)->queue[0].ready, 0);
	fake_kick(&drv);
	assert_int_equal(notified[0], 2);
	/* and again */
	start(0);
	assert_int_equal(starts, 2);
	assert_int_equal(resets, 3);
}

static void test_interrupt(void **state)
{
	struct kap_vcpu *cpu = vm__vcpu(&fake_vm, 0);

	(void)state;
	start(1);
	queue__push(&devs[1].queues[0], 0, 0);
	virtio__interrupt(&devs[1], &devs[1].queues[0]);
	assert_int_equal(fake_page(1)->irq_queues, 1);
	assert_int_equal(cpu->dev_pending, 1 << 1);
	assert_true(cpu->pending & KAP_BELL_DEV);
	assert_int_equal(fake_page(1)->irq_config, 0);
}

static void test_config_change(void **state)
{
	struct kap_dev *page = fake_page(0);

	(void)state;
	start(0);
	virtio__set_config(&devs[0], 1, "\x77\x78", 2);
	assert_memory_equal(page->config, "\x01\x77\x78\x04", 4);
	assert_int_equal(page->config_seq, 2);
	assert_int_equal(page->irq_config, 1);
	assert_int_equal(vm__vcpu(&fake_vm, 0)->dev_pending, 1);
}

static void test_again(void **state)
{
	(void)state;
	start(0);
	notified[0] = 0;
	virtio__again(&devs[0], 0);
	assert_int_equal(notified[0], 0);
	fake_run_loop();
	assert_int_equal(notified[0], 1);
}

static void test_hold(void **state)
{
	(void)state;
	start(0);
	notified[0] = 0;
	dev__hold(&fake_vm, true);
	dev__hold(&fake_vm, false);
	fake_run_loop();
	/* Nobody was turned away. */
	assert_int_equal(notified[0], 0);
	assert_false(dev__held());
	dev__hold(&fake_vm, true);
	assert_true(dev__held());
	dev__hold(&fake_vm, true);
	fake_run_loop();
	assert_int_equal(notified[0], 0);
	dev__hold(&fake_vm, false);
	assert_false(dev__held());
	fake_run_loop();
	assert_int_equal(notified[0], 1);
	dev__hold(&fake_vm, true);
	dev__hold(&fake_vm, false);
	fake_run_loop();
	assert_int_equal(notified[0], 1);
}

struct waiter {
	uint32_t seen;
	pid_t tid;
};

static void *wait_for_ack(void *arg)
{
	struct kap_dev *page = fake_page(0);
	struct timespec limit = { .tv_sec = 10 };
	struct waiter *waiter = arg;

	__atomic_store_n(&waiter->tid, gettid(), __ATOMIC_RELEASE);
	while (__atomic_load_n(&page->ack_seq, __ATOMIC_ACQUIRE) == waiter->seen)
		if (syscall(SYS_futex, &page->ack_seq, FUTEX_WAIT, waiter->seen, &limit, NULL, 0) &&
		    errno == ETIMEDOUT)
			return "timed out";
	return NULL;
}

static bool sleeps(pid_t tid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		fail_msg("can't read %s", path);
	fclose(f);
	return strstr(line, ") S ");
}

static void test_answer_wakes(void **state)
{
	struct waiter waiter = { .seen = fake_page(0)->ack_seq };
	pthread_t thread;
	void *result;
	pid_t tid;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_ack, &waiter), 0);
	do {
		sched_yield();
		tid = __atomic_load_n(&waiter.tid, __ATOMIC_ACQUIRE);
	} while (!tid || !sleeps(tid));
	fake_request_done(0, 0);
	pthread_join(thread, &result);
	assert_null(result);
}

/* A reset is answered when the last request has left guest memory, not before. */
static void test_reset_waits(void **state)
{
	uint32_t seq;

	(void)state;
	start(0);
	virtio__get(&devs[0]);
	virtio__get(&devs[0]);
	resets = 0;
	seq = fake_request(0, 0);
	assert_int_not_equal(fake_page(0)->ack_seq, seq);
	notified[0] = 0;
	fake_kick(&drv);
	assert_int_equal(notified[0], 0);
	virtio__put(&devs[0]);
	assert_int_not_equal(fake_page(0)->ack_seq, seq);
	/* what is given back meanwhile goes nowhere */
	queue__push(&devs[0].queues[0], 0, 0);
	assert_false(fake_has_used(&drv));
	virtio__put(&devs[0]);
	assert_int_equal(fake_page(0)->ack_seq, seq);
	assert_int_equal(resets, 1);
}

static void test_queue_off(void **state)
{
	(void)state;
	start(0);
	fake_page(0)->queue[0].ready = 0;
	fake_driver_ok(0);
	notified[0] = 0;
	fake_kick(&drv);
	assert_int_equal(notified[0], 0);
	assert_true(virtio__running(&devs[0]));
}

static void test_shutdown(void **state)
{
	(void)state;
	start(0);
	dev__shutdown(&fake_vm);
	assert_int_equal(shutdowns, 2);
	assert_int_equal(dev__count(), 0);
}

/* ---- guests that don't ------------------------------------------------- */

static void test_features_refused(void **state)
{
	(void)state;
	assert_false(fake_negotiate(0, FAKE_VERSION_1 | 1ULL << 50) & VIRTIO_CONFIG_S_FEATURES_OK);
	assert_false(fake_negotiate(0, OWN_FEATURE) & VIRTIO_CONFIG_S_FEATURES_OK);
	/* The page is the guest's to scribble on; the monitor knows what it offered. */
	fake_page(0)->device_features = ~0ull;
	assert_false(fake_negotiate(0, ~0ull) & VIRTIO_CONFIG_S_FEATURES_OK);
	assert_true(fake_negotiate(0, FAKE_VERSION_1 | OWN_FEATURE) & VIRTIO_CONFIG_S_FEATURES_OK);
	/* Once accepted, features stay. */
	fake_page(0)->driver_features = FAKE_VERSION_1;
	fake_driver_ok(0);
	assert_int_equal(devs[0].driver_features, FAKE_VERSION_1 | OWN_FEATURE);
}

/* Sends a request that must break the device, and checks what the user and the guest see. */
static void breaks(uint32_t status, const char *why)
{
	const char *said;

	capture__begin();
	fake_request_done(0, status);
	said = capture__end();
	assert_one_line(said, why);
	assert_true(devs[0].broken);
	assert_true(fake_page(0)->status_now & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(fake_page(0)->irq_config, 1);
	assert_false(virtio__running(&devs[0]));
	/* The other device goes on. */
	start(1);
	assert_true(virtio__running(&devs[1]));
	/* So does this one after a reset. */
	start(0);
	assert_true(virtio__running(&devs[0]));
}

#define UP_TO_FEATURES \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)

static void test_queue_before_features(void **state)
{
	(void)state;
	fake_queue_setup(&drv, 0, 0, SIZE);
	breaks(VIRTIO_CONFIG_S_ACKNOWLEDGE, "before FEATURES_OK");
}

static void test_driver_ok_without_features(void **state)
{
	(void)state;
	breaks(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK,
	       "without FEATURES_OK");
}

static void test_queue_of_size_zero(void **state)
{
	(void)state;
	fake_negotiate(0, FAKE_VERSION_1);
	fake_queue_setup(&drv, 0, 0, SIZE);
	fake_page(0)->queue[0].size = 0;
	breaks(UP_TO_FEATURES, "power of two");
}

static void test_queue_too_large(void **state)
{
	(void)state;
	fake_negotiate(0, FAKE_VERSION_1);
	fake_queue_setup(&drv, 0, 0, SIZE);
	fake_page(0)->queue[0].size_max = 1 << 15;
	fake_page(0)->queue[0].size = 1 << 15;
	breaks(UP_TO_FEATURES, "maximum");
}

static void test_ring_in_shared_area(void **state)
{
	(void)state;
	fake_negotiate(0, FAKE_VERSION_1);
	fake_queue_setup(&drv, 0, 2, SIZE);
	fake_page(0)->queue[2].used = KAP_PHYS_DEV;
	breaks(UP_TO_FEATURES, "outside RAM");
}

static void test_ring_misaligned(void **state)
{
	(void)state;
	fake_negotiate(0, FAKE_VERSION_1);
	fake_queue_setup(&drv, 0, 1, SIZE);
	fake_page(0)->queue[1].desc += 8;
	breaks(UP_TO_FEATURES, "aligned");
}

static void test_queue_that_does_not_exist(void **state)
{
	(void)state;
	fake_negotiate(0, FAKE_VERSION_1);
	fake_queue_setup(&drv, 0, KAP_DEV_MAX_QUEUES - 1, SIZE);
	fake_page(0)->nr_queues = KAP_DEV_MAX_QUEUES;
	fake_driver_ok(0);
	fake_page(0)->notify = ~0u;
	dev__doorbell(&fake_vm, 1);
	assert_true(virtio__running(&devs[0]));
	assert_int_equal(notified[0] + notified[1] + notified[2], 0);
}

static void test_slots_that_do_not_exist(void **state)
{
	(void)state;
	start(0);
	notified[0] = 0;
	fake_page(0)->notify = 1;
	dev__doorbell(&fake_vm, ~0ull);
	assert_int_equal(notified[0], 1);
}

/* The bits above the slots' mean other things in a doorbell. */
static void test_all_slots(void **state)
{
	static const struct virtio_ops ops = { .notify = dev_notify, .shutdown = dev_shutdown };
	static struct virtio_dev many[KAP_MAX_DEVS], last;
	const char *said;

	(void)state;
	for (unsigned int i = 0; dev__count() < KAP_MAX_DEVS; i++) {
		many[i] = (struct virtio_dev){ .vm = &fake_vm, .ops = &ops, .name = "many" };
		assert_int_equal(virtio__register(&many[i]), 0);
		assert_true((1ULL << many[i].slot) < KAP_CTL_PARK);
	}
	last = (struct virtio_dev){ .vm = &fake_vm, .ops = &ops, .name = "last" };
	capture__begin();
	assert_int_equal(virtio__register(&last), -ENOSPC);
	said = capture__end();
	assert_string_equal(said,
			    "kap: last: all 62 device slots are in use; give fewer devices\n");
	assert_int_equal(dev__count(), KAP_MAX_DEVS);
	dev__doorbell(&fake_vm, ~0ULL);
	dev__shutdown(&fake_vm);
	assert_int_equal(shutdowns, KAP_MAX_DEVS);
}

static void test_irq_cpu_out_of_range(void **state)
{
	(void)state;
	start(0);
	for (uint64_t cpu = 1; cpu < 1ull << 32; cpu = cpu * 2 + 1) {
		vm__vcpu(&fake_vm, 0)->dev_pending = 0;
		fake_page(0)->irq_cpu = cpu;
		queue__push(&devs[0].queues[0], 0, 0);
		virtio__interrupt(&devs[0], &devs[0].queues[0]);
		assert_int_equal(vm__vcpu(&fake_vm, 0)->dev_pending, 1);
	}
}

static void test_break_once(void **state)
{
	unsigned int lines;

	(void)state;
	capture__begin();
	for (int i = 0; i < 100; i++) {
		start(0);
		drv.avail[1] = 1000;
		queue__waiting(&devs[0].queues[0]);
		queue__waiting(&devs[0].queues[0]);
		assert_true(devs[0].broken);
		fake_top = KAP_PHYS_RAM;
	}
	lines = fake_count_lines(capture__end());
	assert_in_range(lines, 1, 10);
}

/* Any bytes in the guest's half of the page: nothing but this device may suffer. */
static void test_random_pages(void **state)
{
	unsigned int seed = 1, accepted = 0;

	(void)state;
	capture__begin();
	for (int i = 0; i < 20000; i++) {
		uint8_t *page = (uint8_t *)fake_page(0);

		if (i % 2) {
			fake_page(0)->driver_features = FAKE_VERSION_1;
			fake_request(0, 0);
			fake_request(0, UP_TO_FEATURES);
			accepted += devs[0].driver_features != 0;
		}
		for (int n = rand_r(&seed) % 64; n >= 0; n--)
			page[rand_r(&seed) % sizeof(struct kap_dev)] = rand_r(&seed);
		dev__doorbell(&fake_vm, 1);
	}
	capture__end();
	assert_true(accepted > 5000);
	start(1);
	assert_true(virtio__running(&devs[1]));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_page),
		TEST(test_handshake),
		TEST(test_interrupt),
		TEST(test_config_change),
		TEST(test_again),
		TEST(test_hold),
		TEST(test_answer_wakes),
		TEST(test_reset_waits),
		TEST(test_queue_off),
		TEST(test_shutdown),
		TEST(test_features_refused),
		TEST(test_queue_before_features),
		TEST(test_driver_ok_without_features),
		TEST(test_queue_of_size_zero),
		TEST(test_queue_too_large),
		TEST(test_ring_in_shared_area),
		TEST(test_ring_misaligned),
		TEST(test_queue_that_does_not_exist),
		TEST(test_slots_that_do_not_exist),
		TEST(test_all_slots),
		TEST(test_irq_cpu_out_of_range),
		TEST(test_break_once),
		TEST(test_random_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
