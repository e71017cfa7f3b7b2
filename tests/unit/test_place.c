// SPDX-License-Identifier: GPL-2.0-only
/* What placement reads from the host, and when it calls a CPU crowded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vm/place.h"

static void test_schedstat(void **state)
{
	struct place_load load;

	(void)state;
	assert_true(place__parse_schedstat("123456 789 42\n", &load));
	assert_int_equal(load.run_ns, 123456);
	assert_int_equal(load.wait_ns, 789);
	assert_false(place__parse_schedstat("", &load));
	assert_false(place__parse_schedstat("12\n", &load));
}

static void test_stat(void **state)
{
	static const char text[] = "cpu  100 0 100 1000 0 0 0 0 0 0\n"
				   "cpu1 10 1 20 300 5 0 2 0 0 0\n"
				   "cpu11 9 9 9 9 9 9 9 9 0 0\n"
				   "intr 5\n";
	uint64_t idle, all;

	(void)state;
	assert_true(place__parse_stat(text, 1, &idle, &all));
	assert_int_equal(idle, 305);
	assert_int_equal(all, 338);
	assert_true(place__parse_stat(text, 11, &idle, &all));
	assert_int_equal(idle, 18);
	assert_false(place__parse_stat(text, 0, &idle, &all));
	assert_false(place__parse_stat("cpu0 ", 0, &idle, &all));
}

static void test_crowded(void **state)
{
	struct place_load before = { 1000, 1000 };
	struct place_load quiet = { 500001000, 1001000 };
	struct place_load busy = { 250001000, 250001000 };

	(void)state;
	assert_false(place__crowded(&before, &quiet, 500000000));
	assert_true(place__crowded(&before, &busy, 500000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedstat),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_crowded),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
