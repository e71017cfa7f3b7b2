/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of the device transport, for tests of the monitor's devices: a VM that is
 * only memory, and a driver that does what it is told, rules or no rules.
 */
#ifndef TESTS_FAKE_DRIVER_H
#define TESTS_FAKE_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "capture.h"
#include "dev/dev.h"
#include "vm/loop.h"
#include "vm/vm.h"

#define FAKE_RAM	(8ull << 20)
#define FAKE_WAIT_NS	10000000000ull	/* longest wait for something that must happen */
#define FAKE_VERSION_1	(1ULL << VIRTIO_F_VERSION_1)
#define FAKE_EVENT_IDX	(1ULL << VIRTIO_RING_F_EVENT_IDX)
#define FAKE_INDIRECT	(1ULL << VIRTIO_RING_F_INDIRECT_DESC)

static struct vm fake_vm;
static uint64_t fake_top;		/* next free byte of RAM, guest-physical */

struct fake_queue {
	unsigned int slot, index;
	uint16_t size, next_desc, last_used;
	uint64_t desc_phys, avail_phys, used_phys;
	struct vring_desc *desc;
	uint16_t *avail;		/* flags, idx, ring[], used_event */
	uint16_t *used;			/* flags, idx, then pairs of u32, then avail_event */
};

struct fake_buffer {
	uint64_t addr;
	uint32_t len;
	bool in;
};

static inline void *fake_ptr(uint64_t phys)
{
	return fake_vm.mem + phys;
}

static inline uint64_t fake_alloc(uint64_t bytes)
{
	uint64_t at = fake_top;

	fake_top += (bytes + 4095) & ~4095ull;
	assert_true(fake_top <= fake_vm.mem_bytes);
	memset(fake_ptr(at), 0, bytes);
	return at;
}

static inline struct kap_dev *fake_page(unsigned int slot)
{
	return vm__dev(&fake_vm, slot);
}

/* What the monitor does when the guest's doorbell rings. */
static inline void fake_doorbell(int fd, uint32_t events, void *arg)
{
	uint64_t count;

	(void)events;
	(void)arg;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	dev__doorbell(&fake_vm,
		      __atomic_exchange_n(&vm__ctl(&fake_vm)->dev_pending, 0, __ATOMIC_ACQUIRE));
}

static inline int fake_setup(void **state)
{
	(void)state;
	alarm(60);	/* a test that hangs has failed */
	memset(&fake_vm, 0, sizeof(fake_vm));
	fake_vm.mem_bytes = KAP_PHYS_RAM + FAKE_RAM;
	fake_vm.mem = mmap(NULL, fake_vm.mem_bytes, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fake_vm.mem == MAP_FAILED)
		return -1;
	fake_vm.ram_fd = -1;
	fake_vm.nr_cpus = 1;
	fake_vm.doorbell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fake_top = KAP_PHYS_RAM;
	return loop__add_fd(fake_vm.doorbell_fd, EPOLLIN, fake_doorbell, NULL);
}

static inline int fake_teardown(void **state)
{
	(void)state;
	dev__shutdown(&fake_vm);
	loop__del_fd(fake_vm.doorbell_fd);
	close(fake_vm.doorbell_fd);
	munmap(fake_vm.mem, fake_vm.mem_bytes);
	return 0;
}

/* ---- requests ---------------------------------------------------------- */

/* Rings for a request; it may be answered later. */
static inline uint32_t fake_request(unsigned int slot, uint32_t status)
{
	struct kap_dev *page = fake_page(slot);

	page->status = status;
	page->req_seq++;
	dev__doorbell(&fake_vm, 1ULL << slot);
	return page->req_seq;
}

static inline void fake_request_done(unsigned int slot, uint32_t status)
{
	uint32_t seq = fake_request(slot, status);

	assert_int_equal(fake_page(slot)->ack_seq, seq);
}

