// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of gdb's remote protocol; see packet.h.
 *
 * $ and # stand in a packet only as its frame (data that has them is escaped), so a $ always
 * begins a packet, whatever came before: that is how a cut packet or garbage is left behind.
 */
#include "debug/packet.h"

#include <string.h>

#define ESCAPE		'}'
#define ESCAPE_FLIP	0x20
#define INTERRUPT	0x03

/* How often gdb may ask for the same packet again before we go on with the next one. */
#define RESENDS_MAX	8

void packet__init(struct packet *packet, void (*send)(void *arg, const void *bytes, size_t len),
		  void *send_arg)
{
	memset(packet, 0, sizeof(*packet));
	packet->send = send;
	packet->send_arg = send_arg;
	packet->acks = true;
}

int packet__digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* ---- going out ---- */

static void send_first(struct packet *packet)
{
	const uint8_t *end = memchr(packet->held, '#', packet->held_len);

	packet->resent = 0;
	packet->flight = end ? end - packet->held + 3 : 0;
	if (packet->flight)
		packet->send(packet->send_arg, packet->held, packet->flight);
}

static void drop_first(struct packet *packet)
{
	packet->held_len -= packet->flight;
	memmove(packet->held, packet->held + packet->flight, packet->held_len);
	packet->flight = 0;
}

/* Everything that was held has arrived, or nobody wants to tell us. */
static void release(struct packet *packet)
{
	if (packet->held_len > packet->flight)
		packet->send(packet->send_arg, packet->held + packet->flight,
			     packet->held_len - packet->flight);
	packet->held_len = packet->flight = 0;
}

static void stop_acks(struct packet *packet)
{
	if (packet->acks_end)
		packet->acks = packet->acks_end = false;
}

static void acknowledged(struct packet *packet, bool well)
{
	if (!packet->acks || !packet->flight)
		return;
	if (!well && packet->resent < RESENDS_MAX) {
		packet->resent++;
		packet->send(packet->send_arg, packet->held, packet->flight);
		return;
	}
	drop_first(packet);
	send_first(packet);
	if (!packet->held_len)
		stop_acks(packet);
}

void packet__end_acks(struct packet *packet)
{
	packet->acks_end = packet->acks;
}

void packet__begin(struct packet *packet)
{
	packet->out[0] = '$';
	packet->out_len = 1;
	packet->out_sum = 0;
}

size_t packet__room(const struct packet *packet)
{
	return PACKET_MAX + 1 - packet->out_len;
}

static void put(struct packet *packet, uint8_t byte)
{
	packet->out[packet->out_len++] = byte;
	packet->out_sum += byte;
}

/* '*' would be a run length. */
static bool special(uint8_t byte)
{
	return byte == '$' || byte == '#' || byte == '*' || byte == ESCAPE;
}

bool packet__text(struct packet *packet, const char *text)
{
	if (strlen(text) > packet__room(packet))
		return false;
	for (; *text; text++)
		put(packet, special(*text) ? '?' : *text);
	return true;
}

bool packet__hex(struct packet *packet, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = bytes;

	if (len > packet__room(packet) / 2)
		return false;
	for (; len; len--, byte++) {
		put(packet, digits[*byte >> 4]);
		put(packet, digits[*byte & 15]);
	}
	return true;
}

bool packet__number(struct packet *packet, uint64_t number, unsigned int digits)
{
	if (packet__room(packet) < 16)
		return false;
	while (digits < 16 && number >> (digits * 4))
		digits++;
	while (digits--)
		put(packet, "0123456789abcdef"[number >> (digits * 4) & 15]);
	return true;
}

bool packet__binary(struct packet *packet, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	size_t wanted = len;

	for (size_t n = 0; n < len; n++)
		wanted += special(byte[n]);
	if (wanted > packet__room(packet))
		return false;
	for (; len; len--, byte++) {
		if (special(*byte))
			put(packet, ESCAPE);
		put(packet, special(*byte) ? *byte ^ ESCAPE_FLIP : *byte);
	}
	return true;
}

