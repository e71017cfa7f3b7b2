// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split virtqueues, the device's side. Everything in a ring is the guest's and may change at
 * any time: each index and each descriptor is loaded once and checked before it
 * is used, and the monitor's own position in the rings is kept outside guest memory.
 */
#include <string.h>
#include <linux/virtio_ring.h>

#include "dev/virtio.h"

struct ring_avail {
	uint16_t flags, idx;
	uint16_t ring[];	/* size entries, then used_event */
};

struct ring_used {
	uint16_t flags, idx;
	struct {
		uint32_t id, len;
	} ring[];		/* size entries, then avail_event */
};

static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store16(uint16_t *p, uint16_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static uint16_t *used_event(const struct queue *q)
{
	struct ring_avail *avail = q->avail;

	return &avail->ring[q->size];
}

static uint16_t *avail_event(struct queue *q)
{
	struct ring_used *used = q->used;

	return (uint16_t *)&used->ring[q->size];
}

const char *queue__start(struct queue *q, uint32_t size, uint32_t size_max, uint64_t desc,
			 uint64_t avail, uint64_t used)
{
	struct vm *vm = q->dev->vm;

	if (size == 0 || (size & (size - 1)))
		return "size is not a power of two";
	if (size > size_max)
		return "size is above the device's maximum";
	if (desc % VRING_DESC_ALIGN_SIZE || avail % VRING_AVAIL_ALIGN_SIZE ||
	    used % VRING_USED_ALIGN_SIZE)
		return "a ring is not aligned";
	q->desc = vm__ram(vm, desc, (uint64_t)size * sizeof(struct vring_desc));
	q->avail = vm__ram(vm, avail, 6 + 2 * (uint64_t)size);
	q->used = vm__ram(vm, used, 6 + 8 * (uint64_t)size);
	if (!q->desc || !q->avail || !q->used)
		return "a ring lies outside RAM";
	q->size = size;
	q->last_avail = 0;
	q->used_idx = 0;
	q->signalled = 0;
	q->ready = true;
	return NULL;
}

/* Chains between the guest's index and ours; -1 when that can't be. */
static int count_avail(struct queue *q)
{
	struct ring_avail *avail = q->avail;
	uint16_t idx, count;

	if (!q->ready)
		return -1;
	idx = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
	count = idx - q->last_avail;
	if (count > q->size) {
		virtio__break(q->dev, "queue %u: available index jumped from %u to %u", q->index,
			      q->last_avail, idx);
		return -1;
	}
	return count;
}

static void notifications_off(struct queue *q)
{
	struct ring_used *used = q->used;

	/* With event indexes the old avail_event is behind us, which is "off". */
	if (!q->event_idx)
		store16(&used->flags, VRING_USED_F_NO_NOTIFY);
}

/* Asks to be told when the guest's index moves beyond `idx`. */
static void notifications_on(struct queue *q, uint16_t idx)
{
	struct ring_used *used = q->used;

	if (q->event_idx)
		store16(avail_event(q), idx);
	else
		store16(&used->flags, 0);
	/* The guest adds, then looks here; we write here, then look for what it added. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void load_desc(struct vring_desc *to, const void *table, unsigned int i)
{
	memcpy(to, (const struct vring_desc *)table + i, sizeof(*to));
	/* From here on the compiler must use the copy. */
	__asm__ volatile("" : "+m"(*to));
}

static int broken_chain(struct queue *q, uint16_t head, const char *what)
{
	virtio__break(q->dev, "queue %u, chain %u: %s", q->index, head, what);
	return -1;
}

static int add_buffer(struct queue *q, struct queue_chain *chain, const struct vring_desc *d)
{
	unsigned int n = chain->nr_out + chain->nr_in;
	bool in = d->flags & VRING_DESC_F_WRITE;
	uint32_t *bytes = in ? &chain->in_bytes : &chain->out_bytes;
	void *p;

	if (n == QUEUE_MAX_CHAIN)
		return broken_chain(q, chain->head, "too many buffers");
	if (d->len == 0)
		return broken_chain(q, chain->head, "a buffer is empty");
	if (!in && chain->nr_in)
		return broken_chain(q, chain->head, "a readable buffer follows a writable one");
	if (__builtin_add_overflow(*bytes, d->len, bytes))
		return broken_chain(q, chain->head, "longer than 4 GiB");
	p = vm__ram(q->dev->vm, d->addr, d->len);
	if (!p)
		return broken_chain(q, chain->head, "a buffer lies outside RAM");
	chain->iov[n].iov_base = p;
	chain->iov[n].iov_len = d->len;
	if (in)
		chain->nr_in++;
	else
		chain->nr_out++;
	return 0;
}

/* Walks a table of `entries` descriptors from `first`; no chain is longer than its table. */
static int walk(struct queue *q, struct queue_chain *chain, const void *table, uint32_t entries,
		uint16_t first, bool in_indirect)
{
	struct vring_desc d;
	uint32_t i = first, steps;

	for (steps = 0;; steps++) {
		if (i >= entries)
			return broken_chain(q, chain->head, "a descriptor number is out of range");
		if (steps == entries)
			return broken_chain(q, chain->head, "descriptors form a loop");
		load_desc(&d, table, i);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			void *p;

			if (!q->indirect || in_indirect)
				return broken_chain(q, chain->head,
						    "an indirect table is not "
						    "allowed here");
			if (d.flags & VRING_DESC_F_NEXT)
				return broken_chain(q, chain->head,
						    "an indirect table has a "
						    "successor");
			if (d.len == 0 || d.len % sizeof(d) || d.len / sizeof(d) > QUEUE_MAX_CHAIN)
				return broken_chain(q, chain->head,
						    "an indirect table has a bad "
						    "length");
			p = vm__ram(q->dev->vm, d.addr, d.len);
			if (!p)
				return broken_chain(q, chain->head,
						    "an indirect table lies "
						    "outside RAM");
			return walk(q, chain, p, d.len / sizeof(d), 0, true);
		}
		if (add_buffer(q, chain, &d))
			return -1;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}

int queue__next(struct queue *q, struct queue_chain *chain)
{
	struct ring_avail *avail = q->avail;
	int count = count_avail(q);

	if (count == 0) {
		notifications_on(q, q->last_avail);
		count = count_avail(q);
	}
	if (count <= 0)
		return count;
	notifications_off(q);

	chain->head = load16(&avail->ring[q->last_avail & (q->size - 1)]);
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	if (walk(q, chain, q->desc, q->size, chain->head, false))
		return -1;
	q->last_avail++;
	return 1;
}

unsigned int queue__waiting(struct queue *q)
{
	int count = count_avail(q);

	if (count < 0)
		return 0;
	notifications_on(q, q->last_avail + count);
	count = count_avail(q);
	return count < 0 ? 0 : count;
}

void queue__push(struct queue *q, uint16_t head, uint32_t len)
{
	struct ring_used *used = q->used;
	unsigned int i = q->used_idx & (q->size - 1);

	if (!q->ready)
		return;
	__atomic_store_n(&used->ring[i].id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&used->ring[i].len, len, __ATOMIC_RELAXED);
	q->used_idx++;
	__atomic_store_n(&used->idx, q->used_idx, __ATOMIC_RELEASE);
}

bool queue__look(const struct queue *q, struct queue_state *state)
{
	struct ring_avail *avail = q->avail;

	if (!q->ready)
		return false;
	state->offered = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
	state->taken = q->last_avail;
	state->given_back = q->used_idx;
	if (q->event_idx)
		state->wants_interrupt = load16(used_event(q)) == q->used_idx;
	else
		state->wants_interrupt = !(load16(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return true;
}

bool queue__wants_interrupt(struct queue *q)
{
	struct ring_avail *avail = q->avail;
	uint16_t old = q->signalled;

	if (!q->ready || old == q->used_idx)
		return false;
	/* We wrote the used index and now look; the guest writes its wish, then looks. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->signalled = q->used_idx;
	if (!q->event_idx)
		return !(load16(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(load16(used_event(q)), q->used_idx, old);
}

static uint32_t copy(const struct iovec *iov, unsigned int nr, uint32_t offset, uint8_t *data,
		     uint32_t len, bool to_guest)
{
	uint32_t done = 0;

	for (; nr && done < len; iov++, nr--) {
		uint8_t *p = iov->iov_base;
		uint32_t n = iov->iov_len;

		if (offset >= n) {
			offset -= n;
			continue;
		}
		p += offset;
		n -= offset;
		offset = 0;
		if (n > len - done)
			n = len - done;
		if (to_guest)
			memcpy(p, data + done, n);
		else
			memcpy(data + done, p, n);
		done += n;
	}
	return done;
}

uint32_t queue__copy_out(const struct queue_chain *chain, uint32_t offset, void *to, uint32_t len)
{
	uint32_t done = copy(chain->iov, chain->nr_out, offset, to, len, false);

	__asm__ volatile("" : : "r"(to) : "memory");
	return done;
}

uint32_t queue__copy_in(const struct queue_chain *chain, uint32_t offset, const void *from,
			uint32_t len)
{
	return copy(chain->iov + chain->nr_out, chain->nr_in, offset, (uint8_t *)from, len, true);
}

unsigned int queue__slice(struct iovec *to, const struct iovec *from, unsigned int nr,
			  uint32_t offset, uint32_t len)
{
	unsigned int n = 0;

	for (; nr && len; from++, nr--) {
		uint32_t bytes = from->iov_len;

		if (offset >= bytes) {
			offset -= bytes;
			continue;
		}
		bytes -= offset;
		if (bytes > len)
			bytes = len;
		to[n].iov_base = (uint8_t *)from->iov_base + offset;
		to[n].iov_len = bytes;
		n++;
		len -= bytes;
		offset = 0;
	}
	return n;
}