/* Reset, then up to FEATURES_OK; returns the status in force. */
static inline uint32_t fake_negotiate(unsigned int slot, uint64_t features)
{
	fake_request_done(slot, 0);
	assert_int_equal(fake_page(slot)->status_now, 0);
	fake_request_done(slot, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	fake_page(slot)->driver_features = features;
	fake_request_done(slot, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				VIRTIO_CONFIG_S_FEATURES_OK);
	return fake_page(slot)->status_now;
}

static inline void fake_driver_ok(unsigned int slot)
{
	fake_request_done(slot, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* ---- queues ------------------------------------------------------------ */

static inline void fake_queue_memory(struct fake_queue *q, unsigned int slot, unsigned int index,
				     uint16_t size)
{
	memset(q, 0, sizeof(*q));
	q->slot = slot;
	q->index = index;
	q->size = size;
	q->desc_phys = fake_alloc(16 * size);
	q->avail_phys = fake_alloc(6 + 2 * size);
	q->used_phys = fake_alloc(6 + 8 * size);
	q->desc = fake_ptr(q->desc_phys);
	q->avail = fake_ptr(q->avail_phys);
	q->used = fake_ptr(q->used_phys);
}

/* Writes the queue's place into the device page; the next request enables it. */
static inline void fake_queue_setup(struct fake_queue *q, unsigned int slot, unsigned int index,
				    uint16_t size)
{
	struct kap_dev_queue *page = &fake_page(slot)->queue[index];

	fake_queue_memory(q, slot, index, size);
	page->size = size;
	page->desc = q->desc_phys;
	page->avail = q->avail_phys;
	page->used = q->used_phys;
	page->ready = 1;
}

static inline void fake_desc(struct fake_queue *q, uint16_t i, uint64_t addr, uint32_t len,
			     uint16_t flags, uint16_t next)
{
	q->desc[i] = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

static inline void fake_publish(struct fake_queue *q, uint16_t head)
{
	q->avail[2 + q->avail[1] % q->size] = head;
	__atomic_store_n(&q->avail[1], q->avail[1] + 1, __ATOMIC_RELEASE);
}

/* Adds a chain of n buffers; returns its head. Descriptors are used in turn. */
static inline uint16_t fake_add(struct fake_queue *q, const struct fake_buffer *buffers,
				unsigned int n)
{
	uint16_t head = q->next_desc % q->size;

	for (unsigned int i = 0; i < n; i++) {
		uint16_t at = q->next_desc++ % q->size;
		uint16_t flags = (buffers[i].in ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0);

		fake_desc(q, at, buffers[i].addr, buffers[i].len, flags, q->next_desc % q->size);
	}
	fake_publish(q, head);
	return head;
}

static inline void fake_kick(struct fake_queue *q)
{
	__atomic_fetch_or(&fake_page(q->slot)->notify, 1u << q->index, __ATOMIC_RELEASE);
	dev__doorbell(&fake_vm, 1ULL << q->slot);
}

static inline bool fake_has_used(const struct fake_queue *q)
{
	return __atomic_load_n(&q->used[1], __ATOMIC_ACQUIRE) != q->last_used;
}

static inline bool fake_get_used(struct fake_queue *q, uint32_t *id, uint32_t *len)
{
	uint32_t *ring = (uint32_t *)(q->used + 2);

	if (!fake_has_used(q))
		return false;
	if (id)
		*id = ring[2 * (q->last_used % q->size)];
	if (len)
		*len = ring[2 * (q->last_used % q->size) + 1];
	q->last_used++;
	return true;
}

static inline uint16_t *fake_used_event(struct fake_queue *q)
{
	return &q->avail[2 + q->size];
}

static inline uint16_t *fake_avail_event(struct fake_queue *q)
{
	return &q->used[2 + 4 * q->size];
}

/* ---- waiting ----------------------------------------------------------- */

struct fake_wait {
	struct loop_timer *timer;
	bool (*met)(void *arg);
	void *arg;
	uint64_t end;
};

static inline uint64_t fake_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline void fake_check_wait(void *arg)
{
	struct fake_wait *wait = arg;

	if (wait->met(wait->arg))
		loop__stop(1);
	else if (fake_now() > wait->end)
		loop__stop(0);
	else
		loop__timer_set(wait->timer, 500000);
}

/* Runs the event loop until the condition is met; false when it is not within `ns`. */
static inline bool fake_wait_for(bool (*met)(void *arg), void *arg, uint64_t ns)
{
	struct fake_wait wait = { .met = met, .arg = arg, .end = fake_now() + ns };
	int code;

	wait.timer = loop__timer_new(fake_check_wait, &wait);
	assert_non_null(wait.timer);
	loop__timer_set(wait.timer, 1);
	code = loop__run();
	loop__timer_free(wait.timer);
	return code == 1;
}

static inline bool fake_used_came(void *arg)
{
	return fake_has_used(arg);
}

static inline void fake_wait_used(struct fake_queue *q)
{
	assert_true(fake_wait_for(fake_used_came, q, FAKE_WAIT_NS));
}

static inline bool fake_never(void *arg)
{
	(void)arg;
	return false;
}

/* Lets the loop handle everything that is ready now. */
static inline void fake_run_loop(void)
{
	fake_wait_for(fake_never, NULL, 5000000);
}

/* ---- what the monitor says --------------------------------------------- */

static inline unsigned int fake_count_lines(const char *text)
{
	unsigned int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static inline void assert_one_line(const char *text, const char *part)
{
	if (fake_count_lines(text) != 1 || !strstr(text, part))
		fail_msg("expected one line with '%s', got: %s", part, text);
}

#endif
