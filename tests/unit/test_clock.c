// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clock arithmetic: the rate is exact, a correction is continuous, never goes backwards, and
 * reaches the host's clock.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vm/clock.h"

#define S 1000000000ull

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void rates(void **state)
{
	static const uint64_t hz[] = {
		1000000, 24000000, 999999999, 1000000000, 1996250000, 3800000000ull, 6000000000ull,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
		struct kap_time page = { .base_tsc = 12345, .base_ns = 777 };

		assert_true(clock__rate(hz[i], S, &page.mult, &page.shift));
		assert_true(page.mult < 1ull << 31);
		assert_true(page.shift < 64);
		/* 100 s with an error below 1 us. */
		assert_true(distance(clock__read(&page, 12345 + 100 * hz[i]), 777 + 100 * S) <
			    1000);
	}
}

static void impossible_rates(void **state)
{
	kap_u64 mult;
	kap_u32 shift;

	(void)state;
	assert_false(clock__rate(0, S, &mult, &shift));
	assert_false(clock__rate(1000, 0, &mult, &shift));
	assert_false(clock__rate(1, UINT64_MAX, &mult, &shift));
}

static void no_overflow(void **state)
{
	struct kap_time page = { 0 };

	(void)state;
	assert_true(clock__rate(3 * S, S, &page.mult, &page.shift));
	/* Ten years. */
	assert_true(distance(clock__read(&page, 3 * S * 315360000), S * 315360000) < S);
}

/*
 * Runs a clock whose first calibration is wrong by `ppm`, with corrections as the monitor makes
 * them, and a TSC that really has hz.
 */
static void follow(uint64_t hz, int ppm, int64_t offset_ns)
{
	const uint64_t tsc0 = 1ull << 50, ns0 = 5000 * S;
	struct clock_sample from = { tsc0, ns0 };
	struct kap_time page = { .base_tsc = tsc0, .base_ns = ns0 + offset_ns };
	uint64_t before, next = 100000000, last_read = 0;

	assert_true(clock__rate(hz, S + (int64_t)S / 1000000 * ppm, &page.mult, &page.shift));
	for (uint64_t t = 0; t < 400 * S; t += 10000000) {
		uint64_t tsc = tsc0 + (unsigned __int128)t * hz / S;
		uint64_t read = clock__read(&page, tsc);

		assert_true(read >= last_read);
		last_read = read;
		if (t < next)
			continue;
		next = t < S ? S : t + 10 * S;
		before = read;
		/* The page changes 2000 ticks after the sample. */
		before = clock__read(&page, tsc + 2000);
		assert_true(clock__steer(&page, tsc + 2000, &from,
					 &(struct clock_sample){ tsc, ns0 + t }, 10 * S));
		assert_true(clock__read(&page, tsc + 2000) >= before);
		/* A CPU whose TSC is a few ticks behind must not see the far future. */
		assert_true(clock__read(&page, tsc + 1990) <= clock__read(&page, tsc + 2000));
		last_read = clock__read(&page, tsc + 2000);
	}
	assert_true(distance(last_read, ns0 + 399 * S + 990000000) < 20 * S);
	{
		uint64_t t = 400 * S, tsc = tsc0 + (unsigned __int128)t * hz / S;

		assert_true(distance(clock__read(&page, tsc), ns0 + t) < 1000);
	}
}

static void follows(void **state)
{
	(void)state;
	follow(3000000000ull, 0, 0);
	follow(3000000000ull, 40, 0);
	follow(3000000000ull, -40, 0);
	follow(2194843000ull, 200, 0);
	follow(1000000000ull, 0, 1000000);
	follow(1000000000ull, 0, -1000000);
	follow(999000000ull, -100, 30000000);
	/* Far behind: jumps forward. Far ahead: waits for the host, without standing still. */
	follow(3000000000ull, 0, -5 * (int64_t)S);
	follow(3000000000ull, 0, 5 * (int64_t)S);
}

static void refuses_nonsense(void **state)
{
	struct kap_time page = { .base_tsc = 1000, .base_ns = 1000, .mult = 1 << 30, .shift = 30 };
	const struct kap_time old = page;
	struct clock_sample a = { 2000, 2000 }, b = { 3000, 3000 };

	(void)state;
	assert_false(clock__steer(&page, 4000, &b, &a, S));
	assert_false(clock__steer(&page, 4000, &a, &a, S));
	assert_false(clock__steer(&page, 2500, &a, &b, S));
	assert_false(clock__steer(&page, 4000, &a, &b, 0));
	assert_memory_equal(&page, &old, sizeof(page));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(impossible_rates),
		cmocka_unit_test(no_overflow),
		cmocka_unit_test(follows),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
