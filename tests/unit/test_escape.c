// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal's escape key, and the control port's lines.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/escape.h"
#include "cli/wiring.h"

static int left, helped;

static void on_leave(void)
{
	left++;
}

static void on_help(void)
{
	helped++;
}

static struct escape fresh(void)
{
	left = helped = 0;
	return (struct escape){ .leave = on_leave, .help = on_help };
}

static void expect(struct escape *escape, const char *input, const char *output)
{
	uint8_t data[64];
	uint32_t len = strlen(input);

	memcpy(data, input, len);
	len = escape__filter(escape, data, len);
	assert_int_equal(len, strlen(output));
	assert_memory_equal(data, output, len);
}

static void plain(void **state)
{
	struct escape escape = fresh();
	uint8_t zero[3] = { 0, 2, 0 };

	(void)state;
	expect(&escape, "", "");
	expect(&escape, "ls -l\r\x03\x04", "ls -l\r\x03\x04");
	expect(&escape, "x?a", "x?a");
	assert_int_equal(escape__filter(&escape, zero, 3), 3);
	assert_int_equal(left + helped, 0);
}

static void leaves(void **state)
{
	struct escape escape = fresh();

	(void)state;
	expect(&escape, "abc\001xdef", "abc");
	assert_int_equal(left, 1);
	assert_int_equal(helped, 0);
}

static void helps(void **state)
{
	struct escape escape = fresh();

	(void)state;
	expect(&escape, "a\001?b\001hc", "abc");
	assert_int_equal(helped, 2);
	assert_int_equal(left, 0);
}

static void sends_itself(void **state)
{
	struct escape escape = fresh();

	(void)state;
	expect(&escape, "\001\001", "\001");
	expect(&escape, "-\001a-", "-\001-");
	/* The second of a pair doesn't begin another. */
	expect(&escape, "\001\001x", "\001x");
	assert_int_equal(left, 0);
}

static void cut_by_reads(void **state)
{
	struct escape escape = fresh();

	(void)state;
	expect(&escape, "a\001", "a");
	expect(&escape, "", "");
	expect(&escape, "\001", "\001");
	expect(&escape, "\001", "");
	expect(&escape, "x", "");
	assert_int_equal(left, 1);
}

static void unknown_key(void **state)
{
	struct escape escape = fresh();

	(void)state;
	expect(&escape, "1\001z2", "12");
	expect(&escape, "x", "x");
	assert_int_equal(left + helped, 0);
}

static void control(const char *text)
{
	wiring__control(text, strlen(text), NULL);
}

static void control_lines(void **state)
{
	char flood[300];

	(void)state;
	assert_int_equal(wiring__command_status(), -1);
	control("exit 256\nexit -1\nexit\nexit x\nexit 1x\nexxit 1\nexit \n");
	assert_int_equal(wiring__command_status(), -1);
	memset(flood, '1', sizeof(flood));
	memcpy(flood, "exit ", 5);
	wiring__control(flood, sizeof(flood), NULL);
	control("\n");
	assert_int_equal(wiring__command_status(), -1);
	control("ex");
	control("it 4");
	assert_int_equal(wiring__command_status(), -1);
	control("2\n");
	assert_int_equal(wiring__command_status(), 42);
	control("exit 0\n");
	assert_int_equal(wiring__command_status(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),	 cmocka_unit_test(leaves),
		cmocka_unit_test(helps),	 cmocka_unit_test(sends_itself),
		cmocka_unit_test(cut_by_reads),	 cmocka_unit_test(unknown_key),
		cmocka_unit_test(control_lines),
	};

	return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
