// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio over shared memory: the monitor's side of kap/dev.h. Answers the guest's
 * requests, passes doorbells to the devices, and rings the guest back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/futex.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/syscall.h>

#include "dev/dev.h"
#include "dev/virtio.h"
#include "vm/msg.h"

#define TRANSPORT_FEATURES                                              \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
				 1ULL << VIRTIO_RING_F_INDIRECT_DESC)

/* A guest that breaks, resets and breaks a device again must not fill the user's terminal. */
#define MAX_COMPLAINTS		4

static struct virtio_dev *slots[KAP_MAX_DEVS];
static unsigned int nr_slots;

static uint32_t load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store32(uint32_t *p, uint32_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static uint64_t offered(const struct virtio_dev *dev)
{
	return dev->features | TRANSPORT_FEATURES;
}

static void copy_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
	memcpy(vm__dev(dev->vm, dev->slot)->config + offset, data, len);
}

int virtio__register(struct virtio_dev *dev)
{
	struct kap_dev *page;
	unsigned int q;

	if (nr_slots == KAP_MAX_DEVS) {
		msg__error("%s: all %u device slots are in use; give fewer devices", dev->name,
			   KAP_MAX_DEVS);
		return -ENOSPC;
	}
	dev->slot = nr_slots;
	page = vm__dev(dev->vm, dev->slot);
	memset(page, 0, sizeof(*page));
	page->magic = KAP_DEV_MAGIC;
	page->device_id = dev->device_id;
	page->nr_queues = dev->nr_queues;
	page->config_size = dev->config_size;
	page->device_features = offered(dev);
	for (q = 0; q < dev->nr_queues; q++) {
		dev->queues[q].dev = dev;
		dev->queues[q].index = q;
		page->queue[q].size_max = dev->queue_sizes[q];
	}
	if (dev->config_size)
		copy_config(dev, 0, dev->config, dev->config_size);
	slots[nr_slots++] = dev;
	return 0;
}

const struct virtio_dev *virtio__slot(unsigned int slot)
{
	return slot < nr_slots ? slots[slot] : NULL;
}

bool virtio__running(const struct virtio_dev *dev)
{
	return (dev->status & VIRTIO_CONFIG_S_DRIVER_OK) && !dev->broken;
}

/* ---- to the guest ------------------------------------------------------ */

static void ring_guest(struct virtio_dev *dev)
{
	struct vm *vm = dev->vm;
	uint32_t cpu = load32(&vm__dev(vm, dev->slot)->irq_cpu);

	if (cpu >= (uint32_t)vm->nr_cpus)
		cpu = 0;
	__atomic_fetch_or(&vm__vcpu(vm, cpu)->dev_pending, 1ULL << dev->slot, __ATOMIC_RELEASE);
	vm__ring(vm, cpu, KAP_BELL_DEV);
}

static void config_interrupt(struct virtio_dev *dev)
{
	__atomic_fetch_or(&vm__dev(dev->vm, dev->slot)->irq_config, 1, __ATOMIC_RELEASE);
	ring_guest(dev);
}

void virtio__interrupt(struct virtio_dev *dev, struct queue *q)
{
	if (!queue__wants_interrupt(q))
		return;
	__atomic_fetch_or(&vm__dev(dev->vm, dev->slot)->irq_queues, 1u << q->index,
			  __ATOMIC_RELEASE);
	ring_guest(dev);
}

void virtio__set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);

	store32(&page->config_seq, ++dev->config_seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	copy_config(dev, offset, data, len);
	store32(&page->config_seq, ++dev->config_seq);
	if (virtio__running(dev))
		config_interrupt(dev);
}

static void want_look(struct virtio_dev *dev, uint32_t queues)
{
	__atomic_fetch_or(&vm__dev(dev->vm, dev->slot)->notify, queues, __ATOMIC_RELEASE);
	__atomic_fetch_or(&vm__ctl(dev->vm)->dev_pending, 1ULL << dev->slot, __ATOMIC_RELEASE);
}

static void ring_loop(const struct vm *vm)
{
	static const uint64_t one = 1;

	/* Only fails when the counter is full, and then the loop wakes up anyway. */
	if (write(vm->doorbell_fd, &one, sizeof(one)) < 0)
		return;
}

void virtio__again(struct virtio_dev *dev, unsigned int q)
{
	want_look(dev, 1u << q);
	ring_loop(dev->vm);
}

static void stop_queues(struct virtio_dev *dev)
{
	unsigned int q;

	for (q = 0; q < dev->nr_queues; q++)
		dev->queues[q].ready = false;
}

void virtio__break(struct virtio_dev *dev, const char *format, ...)
{
	char what[256];
	va_list args;

	if (dev->broken)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);

	dev->broken = true;
	stop_queues(dev);
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	store32(&vm__dev(dev->vm, dev->slot)->status_now, dev->status);
	config_interrupt(dev);

	if (dev->complaints < MAX_COMPLAINTS)
		msg__error("%s (slot %u): the guest's driver broke the device: %s; it is "
			   "stopped until the driver resets it%s",
			   dev->name, dev->slot, what,
			    dev->complaints == MAX_COMPLAINTS - 1 ? " (said for the last time)" :
			    "");
	dev->complaints++;
}

/* ---- requests of the guest --------------------------------------------- */

static void reset(struct virtio_dev *dev)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);
	unsigned int q;

	dev->status = 0;
	dev->driver_features = 0;
	dev->broken = false;
	if (dev->ops->reset)
		dev->ops->reset(dev);
	__atomic_exchange_n(&page->notify, 0, __ATOMIC_ACQ_REL);
	for (q = 0; q < dev->nr_queues; q++)
		store32(&page->queue[q].ready, 0);
}

