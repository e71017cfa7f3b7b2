// SPDX-License-Identifier: GPL-2.0-only
/*
 * The time page. The TSC is calibrated against CLOCK_MONOTONIC between the start of the
 * program and the start of the guest, and again after 0.1 s, 1 s and every 10 s, each time over a
 * longer interval. Corrections only bend the clock's rate; the clock never jumps back.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "vm/clock.h"
#include "vm/loop.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define NS_PER_S 1000000000ull
#define MIN_CALIBRATION 1000000ull /* ns: 40 ns of sampling error are then 40 ppm */
#define STEP_LIMIT 50000000ll /* ns behind from which the clock jumps forward */

static struct clock_sample begin, last;
static struct loop_timer *timer;
static unsigned int refinements;

static uint64_t read_tsc(void)
{
	_mm_lfence();
	return __rdtsc();
}

static uint64_t host_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* The best of a few tries: the one during which the fewest ticks passed. */
static struct clock_sample sample(void)
{
	struct clock_sample best = { 0 };
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 6; i++) {
		uint64_t before = read_tsc();
		uint64_t ns = host_clock(CLOCK_MONOTONIC);
		uint64_t width = read_tsc() - before;

		if (width < best_width) {
			best_width = width;
			best = (struct clock_sample){ .tsc = before + width / 2, .ns = ns };
		}
	}
	return best;
}

void clock__begin(void)
{
	begin = sample();
}

static bool cpu_has_invariant_tsc(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

/*
 * The host kernel knows best, it watches the TSC; if it says nothing, the CPU's own
 * statement must do.
 */
static bool tsc_trusted(char *source, size_t size)
{
	int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		      O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, source, size - 1);
		close(fd);
	}
	if (n <= 0) {
		strcpy(source, "unknown");
		return cpu_has_invariant_tsc();
	}
	source[n] = 0;
	source[strcspn(source, "\n")] = 0;
	return !strcmp(source, "tsc");
}

uint64_t clock__read(const struct kap_time *page, uint64_t tsc)
{
	return page->base_ns +
	       (uint64_t)(((unsigned __int128)(tsc - page->base_tsc) * page->mult) >> page->shift);
}

bool clock__rate(uint64_t tsc, uint64_t ns, kap_u64 *mult, kap_u32 *shift)
{
	unsigned __int128 value = ns;
	kap_u32 s = 0;

	if (!tsc || !ns)
		return false;
	/* mult gets 31 bits: fine enough, and bending the rate can't make it overflow. */
	while (s < 63 && (value << 1) / tsc < (1ull << 31)) {
		value <<= 1;
		s++;
	}
	value /= tsc;
	if (!value || value >= (1ull << 31))
		return false;
	*mult = (kap_u64)value;
	*shift = s;
	return true;
}

bool clock__steer(struct kap_time *page, uint64_t now, const struct clock_sample *from,
		  const struct clock_sample *to, uint64_t horizon_ns)
{
	/* The base lies a little in the past, for a CPU whose TSC is a few ticks behind. */
	const uint64_t back = 1 << 16;
	struct kap_time next = *page;
	int64_t behind, limit = horizon_ns / 16;
	uint64_t at_now;

	if (to->tsc <= from->tsc || to->ns <= from->ns || now < to->tsc || !horizon_ns ||
	    !clock__rate(to->tsc - from->tsc, to->ns - from->ns, &next.mult, &next.shift))
		return false;

	at_now = clock__read(page, now);
	behind = (int64_t)(to->ns - clock__read(page, to->tsc));
	if (behind > STEP_LIMIT) {
		at_now += behind;
		behind = 0;
	}
	if (behind > limit)
		behind = limit;
	if (behind < -limit)
		behind = -limit;
	next.mult = (kap_u64)((__int128)next.mult * ((int64_t)horizon_ns + behind) /
			      (int64_t)horizon_ns);
	next.base_tsc = now - back;
	next.base_ns = 0;
	next.base_ns = at_now - clock__read(&next, now);
	*page = next;
	return true;
}

