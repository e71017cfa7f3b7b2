// SPDX-License-Identifier: GPL-2.0-only
/* Lists of host CPUs: what is read, what is refused, how sets are shown. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vm/cpulist.h"

static void good_lists(void **state)
{
	uint16_t list[8];

	(void)state;
	assert_int_equal(cpulist__parse("3", list, 8), 1);
	assert_int_equal(list[0], 3);
	assert_int_equal(cpulist__parse("0-1,3", list, 8), 3);
	assert_int_equal(list[0], 0);
	assert_int_equal(list[1], 1);
	assert_int_equal(list[2], 3);
	/* Order and repetitions are the user's. */
	assert_int_equal(cpulist__parse("7,7-7,2", list, 8), 3);
	assert_int_equal(list[0], 7);
	assert_int_equal(list[1], 7);
	assert_int_equal(list[2], 2);
	assert_int_equal(cpulist__parse("8184-8191", list, 8), 8);
	assert_int_equal(list[7], 8191);
}

static void bad_lists(void **state)
{
	static const char *const bad[] = {
		"",   ",",   "0,",  ",0",    "0,,1", "-",     "-1", "1-",   "+1",    " 1",
		"1 ", "3-1", "0x1", "1-2-3", "all",  "0-1;2", "1.", "0--1", "one,2",
	};
	uint16_t list[8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cpulist__parse(bad[i], list, 8) != -EINVAL)
			fail_msg("list '%s' was not refused", bad[i]);
	assert_int_equal(cpulist__parse("8192", list, 8), -ERANGE);
	assert_int_equal(cpulist__parse("0-99999999999999999999", list, 8), -ERANGE);
	assert_int_equal(cpulist__parse("0-8", list, 8), -E2BIG);
}

static void sets(void **state)
{
	struct cpulist_set set = { 0 };
	char text[32], small[10];

	(void)state;
	assert_int_equal(cpulist__next(&set, 0), -1);
	assert_string_equal(cpulist__format(&set, text, sizeof(text)), "");
	cpulist__add(&set, 0);
	cpulist__add(&set, 2);
	cpulist__add(&set, 3);
	cpulist__add(&set, 4);
	cpulist__add(&set, 8191);
	assert_int_equal(cpulist__count(&set), 5);
	assert_true(cpulist__has(&set, 8191));
	assert_false(cpulist__has(&set, 1));
	assert_false(cpulist__has(&set, 8192));
	assert_int_equal(cpulist__next(&set, 0), 0);
	assert_int_equal(cpulist__next(&set, 5), 8191);
	assert_int_equal(cpulist__next(&set, 8192), 0);
	assert_string_equal(cpulist__format(&set, text, sizeof(text)), "0,2-4,8191");
	assert_string_equal(cpulist__format(&set, small, sizeof(small)), "0,2-4,...");
}

/* As the host says it through its own interface. */
static void allowed(void **state)
{
	struct cpulist_set set;
	cpu_set_t host, one;
	int cpu;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(host), &host), 0);
	cpulist__allowed(&set);
	assert_int_equal(cpulist__count(&set), CPU_COUNT(&host));
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		assert_int_equal(cpulist__has(&set, cpu), !!CPU_ISSET(cpu, &host));
	cpu = cpulist__next(&set, 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	cpulist__allowed(&set);
	assert_int_equal(cpulist__count(&set), 1);
	assert_true(cpulist__has(&set, cpu));
	assert_int_equal(sched_setaffinity(0, sizeof(host), &host), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(sets),
		cmocka_unit_test(allowed),
	};

	return cmocka_run_group_tests_name("cpulist", tests, NULL, NULL);
}
