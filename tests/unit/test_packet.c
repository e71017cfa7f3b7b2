// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of gdb's remote protocol: frames, acknowledgements, escapes, and what comes broken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "debug/packet.h"

static struct packet packet;
static char sent[8 * PACKET_FRAME];
static size_t nr_sent;
static unsigned int ready, bad, interrupts;

static void take(void *arg, const void *bytes, size_t len)
{
	assert_ptr_equal(arg, &packet);
	assert_true(nr_sent + len < sizeof(sent));
	memcpy(sent + nr_sent, bytes, len);
	nr_sent += len;
	sent[nr_sent] = 0;
}

static int fresh(void **state)
{
	(void)state;
	packet__init(&packet, take, &packet);
	nr_sent = ready = bad = interrupts = 0;
	sent[0] = 0;
	return 0;
}

static int fresh_without_acks(void **state)
{
	fresh(state);
	packet.acks = false;
	return 0;
}

static void feed(const char *bytes, size_t len)
{
	for (; len; len--, bytes++) {
		switch (packet__byte(&packet, *bytes)) {
		case PACKET_READY:
			ready++;
			break;
		case PACKET_BAD:
			bad++;
			break;
		case PACKET_INTERRUPT:
			interrupts++;
			break;
		case PACKET_NOTHING:
			break;
		}
	}
}

static void feed_text(const char *text)
{
	feed(text, strlen(text));
}

/* What was sent since the last call. */
static void expect_sent(const char *text)
{
	assert_string_equal(sent, text);
	nr_sent = 0;
	sent[0] = 0;
}

static void expect_command(const char *text)
{
	assert_int_equal(ready, 1);
	assert_int_equal(bad, 0);
	assert_int_equal(packet.len, strlen(text));
	assert_memory_equal(packet.data, text, packet.len);
	ready = 0;
}

static void reply(const char *text)
{
	packet__begin(&packet);
	assert_true(packet__text(&packet, text));
	packet__end(&packet);
}

static void plain(void **state)
{
	(void)state;
	feed_text("$qC#b4");
	expect_command("qC");
	expect_sent("+");
	feed_text("$#00");
	expect_command("");
	expect_sent("+");
}

static void one_byte_at_a_time(void **state)
{
	const char *text = "$m670000400000,4#2";

	(void)state;
	for (; *text; text++) {
		feed(text, 1);
		assert_int_equal(ready + bad + interrupts, 0);
		assert_int_equal(nr_sent, 0);
	}
	feed("3", 1);
	expect_sent("-");
	assert_int_equal(ready, 0);
	feed_text("$qC#B4");
	expect_command("qC");
}

static void several_at_once(void **state)
{
	(void)state;
	feed_text("+$g#67+$?#3f\003$qC#b4");
	assert_int_equal(ready, 3);
	assert_int_equal(interrupts, 1);
	expect_sent("+++");
}

static void garbage(void **state)
{
	(void)state;
	feed_text("hello #00 }}} -+-+ \r\n\377\200");
	assert_int_equal(ready + bad + interrupts, 0);
	feed_text("$?#3f");
	expect_command("?");
	expect_sent("+");
}

/* A packet that was cut is left behind by the next one. */
static void cut(void **state)
{
	static const char *const starts[] = { "$", "$m1234", "$X1,2:}", "$m12#", "$m12#a" };

	(void)state;
	for (size_t n = 0; n < sizeof(starts) / sizeof(starts[0]); n++) {
		feed_text(starts[n]);
		feed_text("$?#3f");
		expect_command("?");
		expect_sent("+");
	}
}

static void wrong_sum(void **state)
{
	(void)state;
	feed_text("$g#66");
	expect_sent("-");
	feed_text("$g#6z");
	expect_sent("-");
	feed_text("$g#z7");
	expect_sent("-");
	assert_int_equal(ready + bad, 0);
	feed_text("$g#67");
	expect_command("g");
	expect_sent("+");
}

