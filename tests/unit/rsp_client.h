/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For unit tests: a debugger that asks the fake machine's stub. Every answer's frame is checked.
 */
#ifndef TESTS_RSP_CLIENT_H
#define TESTS_RSP_CLIENT_H

#define FAKE_CHECK(condition)	assert_true(condition)

#include "debug/packet.h"
#include "debug/tdesc.h"
#include "fake_machine.h"

static struct fake_machine fake;
static struct rsp *rsp;
static char sent[16 * PACKET_FRAME];
static size_t nr_sent;
static char got[16 * PACKET_FRAME];

static inline void take(void *arg, const void *bytes, size_t len)
{
	assert_ptr_equal(arg, &fake);
	assert_true(nr_sent + len < sizeof(sent));
	memcpy(sent + nr_sent, bytes, len);
	nr_sent += len;
}

static inline void frame(const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;
	char end[4];

	for (size_t n = 0; n < len; n++)
		sum += byte[n];
	rsp__receive(rsp, "$", 1);
	rsp__receive(rsp, bytes, len);
	snprintf(end, sizeof(end), "#%02x", sum);
	rsp__receive(rsp, end, 3);
}

/* What the packets sent since the last call say, with | between them. */
static inline const char *answers(void)
{
	const char *at = sent, *end = sent + nr_sent;
	char *to = got;

	while (at < end) {
		const char *hash = memchr(at, '#', end - at);
		uint8_t sum = 0;
		char expected[4];

		assert_int_equal(*at, '$');
		assert_non_null(hash);
		assert_true(hash + 3 <= end);
		if (to > got)
			*to++ = '|';
		for (at++; at < hash; at++) {
			sum += *at;
			*to++ = *at;
		}
		snprintf(expected, sizeof(expected), "#%02x", sum);
		assert_memory_equal(hash, expected, 3);
		at = hash + 3;
	}
	*to = 0;
	nr_sent = 0;
	return got;
}

static inline const char *ask(const char *command)
{
	frame(command, strlen(command));
	return answers();
}

static inline void asks(const char *command, const char *answer)
{
	if (strcmp(ask(command), answer))
		print_error("%s: %s\n", command, got);
	assert_string_equal(got, answer);
}

static inline void fails(const char *command)
{
	if (ask(command)[0] != 'E')
		print_error("%s: %s\n", command, got);
	assert_int_equal(got[0], 'E');
}

#define FEATURES                                                  \
	"PacketSize=4000;qXfer:features:read+;swbreak+;hwbreak+;" \
			"vContSupported+;QStartNoAckMode+"

static inline int fresh(void **state)
{
	struct rsp_stop stop = { .cpu = 1, .why = RSP_WHY_ASKED };

	(void)state;
	fake_init(&fake);
	nr_sent = 0;
	rsp = rsp__new(&fake_ops, &fake, &stop, take, &fake);
	fake.rsp = rsp;
	return rsp ? 0 : -1;
}

/* As gdb does: no acknowledgements, all features. */
static inline int fresh_gdb(void **state)
{
	if (fresh(state))
		return -1;
	frame("QStartNoAckMode", 15);
	frame("qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;vContSupported+", 70);
	nr_sent = 0;
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	rsp__free(rsp);
	return 0;
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, fresh_gdb, end)

#endif
