// SPDX-License-Identifier: GPL-2.0-only
/* What is read of the host's /proc: its forms, and that numbers from a guest open nothing else. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/usage.h"

static void schedstat(void **state)
{
	struct usage_thread used;

	(void)state;
	assert_true(usage__parse_schedstat("123456 789 42\n", &used));
	assert_int_equal(used.run_ns, 123456);
	assert_int_equal(used.wait_ns, 789);
	assert_false(usage__parse_schedstat("", &used));
	assert_false(usage__parse_schedstat("12\n", &used));
}

static void stat_lines(void **state)
{
	const char *text = "cpu  100 0 100 1000 0 0 0 0 0 0\n"
			   "cpu1 10 1 20 300 5 0 2 0 7 7\n"
			   "cpu7 1 2\n"
			   "cpu11 9 9 9 9 9 9 9 9 0 0\n"
			   "intr 5\n"
			   "cpu12 9 9 9 9 9 9 9 9 0 0\n";
	const char *cut = "cpu0 10 1 20 300 5";
	struct usage_cpu one;

	(void)state;
	assert_true(usage__parse_stat(&text, &one));
	assert_int_equal(one.cpu, 1);
	assert_int_equal(one.idle, 305);
	/* Time of guests of another kind is in the first two already. */
	assert_int_equal(one.all, 338);
	assert_true(usage__parse_stat(&text, &one));
	assert_int_equal(one.cpu, 11);
	assert_int_equal(one.idle, 18);
	assert_int_equal(one.all, 72);
	assert_false(usage__parse_stat(&text, &one));
	assert_false(usage__parse_stat(&cut, &one));
}

static void threads(void **state)
{
	struct usage_thread first = { 0 }, second = { 0 };
	pid_t self = getpid(), tid = gettid();

	(void)state;
	assert_true(usage__of_thread(self, tid, &first));
	/* Until the host has counted this, too: at its next tick at the latest. */
	do {
		assert_true(usage__of_group(getpgrp(), tid, &second));
	} while (second.run_ns <= first.run_ns);
	assert_true(second.wait_ns >= first.wait_ns);
}

static void strangers(void **state)
{
	struct usage_thread used;
	pid_t child = fork();

	(void)state;
	if (!child) {
		setpgid(0, 0);
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	setpgid(child, child);
	assert_true(usage__of_group(child, child, &used));
	assert_false(usage__of_group(getpgrp(), child, &used));
	assert_false(usage__of_group(child, getpid(), &used));
	assert_false(usage__of_thread(getpid(), child, &used));
	assert_false(usage__of_thread(child, getpid(), &used));
	assert_false(usage__of_thread(child, -1, &used));
	assert_false(usage__of_group(child, 0, &used));
	assert_false(usage__of_group(child, -child, &used));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void cpus(void **state)
{
	static uint8_t busy[CPULIST_CPUS];
	struct cpulist_set set;

	(void)state;
	cpulist__allowed(&set);
	assert_false(usage__of_cpus(&set, 1000, 500, busy));
	assert_true(usage__of_cpus(&set, 1400, 500, busy));
	for (int i = 0; i < CPULIST_CPUS; i++)
		assert_true(busy[i] <= (cpulist__has(&set, i) ? 100 : 0));
	/* Too long ago. */
	assert_false(usage__of_cpus(&set, 2000, 500, busy));
	assert_true(usage__of_cpus(&set, 2001, 500, busy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedstat), cmocka_unit_test(stat_lines),
		cmocka_unit_test(threads),   cmocka_unit_test(strangers),
		cmocka_unit_test(cpus),
	};

	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