/* Nobody would send it again: so it must be answered. */
static void wrong_sum_without_acks(void **state)
{
	(void)state;
	feed_text("$g#66");
	assert_int_equal(bad, 1);
	assert_int_equal(ready, 0);
	expect_sent("");
}

static void escapes(void **state)
{
	const char *text = "$X0,4:}\003}\004}]}\n#00";
	uint8_t sum = 0;
	char end[4];

	(void)state;
	for (const char *c = text + 1; *c != '#'; c++)
		sum += *c;
	feed(text, strlen(text) - 2);
	snprintf(end, sizeof(end), "%02x", sum);
	feed_text(end);
	expect_command("X0,4:#$}*");
}

static void zero_and_interrupt_are_data(void **state)
{
	(void)state;
	feed("$X\0\003#5b", 7);
	assert_int_equal(ready, 1);
	assert_int_equal(interrupts, 0);
	assert_int_equal(packet.len, 3);
	assert_memory_equal(packet.data, "X\0\003", 3);
}

static void escape_of_nothing(void **state)
{
	(void)state;
	feed_text("$a}#de");
	assert_int_equal(bad, 1);
	assert_int_equal(ready, 0);
	expect_sent("+");
	feed_text("$?#3f");
	assert_int_equal(ready, 1);
}

/* count times c in a packet with the right sum. */
static void feed_many(char c, size_t count)
{
	char end[4];

	snprintf(end, sizeof(end), "#%02x", (uint8_t)(c * count));
	feed("$", 1);
	for (size_t n = 0; n < count; n++)
		feed(&c, 1);
	feed_text(end);
}

static void largest(void **state)
{
	(void)state;
	feed_many('a', PACKET_MAX);
	assert_int_equal(ready, 1);
	assert_int_equal(packet.len, PACKET_MAX);
	assert_int_equal(packet.data[PACKET_MAX - 1], 'a');
}

static void oversized(void **state)
{
	(void)state;
	feed_many('a', PACKET_MAX + 1);
	assert_int_equal(ready, 0);
	assert_int_equal(bad, 1);
	feed_many('}', 3 * PACKET_MAX);
	assert_int_equal(bad, 2);
	expect_sent("++");
	feed_text("$?#3f");
	assert_int_equal(ready, 1);
	assert_int_equal(packet.len, 1);
}

/* With a wrong sum it is asked for again like any other. */
static void oversized_and_wrong(void **state)
{
	(void)state;
	feed_text("$");
	for (size_t n = 0; n < 2 * PACKET_MAX; n++)
		feed("a", 1);
	feed_text("#01");
	assert_int_equal(ready + bad, 0);
	expect_sent("-");
}

static void interrupt(void **state)
{
	(void)state;
	feed_text("\003\003");
	assert_int_equal(interrupts, 2);
	expect_sent("");
}

static void sends_again(void **state)
{
	(void)state;
	reply("OK");
	expect_sent("$OK#9a");
	feed_text("-");
	expect_sent("$OK#9a");
	feed_text("-");
	expect_sent("$OK#9a");
	feed_text("+");
	feed_text("-");
	expect_sent("");
}

static void gives_up_sending(void **state)
{
	(void)state;
	reply("OK");
	reply("E01");
	for (unsigned int n = 0; n < 100; n++)
		feed_text("-");
	assert_true(nr_sent < 200);
	assert_non_null(strstr(sent, "$OK#9a$E01#a6"));
	assert_int_equal(packet.held_len, 0);
}

/* The second waits until the first has arrived, so that one sent again doesn't overtake it. */
static void one_in_flight(void **state)
{
	(void)state;
	reply("O41");
	reply("O42");
	reply("OK");
	expect_sent("$O41#b4");
	feed_text("-");
	expect_sent("$O41#b4");
	feed_text("+");
	expect_sent("$O42#b5");
	feed_text("-");
	expect_sent("$O42#b5");
	feed_text("+");
	expect_sent("$OK#9a");
	feed_text("+");
	expect_sent("");
}

