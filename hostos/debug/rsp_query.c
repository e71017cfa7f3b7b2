// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's remote protocol: what both sides can do, threads, the target description, `monitor`.
 */
#include "debug/rsp_priv.h"

#include <errno.h>
#include <string.h>

/* Text of `monitor` goes to gdb in packets of about this many bytes. */
#define OUTPUT_CHUNK	2048

static bool take_feature(struct packet_reader *args, const char *name)
{
	size_t len = strlen(name);
	const uint8_t *at = args->at;

	return packet__left(args) >= len && !memcmp(at, name, len) &&
	       (packet__left(args) == len || at[len] == ';');
}

void rsp_supported(struct rsp *rsp, struct packet_reader *args)
{
	rsp->swbreak = rsp->hwbreak = false;
	while (packet__left(args)) {
		args->at++;		/* the ':' or ';' in front */
		rsp->swbreak |= take_feature(args, "swbreak+");
		rsp->hwbreak |= take_feature(args, "hwbreak+");
		while (packet__left(args) && *args->at != ';')
			args->at++;
	}
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, "PacketSize=");
	packet__number(&rsp->packet, PACKET_MAX, 1);
	packet__text(&rsp->packet, ";qXfer:features:read+;swbreak+;hwbreak+;vContSupported+;"
				   "QStartNoAckMode+");
	packet__end(&rsp->packet);
}

/* ---- threads ---- */

/* All in one answer; the next one says that there are no more. */
void rsp_threads(struct rsp *rsp, struct packet_reader *args)
{
	const char *before = "m";

	if (packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	packet__begin(&rsp->packet);
	for (int cpu = 0; cpu < RSP_MAX_CPUS; cpu++) {
		if (!rsp_alive(rsp, cpu))
			continue;
		packet__text(&rsp->packet, before);
		packet__number(&rsp->packet, cpu + 1, 1);
		before = ",";
	}
	if (*before == 'm')
		packet__text(&rsp->packet, "l");
	packet__end(&rsp->packet);
}

void rsp_thread_text(struct rsp *rsp, struct packet_reader *args)
{
	char text[256] = "";
	int cpu;

	if (!packet__take(args, ",") || !rsp_take_thread(args, &cpu) || packet__left(args) ||
	    !rsp_alive(rsp, cpu)) {
		rsp_malformed(rsp);
		return;
	}
	rsp->ops->describe(rsp->arg, cpu, text, sizeof(text));
	text[sizeof(text) - 1] = 0;
	packet__begin(&rsp->packet);
	packet__hex(&rsp->packet, text, strlen(text));
	packet__end(&rsp->packet);
}

void rsp_current(struct rsp *rsp, struct packet_reader *args)
{
	if (packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, "QC");
	packet__number(&rsp->packet, rsp->cpu + 1, 1);
	packet__end(&rsp->packet);
}

void rsp_thread_alive(struct rsp *rsp, struct packet_reader *args)
{
	int cpu;

	if (!rsp_take_thread(args, &cpu) || packet__left(args) || !rsp_alive(rsp, cpu))
		rsp_malformed(rsp);
	else
		rsp_reply(rsp, "OK");
}

/* Hg: whose registers and memory are meant from now on; Hc: who runs at c and s. */
void rsp_select(struct rsp *rsp, struct packet_reader *args)
{
	bool general = packet__take(args, "g");
	int cpu;

	if ((!general && !packet__take(args, "c")) || !rsp_take_thread(args, &cpu) ||
	    packet__left(args) || (cpu >= 0 && !rsp_alive(rsp, cpu))) {
		rsp_malformed(rsp);
		return;
	}
	if (!general)
		rsp->resumed_cpu = cpu < 0 ? RSP_THREAD_ALL : cpu;
	else
		rsp->cpu = cpu < 0 ? rsp->stop.cpu : (unsigned int)cpu;
	rsp_reply(rsp, "OK");
}

/* ---- the target description ---- */

void rsp_features(struct rsp *rsp, struct packet_reader *args)
{
	char xml[TDESC_XML_MAX];
	uint64_t offset, wanted;
	size_t len, end;

	if (!packet__take(args, ":features:read:")) {
		rsp_reply(rsp, "");
		return;
	}
	/* E00 for what there isn't, as gdb has it. */
	if (!packet__take(args, "target.xml:")) {
		rsp_reply(rsp, "E00");
		return;
	}
	if (!packet__take_number(args, &offset) || !packet__take(args, ",") ||
	    !packet__take_number(args, &wanted) || packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	len = tdesc__xml(rsp_has_avx(rsp), xml);
	if (offset > len) {
		rsp_malformed(rsp);
		return;
	}
	/* Twice the bytes and the letter in front always fit. */
	if (wanted > PACKET_MAX / 2 - 1)
		wanted = PACKET_MAX / 2 - 1;
	end = wanted < len - offset ? offset + wanted : len;
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, end < len ? "m" : "l");
	packet__binary(&rsp->packet, xml + offset, end - offset);
	packet__end(&rsp->packet);
}

/* ---- monitor ---- */

/* An O packet is kept open while text comes. */
static void output(void *arg, const char *text, size_t len)
{
	struct rsp *rsp = arg;

	while (len) {
		size_t room = packet__room(&rsp->packet) - (PACKET_MAX - 2 * OUTPUT_CHUNK);
		size_t part = len < room / 2 ? len : room / 2;

		packet__hex(&rsp->packet, text, part);
		text += part;
		len -= part;
		if (room - 2 * part < 2) {
			packet__end(&rsp->packet);
			packet__begin(&rsp->packet);
			packet__text(&rsp->packet, "O");
		}
	}
}

void rsp_monitor(struct rsp *rsp, struct packet_reader *args)
{
	char line[RSP_LINE_MAX];
	size_t len;

	if (!packet__take(args, ",") || packet__left(args) % 2 ||
	    packet__left(args) / 2 >= sizeof(line)) {
		rsp_malformed(rsp);
		return;
	}
	len = packet__left(args) / 2;
	if (!packet__take_hex(args, (uint8_t *)line, len) || memchr(line, 0, len)) {
		rsp_malformed(rsp);
		return;
	}
	line[len] = 0;
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, "O");
	rsp->ops->command(rsp->arg, rsp->cpu, line, output, rsp);
	if (packet__room(&rsp->packet) < PACKET_MAX - 1)
		packet__end(&rsp->packet);
	rsp_reply(rsp, "OK");
}
