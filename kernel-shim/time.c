// SPDX-License-Identifier: GPL-2.0-only
/* Reading the time page. */
#include "shim.h"

kap_u64 kap_host_ns(void)
{
	struct host_timespec ts = { 0, 0 };

	host_call(HOST_clock_gettime, HOST_CLOCK_MONOTONIC, &ts);
	return (kap_u64)ts.sec * 1000000000 + ts.nsec -
	       __atomic_load_n(&kap_time_page()->held_ns, __ATOMIC_RELAXED);
}

static inline kap_u64 tsc(void)
{
	kap_u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return ((kap_u64)hi << 32) | lo;
}

kap_u64 kap_now(void)
{
	const struct kap_time *t = kap_time_page();
	kap_u32 seq;
	kap_u64 ns;

	if (!(t->flags & KAP_TIME_TSC_OK))
		return kap_host_ns();
	do {
		seq = load_acquire(&t->seq);
		ns = t->base_ns +
		     (kap_u64)(((unsigned __int128)(tsc() - t->base_tsc) * t->mult) >> t->shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != __atomic_load_n(&t->seq, __ATOMIC_RELAXED));
	return ns;
}
