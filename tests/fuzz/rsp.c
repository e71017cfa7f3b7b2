// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on gdb's remote protocol: bytes of a debugger and events of a machine (the one of
 * the unit tests), in any order. The input is what the debugger sends, with two shortcuts that a
 * fuzzer would hardly find, and that make the corpus readable:
 *
 *   newline	ends a packet with the right checksum
 *   ~X		something happens: see event()
 *
 * Beside what the sanitizers and the fake machine look for: frames of replies are right, each
 * command is answered unless the machine runs then, a stop is told once, and the stub knows whether
 * the machine runs.
 */
#include <stdio.h>
#include <stdlib.h>

#define FAKE_CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s is not so\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#include "debug/rsp_priv.h"
#include "../unit/fake_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_machine fresh, fake;
static struct rsp *rsp;
static unsigned int nr_packets;
static bool exited;
static unsigned int nr_events;

static void check_packet(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *hash = end - 3;
	uint8_t sum = 0;

	FAKE_CHECK(*hash == '#');
	for (; at < hash; at++) {
		FAKE_CHECK(*at != '$' && *at != '#' && *at != '*');
		sum += *at;
	}
	FAKE_CHECK(packet__digit(hash[1]) == sum >> 4 && packet__digit(hash[2]) == (sum & 15));
}

/* Packets are sent whole, also when several go at once. */
static void take(void *arg, const void *bytes, size_t len)
{
	const uint8_t *at = bytes, *end = at + len;

	(void)arg;
	FAKE_CHECK(len);
	if (len == 1) {
		FAKE_CHECK(*at == '+' || *at == '-');
		return;
	}
	while (at < end) {
		const uint8_t *hash = memchr(at, '#', end - at);

		FAKE_CHECK(*at == '$');
		FAKE_CHECK(hash && end - hash >= 3 && hash - at <= PACKET_MAX + 1);
		check_packet(at + 1, hash + 3);
		nr_packets++;
		at = hash + 3;
	}
}

static void stop(enum rsp_why why, enum rsp_point kind)
{
	static const unsigned int cpus[] = { 0, 1, 3, 1000 };
	struct rsp_stop reason = { cpus[nr_events % 4], why, kind, FAKE_BASE + nr_events };
	unsigned int before = nr_packets;
	bool told = rsp->running && !rsp->packet.acks;

	if (exited)
		return;
	fake_stop(&fake, &reason);
	FAKE_CHECK(nr_packets == before + told || rsp->packet.acks);
}

static void send_much(void)
{
	static char zeroes[5000];

	memset(zeroes, '0', sizeof(zeroes));
	rsp__receive(rsp, zeroes, sizeof(zeroes));
}

static void event(uint8_t what)
{
	nr_events++;
	switch (what) {
	case 's':
		stop(RSP_WHY_STEP, 0);
		break;
	case 'i':
		stop(RSP_WHY_ASKED, 0);
		break;
	case 'b':
		stop(RSP_WHY_BREAK, 0);
		break;
	case 'h':
		stop(RSP_WHY_HBREAK, 0);
		break;
	case 'w':
		stop(RSP_WHY_WATCH, RSP_WATCH + nr_events % 3);
		break;
	case 'p':
		stop(RSP_WHY_PANIC, 0);
		break;
	case 'e':
		exited = true;
		fake.gone = true;
		rsp__exited(rsp, nr_events);
		break;
	case 'f':
		fake.fail = fake.fail ? 0 : -EIO;
		break;
	case 't':
		fake.error = fake.error ? NULL : "#$}* no";
		break;
	case 'o':
		fake.stops_at_once = !fake.stops_at_once;
		break;
	case 'm':
		fake.output = fake.output ? 0 : 10007;
		fake.output_piece = 1 + nr_events * 997 % 8000;
		break;
	case 'l':
		send_much();
		break;
	case 'x':
		fake.regs[1].has_avx = !fake.regs[1].has_avx;
		break;
	}
}

/* A whole command with the right sum: nobody may be left waiting. */
static void end_packet(void)
{
	unsigned int before = nr_packets;
	bool acks = rsp->packet.acks, leaving;
	char end[4];

	snprintf(end, sizeof(end), "#%02x", rsp->packet.sum);
	rsp__receive(rsp, end, 3);
	leaving = rsp->leaving && !rsp->finished;
	if (!acks && nr_packets == before)
		FAKE_CHECK(rsp__running(rsp) || leaving || rsp__finished(rsp));
}

static void check(void)
{
	if (rsp__finished(rsp)) {
		FAKE_CHECK(!rsp__running(rsp));
		FAKE_CHECK(exited || fake.gone);
	} else if (!exited) {
		FAKE_CHECK(rsp__running(rsp) == !fake.standing);
	}
	FAKE_CHECK(rsp->packet.held_len <= sizeof(rsp->packet.held));
	FAKE_CHECK(rsp->packet.flight <= rsp->packet.held_len);
	FAKE_CHECK(rsp->packet.len <= PACKET_MAX);
}

static void begin(void)
{
	struct rsp_stop reason = { .cpu = 1, .why = RSP_WHY_ASKED };

	if (!fresh.standing)
		fake_init(&fresh);
	fake = fresh;
	exited = false;
	nr_events = nr_packets = 0;
	rsp = rsp__new(&fake_ops, &fake, &reason, take, &fake);
	FAKE_CHECK(rsp);
	fake.rsp = rsp;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	begin();
	for (; data < end && !rsp__finished(rsp); data++) {
		bool body = rsp->packet.state == PACKET_BODY || rsp->packet.state == PACKET_ESCAPE;

		if (*data == '~' && data + 1 < end)
			event(*++data);
		else if (*data == '\n' && body)
			end_packet();
		else
			rsp__receive(rsp, data, 1);
		check();
	}
	rsp__free(rsp);
	return 0;
}
