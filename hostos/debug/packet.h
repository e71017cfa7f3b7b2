/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of gdb's remote protocol: bytes to commands and back. Framing, checksums,
 * acknowledgements and escapes; what a command means is rsp.c's.
 */
#ifndef HOSTOS_PACKET_H
#define HOSTOS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters between $ and #, escapes counted as they are sent; what PacketSize tells gdb. */
#define PACKET_MAX	0x4000
#define PACKET_FRAME	(PACKET_MAX + 4)

enum packet_event {
	PACKET_NOTHING,
	PACKET_READY,			/* a command is in data, len */
	PACKET_BAD,			/* one that can't be taken came, and expects an answer */
	PACKET_INTERRUPT,		/* Ctrl-C */
};

struct packet {
	void (*send)(void *arg, const void *bytes, size_t len);
	void *send_arg;

	/* The command that comes in. */
	uint8_t data[PACKET_MAX];
	size_t len;
	size_t raw;			/* its characters before escapes are taken */
	enum { PACKET_OUTSIDE, PACKET_BODY, PACKET_ESCAPE, PACKET_SUM1, PACKET_SUM2 } state;
	uint8_t sum;
	int sum_digit;			/* -1: not a digit */
	bool spoilt;

	/* The reply that is built. */
	uint8_t out[PACKET_FRAME];
	size_t out_len;
	uint8_t out_sum;

	/* Replies that wait for their acknowledgement; only the first of them is sent. */
	uint8_t held[4 * PACKET_FRAME];
	size_t held_len;
	size_t flight;			/* bytes of the first, 0: none */
	unsigned int resent;
	bool acks;			/* both sides acknowledge */
	bool acks_end;			/* no more, once what was sent is acknowledged */
};

void packet__init(struct packet *packet, void (*send)(void *arg, const void *bytes, size_t len),
		  void *send_arg);

/* The next byte from gdb. Acknowledgements are given and taken here. */
enum packet_event packet__byte(struct packet *packet, uint8_t byte);

/* The reply that is sent next is the last one that is acknowledged. */
void packet__end_acks(struct packet *packet);

/*
 * A reply: begin, any number of the others, end. What doesn't fit any more is left out whole
 * (false). Text: bytes that mean something to the framing become '?'.
 */
void packet__begin(struct packet *packet);
bool packet__text(struct packet *packet, const char *text);
bool packet__hex(struct packet *packet, const void *bytes, size_t len);
bool packet__number(struct packet *packet, uint64_t number, unsigned int digits);
bool packet__binary(struct packet *packet, const void *bytes, size_t len);
size_t packet__room(const struct packet *packet);
void packet__end(struct packet *packet);

/* Taking a command apart: each takes what it is asked for and tells whether that was there. */
struct packet_reader {
	const uint8_t *at;
	const uint8_t *end;
};

size_t packet__left(const struct packet_reader *reader);
bool packet__take(struct packet_reader *reader, const char *text);
bool packet__take_number(struct packet_reader *reader, uint64_t *number);
bool packet__take_hex(struct packet_reader *reader, uint8_t *bytes, size_t len);

/* Value of a hexadecimal digit, -1 when it isn't one. */
int packet__digit(uint8_t c);

#endif