void packet__end(struct packet *packet)
{
	uint8_t sum = packet->out_sum;

	packet->out[packet->out_len++] = '#';
	packet->out[packet->out_len++] = "0123456789abcdef"[sum >> 4];
	packet->out[packet->out_len++] = "0123456789abcdef"[sum & 15];
	if (!packet->acks) {
		packet->send(packet->send_arg, packet->out, packet->out_len);
		return;
	}
	if (packet->held_len + packet->out_len > sizeof(packet->held))
		release(packet);
	memcpy(packet->held + packet->held_len, packet->out, packet->out_len);
	packet->held_len += packet->out_len;
	if (!packet->flight)
		send_first(packet);
}

/* ---- coming in ---- */

static void begin_command(struct packet *packet)
{
	packet->state = PACKET_BODY;
	packet->len = packet->raw = 0;
	packet->sum = 0;
	packet->spoilt = false;
}

static void add(struct packet *packet, uint8_t byte)
{
	packet->sum += byte;
	if (++packet->raw > PACKET_MAX) {
		packet->spoilt = true;
	} else if (packet->state == PACKET_ESCAPE) {
		packet->data[packet->len++] = byte ^ ESCAPE_FLIP;
		packet->state = PACKET_BODY;
	} else if (byte == ESCAPE) {
		packet->state = PACKET_ESCAPE;
	} else {
		packet->data[packet->len++] = byte;
	}
}

static enum packet_event end_command(struct packet *packet, int digit)
{
	bool well = packet->sum_digit >= 0 && digit >= 0 &&
		    packet->sum == (packet->sum_digit << 4 | digit);

	packet->state = PACKET_OUTSIDE;
	if (packet->acks && !well) {
		packet->send(packet->send_arg, "-", 1);
		return PACKET_NOTHING;
	}
	if (packet->acks) {
		/* gdb asks on, so it has what was sent, even if it didn't say so. */
		release(packet);
		stop_acks(packet);
	}
	if (packet->acks)
		packet->send(packet->send_arg, "+", 1);
	return well && !packet->spoilt ? PACKET_READY : PACKET_BAD;
}

static void outside(struct packet *packet, uint8_t byte)
{
	if (byte == '+' || byte == '-')
		acknowledged(packet, byte == '+');
}

enum packet_event packet__byte(struct packet *packet, uint8_t byte)
{
	if (byte == '$') {
		begin_command(packet);
		return PACKET_NOTHING;
	}
	switch (packet->state) {
	case PACKET_OUTSIDE:
		if (byte == INTERRUPT)
			return PACKET_INTERRUPT;
		outside(packet, byte);
		break;
	case PACKET_BODY:
	case PACKET_ESCAPE:
		if (byte != '#') {
			add(packet, byte);
			break;
		}
		packet->spoilt |= packet->state == PACKET_ESCAPE;
		packet->state = PACKET_SUM1;
		break;
	case PACKET_SUM1:
		packet->sum_digit = packet__digit(byte);
		packet->state = PACKET_SUM2;
		break;
	case PACKET_SUM2:
		return end_command(packet, packet__digit(byte));
	}
	return PACKET_NOTHING;
}

/* ---- taking a command apart ---- */

size_t packet__left(const struct packet_reader *reader)
{
	return reader->end - reader->at;
}

bool packet__take(struct packet_reader *reader, const char *text)
{
	size_t len = strlen(text);

	if (packet__left(reader) < len || memcmp(reader->at, text, len))
		return false;
	reader->at += len;
	return true;
}

bool packet__take_number(struct packet_reader *reader, uint64_t *number)
{
	const uint8_t *at = reader->at;
	uint64_t value = 0;

	for (; at < reader->end && packet__digit(*at) >= 0; at++) {
		if (value >> 60)
			return false;
		value = value << 4 | packet__digit(*at);
	}
	if (at == reader->at)
		return false;
	reader->at = at;
	*number = value;
	return true;
}

bool packet__take_hex(struct packet_reader *reader, uint8_t *bytes, size_t len)
{
	if (len > packet__left(reader) / 2)
		return false;
	for (size_t n = 0; n < len; n++) {
		int high = packet__digit(reader->at[2 * n]);
		int low = packet__digit(reader->at[2 * n + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[n] = high << 4 | low;
	}
	reader->at += 2 * len;
	return true;
}