/* Stops what the request wants stopped; true when nothing of it can be in flight any more. */
static bool quiesce(struct virtio_dev *dev, uint32_t status)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);
	bool stopped = false;
	unsigned int q;

	if (status == 0 && virtio__running(dev) && dev->ops->busy && dev->ops->busy(dev))
		return false;
	for (q = 0; q < dev->nr_queues; q++) {
		if (dev->queues[q].ready && (status == 0 || !load32(&page->queue[q].ready))) {
			dev->queues[q].ready = false;
			stopped = true;
		}
	}
	return dev->in_flight == 0 || (status != 0 && !stopped);
}

static void accept_features(struct virtio_dev *dev)
{
	uint64_t wanted =
		__atomic_load_n(&vm__dev(dev->vm, dev->slot)->driver_features, __ATOMIC_RELAXED);

	if ((wanted & ~offered(dev)) || !(wanted & 1ULL << VIRTIO_F_VERSION_1))
		return;
	dev->driver_features = wanted;
	dev->status |= VIRTIO_CONFIG_S_FEATURES_OK;
}

static void start_queues(struct virtio_dev *dev)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);
	unsigned int i;

	for (i = 0; i < dev->nr_queues && !dev->broken; i++) {
		struct queue *q = &dev->queues[i];
		struct kap_dev_queue want = page->queue[i];
		const char *wrong;

		__asm__ volatile("" : "+m"(want));
		if (!want.ready || q->ready)
			continue;
		if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
			virtio__break(dev, "queue %u enabled before FEATURES_OK", i);
			return;
		}
		q->event_idx = dev->driver_features & 1ULL << VIRTIO_RING_F_EVENT_IDX;
		q->indirect = dev->driver_features & 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
		wrong = queue__start(q, want.size, dev->queue_sizes[i], want.desc, want.avail,
				     want.used);
		if (wrong)
			virtio__break(dev, "queue %u: %s", i, wrong);
	}
}

static void start_device(struct virtio_dev *dev)
{
	unsigned int q;

	if (!(dev->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtio__break(dev, "DRIVER_OK without FEATURES_OK");
		return;
	}
	dev->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	if (dev->ops->start)
		dev->ops->start(dev);
	/* Buffers may have been added, and announced, before DRIVER_OK. */
	for (q = 0; q < dev->nr_queues; q++)
		if (dev->queues[q].ready)
			dev->ops->notify(dev, q);
}

static void answer(struct virtio_dev *dev)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);
	uint32_t seq = __atomic_load_n(&page->req_seq, __ATOMIC_ACQUIRE);
	uint32_t status = load32(&page->status);
	uint32_t news = status & ~dev->status;

	if (!quiesce(dev, status)) {
		dev->waiting = true;
		return;
	}
	if (status == 0) {
		reset(dev);
	} else if (!dev->broken) {
		dev->status |= news & (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				       VIRTIO_CONFIG_S_FAILED);
		if (news & VIRTIO_CONFIG_S_FEATURES_OK)
			accept_features(dev);
		start_queues(dev);
		if ((news & VIRTIO_CONFIG_S_DRIVER_OK) && !dev->broken)
			start_device(dev);
	}
	dev->ack_seq = seq;
	store32(&page->status_now, dev->status);
	store32(&page->ack_seq, seq);
	syscall(SYS_futex, &page->ack_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void virtio__get(struct virtio_dev *dev)
{
	dev->in_flight++;
}

void virtio__put(struct virtio_dev *dev)
{
	if (--dev->in_flight || !dev->waiting)
		return;
	dev->waiting = false;
	answer(dev);
}

void virtio__settled(struct virtio_dev *dev)
{
	if (dev->in_flight || !dev->waiting)
		return;
	dev->waiting = false;
	answer(dev);
}

static void doorbell(struct virtio_dev *dev)
{
	struct kap_dev *page = vm__dev(dev->vm, dev->slot);
	uint32_t notify;
	unsigned int q;

	if (!dev->waiting && load32(&page->req_seq) != dev->ack_seq)
		answer(dev);
	notify = __atomic_exchange_n(&page->notify, 0, __ATOMIC_ACQUIRE);
	for (q = 0; q < dev->nr_queues; q++)
		if ((notify & 1u << q) && virtio__running(dev) && dev->queues[q].ready)
			dev->ops->notify(dev, q);
}

/* ---- for the rest of the monitor --------------------------------------- */

unsigned int dev__count(void)
{
	return nr_slots;
}

void dev__doorbell(struct vm *vm, uint64_t bits)
{
	(void)vm;
	for (; bits; bits &= bits - 1) {
		unsigned int slot = __builtin_ctzll(bits);

		if (slot < nr_slots)
			doorbell(slots[slot]);
	}
}

static bool held, turned_away;

bool dev__held(void)
{
	turned_away |= held;
	return held;
}

/* A debugger holds and lets go thousands of times a second: nothing is looked at for nothing. */
void dev__hold(struct vm *vm, bool hold)
{
	bool look = held && !hold && turned_away;

	held = hold;
	if (!look)
		return;
	turned_away = false;
	for (unsigned int i = 0; i < nr_slots; i++)
		want_look(slots[i], (1ull << slots[i]->nr_queues) - 1);
	ring_loop(vm);
}

void dev__shutdown(struct vm *vm)
{
	unsigned int i;

	(void)vm;
	for (i = 0; i < nr_slots; i++) {
		stop_queues(slots[i]);
		slots[i]->broken = true;
		slots[i]->waiting = false;
	}
	while (nr_slots) {
		struct virtio_dev *dev = slots[--nr_slots];

		dev->ops->shutdown(dev);
	}
}