void clock__start(struct vm *vm)
{
	struct kap_time *page = vm__time(vm);
	char source[32];

	page->wall_mono_ns = host_clock(CLOCK_MONOTONIC);
	page->wall_ns = host_clock(CLOCK_REALTIME);
	if (!tsc_trusted(source, sizeof(source))) {
		msg__note("the host's clock source is \"%s\", not the TSC: the guest asks the host "
			  "for the time, which is slower",
			  source);
		return;
	}

	last = sample();
	while (last.ns - begin.ns < MIN_CALIBRATION)
		last = sample();
	if (!clock__rate(last.tsc - begin.tsc, last.ns - begin.ns, &page->mult, &page->shift)) {
		msg__note("the TSC doesn't advance with the host's clock: the guest asks the host "
			  "for the time, which is slower");
		return;
	}
	page->base_tsc = last.tsc;
	page->base_ns = last.ns;
	page->tsc_hz = (unsigned __int128)(last.tsc - begin.tsc) * NS_PER_S / (last.ns - begin.ns);
	__atomic_store_n(&page->flags, KAP_TIME_TSC_OK, __ATOMIC_RELEASE);
}

static uint64_t next_interval(void)
{
	return refinements == 0 ? NS_PER_S / 10 :
	       refinements == 1 ? NS_PER_S * 9 / 10 :
				  NS_PER_S * 10;
}

/*
 * The guest can write the page too, it shares the memory. So the monitor computes with its own
 * copy, and what the guest does to the page is the guest's own problem.
 */
static struct kap_time mine;

/* How long the guest was held in all, and since when it is; 0: it is not. */
static uint64_t held_ns, held_since;

/* The page as it is in `mine`, for readers at any moment. */
static void publish(struct kap_time *page)
{
	page->base_tsc = mine.base_tsc;
	page->base_ns = mine.base_ns;
	page->mult = mine.mult;
	page->shift = mine.shift;
	mine.seq++;
	__atomic_store_n(&page->seq, mine.seq, __ATOMIC_RELEASE);
}

static void begin_change(struct kap_time *page)
{
	mine.seq++;
	__atomic_store_n(&page->seq, mine.seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void clock__hold(struct vm *vm)
{
	(void)vm;
	if (!held_since)
		held_since = host_clock(CLOCK_MONOTONIC);
}

uint64_t clock__guest_ns(void)
{
	return (held_since ? held_since : host_clock(CLOCK_MONOTONIC)) - held_ns;
}

void clock__release(struct vm *vm)
{
	struct kap_time *page = vm__time(vm);
	uint64_t gone;

	if (!held_since)
		return;
	gone = host_clock(CLOCK_MONOTONIC) - held_since;
	held_since = 0;
	held_ns += gone;
	begin_change(page);
	mine.base_ns -= gone;
	__atomic_store_n(&page->held_ns, held_ns, __ATOMIC_RELAXED);
	publish(page);
}

static void refine(void *arg)
{
	struct kap_time *page = vm__time(arg);
	struct clock_sample now = sample();
	struct clock_sample from = refinements < 3 ? begin : last;
	struct kap_time next;

	refinements++;
	begin_change(page);
	/*
	 * From here on every reader starts again: whoever finished with the old values read a
	 * TSC before this one.
	 */
	next = mine;
	/* In guest time. While the guest is held its clock is late: release makes that good. */
	from.ns -= held_ns;
	now.ns -= held_ns;
	if (!held_since && clock__steer(&next, read_tsc(), &from, &now, 10 * NS_PER_S))
		mine = next;
	publish(page);
	now.ns += held_ns;
	last = now;
	loop__timer_set(timer, next_interval());
}

int clock__follow(struct vm *vm)
{
	mine = *vm__time(vm);
	if (!(mine.flags & KAP_TIME_TSC_OK))
		return 0;
	timer = loop__timer_new(refine, vm);
	if (!timer)
		return -ENOMEM;
	refinements = 0;
	loop__timer_set(timer, next_interval());
	return 0;
}

void clock__stop(void)
{
	loop__timer_free(timer);
	timer = NULL;
}