/* A debugger that never acknowledges, but asks on, gets everything. */
static void implied(void **state)
{
	(void)state;
	reply("O41");
	reply("OK");
	expect_sent("$O41#b4");
	feed_text("$?#3f");
	expect_sent("$OK#9a+");
	reply("S05");
	expect_sent("$S05#b8");
}

static void much_unacknowledged(void **state)
{
	size_t got = 0;

	(void)state;
	for (unsigned int n = 0; n < 100; n++) {
		packet__begin(&packet);
		while (packet__text(&packet, "0123456789abcdef"))
			;
		packet__end(&packet);
		got += nr_sent;
		nr_sent = 0;
	}
	assert_true(packet.held_len <= sizeof(packet.held));
	assert_true(got > 90 * PACKET_MAX);
}

static void ends_acks(void **state)
{
	(void)state;
	feed_text("$QStartNoAckMode#b0");
	expect_sent("+");
	packet__end_acks(&packet);
	reply("OK");
	expect_sent("$OK#9a");
	feed_text("-");
	expect_sent("$OK#9a");
	feed_text("+$?#3f");
	expect_sent("");
	reply("S05");
	feed_text("-+-");
	expect_sent("$S05#b8");
	ready = 0;
	feed_text("$?#3f");
	expect_command("?");
}

/* The acknowledgement of the last reply may be left out, too. */
static void ends_acks_implied(void **state)
{
	(void)state;
	packet__end_acks(&packet);
	reply("OK");
	feed_text("$?#3f");
	expect_sent("$OK#9a");
	assert_false(packet.acks);
}

static void builds(void **state)
{
	(void)state;
	packet__begin(&packet);
	assert_int_equal(packet__room(&packet), PACKET_MAX);
	assert_true(packet__text(&packet, "T"));
	assert_true(packet__number(&packet, 5, 2));
	assert_true(packet__text(&packet, ":#$}*:"));
	assert_true(packet__number(&packet, 0xfedcba9876543210, 1));
	assert_true(packet__number(&packet, 0, 1));
	assert_true(packet__hex(&packet, "\x00\xa5\xff", 3));
	assert_true(packet__binary(&packet, "a#$}*\0z", 7));
	packet__end(&packet);
	assert_int_equal(nr_sent, 1 + 1 + 2 + 6 + 16 + 1 + 6 + 11 + 3);
	assert_memory_equal(sent, "$T05:????:fedcba9876543210000a5ffa}\003}\004}]}\n\0z#",
			    nr_sent - 2);
}

static void does_not_overflow(void **state)
{
	static uint8_t zeroes[PACKET_MAX], hashes[PACKET_MAX];

	(void)state;
	memset(hashes, '#', sizeof(hashes));
	packet__begin(&packet);
	assert_false(packet__hex(&packet, zeroes, PACKET_MAX / 2 + 1));
	assert_false(packet__binary(&packet, hashes, PACKET_MAX / 2 + 1));
	assert_int_equal(packet__room(&packet), PACKET_MAX);
	assert_true(packet__binary(&packet, hashes, PACKET_MAX / 2));
	assert_int_equal(packet__room(&packet), 0);
	assert_false(packet__binary(&packet, "a", 1));
	assert_false(packet__text(&packet, "a"));
	assert_false(packet__number(&packet, 1, 1));
	assert_false(packet__hex(&packet, "a", 1));
	assert_true(packet__text(&packet, ""));
	packet__end(&packet);
	assert_int_equal(nr_sent, PACKET_FRAME);
}

/* What we build is what we read. */
static void round_trip(void **state)
{
	uint8_t bytes[256];

	(void)state;
	for (unsigned int n = 0; n < 256; n++)
		bytes[n] = n;
	packet__begin(&packet);
	packet__binary(&packet, bytes, sizeof(bytes));
	packet__end(&packet);
	feed(sent, nr_sent);
	assert_int_equal(ready, 1);
	assert_int_equal(packet.len, 256);
	assert_memory_equal(packet.data, bytes, 256);
}

