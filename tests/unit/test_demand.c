// SPDX-License-Identifier: GPL-2.0-only
/* What a vCPU wants, what it got and what was stolen, from made-up looks of half a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vm/demand.h"

#define MS	1000000ull

struct story {
	struct demand demand;
	struct demand_look look;
};

static void begin(struct story *s)
{
	memset(s, 0, sizeof(*s));
	s->look = (struct demand_look){
		.now_ns = 1000 * MS,
		.has_kernel = true,
		.has_runner = true,
		.runner_tid = 7,
	};
	demand__update(&s->demand, &s->look);
}

/* Half a second passes; all in ms. */
static void pass(struct story *s, uint64_t idle, uint64_t kernel_run, uint64_t kernel_wait,
		 uint64_t runner_run, uint64_t runner_wait)
{
	s->look.now_ns += 500 * MS;
	s->look.idle_ns += idle * MS;
	s->look.kernel.run_ns += kernel_run * MS;
	s->look.kernel.wait_ns += kernel_wait * MS;
	s->look.runner.run_ns += runner_run * MS;
	s->look.runner.wait_ns += runner_wait * MS;
	demand__update(&s->demand, &s->look);
}

static void alone(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	assert_int_equal(s.demand.steal_ns, 0);
	pass(&s, 0, 100, 0, 400, 0);
	assert_int_equal(s.demand.load, 100);
	assert_int_equal(s.demand.got, 100);
	assert_int_equal(s.demand.steal_ns, 0);
	pass(&s, 400, 50, 0, 50, 0);
	assert_int_equal(s.demand.load, 20);
	assert_int_equal(s.demand.got, 20);
	assert_int_equal(s.demand.steal_ns, 0);
}

/* The turns of a vCPU and its runner look like waiting, but the CPU was theirs all the time. */
static void turns(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	pass(&s, 0, 300, 60, 200, 70);
	assert_int_equal(s.demand.steal_ns, 0);
	/* Of programs that were not seen, their traps tell. */
	s.look.nr_traps += 40000;
	pass(&s, 0, 300, 60, 0, 0);
	assert_int_equal(s.demand.steal_ns, 0);
	assert_int_equal(s.demand.got, 100);
}

static void shared(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	pass(&s, 0, 100, 100, 150, 150);
	assert_int_equal(s.demand.load, 100);
	assert_int_equal(s.demand.got, 50);
	assert_int_equal(s.demand.steal_ns, 250 * MS);
	/* More than the time that there was can't have been stolen. */
	pass(&s, 100, 100, 300, 100, 300);
	assert_int_equal(s.demand.steal_ns, 450 * MS);
	assert_int_equal(s.demand.load, 80);
	assert_int_equal(s.demand.got, 40);
}

static void other_runner(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	pass(&s, 0, 0, 0, 250, 250);
	/* Another program, which began since then; and back to the first one. */
	s.look.runner_tid = 8;
	s.look.runner = (struct usage_thread){ 0 };
	pass(&s, 0, 0, 0, 400, 100);
	assert_int_equal(s.demand.steal_ns, 350 * MS);
	s.look.runner_tid = 7;
	s.look.runner = (struct usage_thread){ 250 * MS, 250 * MS };
	pass(&s, 0, 0, 0, 450, 50);
	assert_int_equal(s.demand.steal_ns, 400 * MS);
	/* A new thread with an old one's number. */
	s.look.runner = (struct usage_thread){ 0 };
	pass(&s, 0, 0, 0, 470, 30);
	assert_int_equal(s.demand.steal_ns, 430 * MS);
}

/* A program in turn with others: seen for one of twenty half seconds, it tells of ten seconds. */
static void sample(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	s.look.runner_tid = 8;
	pass(&s, 0, 100, 0, 0, 0);
	assert_int_equal(s.demand.steal_ns, 0);
	s.look.runner_tid = 7;
	pass(&s, 0, 80, 20, 3000, 1000);
	assert_in_range(s.demand.steal_ns, 119 * MS, 121 * MS);
	/* Seen again at once, it ran for all of the time that the kernel leaves. */
	pass(&s, 0, 80, 20, 350, 50);
	assert_in_range(s.demand.steal_ns, 189 * MS, 191 * MS);
	/* And for a half of that. */
	pass(&s, 0, 80, 20, 150, 50);
	assert_in_range(s.demand.steal_ns, 309 * MS, 311 * MS);
}

static void idling(void **state)
{
	struct story s;

	(void)state;
	begin(&s);
	pass(&s, 0, 500, 0, 0, 0);
	s.look.idle = true;
	pass(&s, 100, 0, 0, 0, 0);
	assert_int_equal(s.demand.load, 50);
	pass(&s, 100, 0, 0, 0, 0);
	assert_int_equal(s.demand.load, 25);
	assert_int_equal(s.demand.got, 25);
	/* Nothing woke it up. */
	pass(&s, 0, 0, 0, 0, 0);
	assert_int_equal(s.demand.load, 0);
	pass(&s, 0, 0, 0, 0, 0);
	/* All the idle time is told at the end of it. */
	s.look.idle = false;
	pass(&s, 1700, 400, 100, 0, 0);
	assert_int_equal(s.demand.load, 50);
	assert_int_equal(s.demand.steal_ns, 100 * MS);
	pass(&s, 0, 500, 0, 0, 0);
	assert_int_equal(s.demand.load, 100);
}

/* Whatever the guest writes and the host can't tell. */
static void nonsense(void **state)
{
	static const uint64_t words[] = { ~0ull, 0, 1ull << 63, 5, ~0ull };
	struct story s;
	uint64_t steal = 0;

	(void)state;
	begin(&s);
	for (size_t i = 0; i < 60; i++) {
		s.look.idle_ns = words[i % 5];
		s.look.nr_traps = words[(i + 3) % 5];
		s.look.idle = i % 7 == 3;
		s.look.has_kernel = i % 3 != 0;
		s.look.has_runner = i % 4 != 0;
		s.look.runner_tid = (int32_t)(i * 0x9e3779b9u);
		pass(&s, 0, i * 900, i * 700, i * 800, i * 600);
		assert_in_range(s.demand.load, 0, 100);
		assert_in_range(s.demand.got, 0, s.demand.load);
		assert_true(s.demand.steal_ns >= steal);
		steal = s.demand.steal_ns;
		assert_true(steal <= 500 * MS * (i + 1));
	}
	/* The same moment again: no time to divide by. */
	demand__update(&s.demand, &s.look);
	assert_true(s.demand.steal_ns == steal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),	cmocka_unit_test(turns),  cmocka_unit_test(shared),
		cmocka_unit_test(other_runner), cmocka_unit_test(sample), cmocka_unit_test(idling),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests_name("demand", tests, NULL, NULL);
}
