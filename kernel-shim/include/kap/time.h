/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 4: the time page (KAP_PHYS_TIME), readable by
 * guest kernel and guest user code alike (the vDSO reads it).
 *
 * Reading: load seq (acquire) until it is even; read the fields and the TSC
 * (rdtscp or lfence; rdtsc); fence; load seq again; repeat if it changed.
 *   monotonic ns = base_ns + (((unsigned __int128)(tsc - base_tsc) * mult) >> shift)
 * The monitor follows the host's CLOCK_MONOTONIC with it, less the time for which the guest was
 * held by a debugger, and never makes it run backwards.
 */
#ifndef KAP_TIME_H
#define KAP_TIME_H

#include <kap/abi.h>

#define KAP_TIME_TSC_OK		1	/* clear: don't trust the TSC, ask the host */

struct kap_time {
	kap_u32 seq;
	kap_u32 flags;		/* KAP_TIME_* */
	kap_u64 base_tsc;
	kap_u64 base_ns;	/* host CLOCK_MONOTONIC - held_ns, at base_tsc */
	kap_u64 mult;		/* below 2^32 */
	kap_u32 shift;		/* below 64 */
	kap_u32 pad;
	kap_u64 wall_ns;	/* host CLOCK_REALTIME at boot, ns since 1970 ... */
	kap_u64 wall_mono_ns;	/* ... when the host's CLOCK_MONOTONIC was this */
	kap_u64 tsc_hz;		/* informative, for /proc/cpuinfo */
	kap_u64 held_ns;	/* how long the guest was held in all: host clock - guest clock */
};

#endif
