/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time page: guest time without a host call, from the TSC.
 */
#ifndef HOSTOS_CLOCK_H
#define HOSTOS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <kap/time.h>

struct vm;

/* The TSC and the host's CLOCK_MONOTONIC at the same moment. */
struct clock_sample {
	uint64_t tsc;
	uint64_t ns;
};

/* First sample; called as early in main as can be, so that calibration costs no waiting. */
void clock__begin(void);

/* Fills the time page, before the guest runs. */
void clock__start(struct vm *vm);

/* Keeps following the host's clock from the event loop. 0 or -errno. */
int clock__follow(struct vm *vm);
void clock__stop(void);

/* Guest time stands still from hold to release; both may be called twice in a row. */
void clock__hold(struct vm *vm);
void clock__release(struct vm *vm);

/* Guest time now, ns as of kap_now() in the guest. */
uint64_t clock__guest_ns(void);

/* The arithmetic, without a clock. */

/* What a reader of the page computes (the fields, not seq). */
uint64_t clock__read(const struct kap_time *page, uint64_t tsc);

/* mult and shift for a clock that advances ns nanoseconds in tsc ticks. False: impossible. */
bool clock__rate(uint64_t tsc, uint64_t ns, kap_u64 *mult, kap_u32 *shift);

/*
 * Next page from the current one: continuous at TSC `now`, never backwards; reaches the host's
 * clock, which `to` sampled and which runs as it did between `from` and `to`, in about
 * horizon_ns. False: the samples make no sense, page unchanged.
 */
bool clock__steer(struct kap_time *page, uint64_t now, const struct clock_sample *from,
		  const struct clock_sample *to, uint64_t horizon_ns);

#endif
