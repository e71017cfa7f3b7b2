// SPDX-License-Identifier: GPL-2.0-only
/* The log ring, and rings and waits between the guest and the monitor. */
#include "shim.h"

void kap_ring_monitor(kap_u64 bits)
{
	static const kap_u64 one = 1;

	if (!__atomic_fetch_or(&kap_ctl()->dev_pending, bits, __ATOMIC_ACQ_REL))
		host_call(HOST_write, KAP_FD_DOORBELL, &one, sizeof(one));
}

void kap_wait_word(kap_u32 *word, kap_u32 old, kap_u64 timeout_ns)
{
	struct host_timespec ts = {
		.sec = timeout_ns / 1000000000,
		.nsec = timeout_ns % 1000000000,
	};

	futex_wait(word, old, &ts);
}

void kap_log(const char *s, kap_u32 len)
{
	struct kap_log *log = kap_va(KAP_PHYS_LOG);
	kap_u32 head = log->head;

	while (len) {
		kap_u32 tail = load_acquire(&log->tail);
		kap_u32 room = KAP_LOG_SIZE - (head - tail);
		kap_u32 n = len < room ? len : room;

		if (!n) {
			kap_ring_monitor(KAP_CTL_LOG);
			kap_wait_word(&log->tail, tail, 100000000);
			continue;
		}
		for (; n; n--, len--)
			log->data[head++ % KAP_LOG_SIZE] = *s++;
		store_release(&log->head, head);
	}
	kap_ring_monitor(KAP_CTL_LOG);
}