static struct packet_reader reader_of(const char *text)
{
	return (struct packet_reader){ (const uint8_t *)text,
				       (const uint8_t *)text + strlen(text) };
}

static void takes_apart(void **state)
{
	struct packet_reader reader = reader_of("qXfer:12aB,0:00fF7");
	uint64_t number = 99;
	uint8_t bytes[2] = { 1, 1 };

	(void)state;
	assert_false(packet__take(&reader, "qXfer;"));
	assert_true(packet__take(&reader, "qXfer"));
	assert_false(packet__take_number(&reader, &number));
	assert_true(packet__take(&reader, ":"));
	assert_true(packet__take_number(&reader, &number));
	assert_int_equal(number, 0x12ab);
	assert_true(packet__take(&reader, ","));
	assert_true(packet__take_number(&reader, &number));
	assert_int_equal(number, 0);
	assert_true(packet__take(&reader, ":"));
	assert_int_equal(packet__left(&reader), 5);
	assert_true(packet__take_hex(&reader, bytes, 2));
	assert_int_equal(bytes[0], 0);
	assert_int_equal(bytes[1], 0xff);
	assert_false(packet__take_hex(&reader, bytes, 1));
	assert_int_equal(packet__left(&reader), 1);
	assert_false(packet__take(&reader, "77"));
	assert_true(packet__take(&reader, ""));
}

static void numbers(void **state)
{
	struct packet_reader reader = reader_of("ffffffffffffffff");
	uint64_t number = 7;

	(void)state;
	assert_true(packet__take_number(&reader, &number));
	assert_true(number == UINT64_MAX);
	reader = reader_of("10000000000000000");
	number = 7;
	assert_false(packet__take_number(&reader, &number));
	assert_int_equal(number, 7);
	assert_int_equal(packet__left(&reader), 17);
	reader = reader_of("00000000000000000001");
	assert_true(packet__take_number(&reader, &number));
	assert_int_equal(number, 1);
	reader = reader_of("");
	assert_false(packet__take_number(&reader, &number));
	reader = reader_of("0g");
	assert_false(packet__take_hex(&reader, (uint8_t *)&number, 1));
	assert_false(packet__take_hex(&reader, (uint8_t *)&number, SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(plain, fresh),
		cmocka_unit_test_setup(one_byte_at_a_time, fresh),
		cmocka_unit_test_setup(several_at_once, fresh),
		cmocka_unit_test_setup(garbage, fresh),
		cmocka_unit_test_setup(cut, fresh),
		cmocka_unit_test_setup(wrong_sum, fresh),
		cmocka_unit_test_setup(wrong_sum_without_acks, fresh_without_acks),
		cmocka_unit_test_setup(escapes, fresh),
		cmocka_unit_test_setup(zero_and_interrupt_are_data, fresh),
		cmocka_unit_test_setup(escape_of_nothing, fresh),
		cmocka_unit_test_setup(largest, fresh),
		cmocka_unit_test_setup(oversized, fresh),
		cmocka_unit_test_setup(oversized_and_wrong, fresh),
		cmocka_unit_test_setup(interrupt, fresh),
		cmocka_unit_test_setup(sends_again, fresh),
		cmocka_unit_test_setup(gives_up_sending, fresh),
		cmocka_unit_test_setup(one_in_flight, fresh),
		cmocka_unit_test_setup(implied, fresh),
		cmocka_unit_test_setup(much_unacknowledged, fresh),
		cmocka_unit_test_setup(ends_acks, fresh),
		cmocka_unit_test_setup(ends_acks_implied, fresh),
		cmocka_unit_test_setup(builds, fresh_without_acks),
		cmocka_unit_test_setup(does_not_overflow, fresh_without_acks),
		cmocka_unit_test_setup(round_trip, fresh_without_acks),
		cmocka_unit_test(takes_apart),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
