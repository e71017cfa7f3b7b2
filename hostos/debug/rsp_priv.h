/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the remote protocol share: rsp.c (the connection, stops and resuming),
 * rsp_data.c (registers, memory, points), rsp_query.c (queries, threads, settings).
 */
#ifndef HOSTOS_RSP_PRIV_H
#define HOSTOS_RSP_PRIV_H

#include "debug/packet.h"
#include "debug/rsp.h"
#include "debug/tdesc.h"

/* Longest line of `monitor`. */
#define RSP_LINE_MAX	1024

enum rsp_avx { RSP_AVX_UNKNOWN, RSP_AVX_NO, RSP_AVX_YES };

struct rsp {
	const struct rsp_ops *ops;
	void *arg;
	struct packet packet;

	bool running;			/* gdb waits for a stop */
	bool leaving;			/* it detaches as soon as the machine stands */
	bool finished;
	bool exited;
	int status;
	struct rsp_stop stop;		/* the last one that gdb knows */
	unsigned int cpu;		/* Hg: whose registers and memory */
	int resumed_cpu;		/* Hc: -1 all */

	bool swbreak, hwbreak;		/* what gdb understands in a stop */
	enum rsp_avx avx;		/* fixed for a connection, as the description is */

	/* Room for what a command carries. */
	uint8_t bytes[PACKET_MAX];
};

/* A thread id as gdb writes it. */
#define RSP_THREAD_ALL	(-1)
#define RSP_THREAD_ANY	(-2)

bool rsp_take_thread(struct packet_reader *args, int *cpu);
bool rsp_alive(const struct rsp *rsp, int cpu);

/* Whole replies. */
void rsp_reply(struct rsp *rsp, const char *text);
void rsp_reply_error(struct rsp *rsp, int err);
/* Only where gdb takes text for an error: not for m, qRcmd and qXfer. */
void rsp_refuse(struct rsp *rsp, const char *text);
/* text if there is one, else the number. */
void rsp_reply_failed(struct rsp *rsp, int err, const char *text);
void rsp_malformed(struct rsp *rsp);

bool rsp_has_avx(struct rsp *rsp);

typedef void rsp_command(struct rsp *rsp, struct packet_reader *args);

rsp_command rsp_read_all, rsp_write_all, rsp_read_one, rsp_write_one;
rsp_command rsp_read_memory, rsp_write_hex, rsp_write_binary;
rsp_command rsp_insert, rsp_remove;

rsp_command rsp_supported, rsp_features, rsp_monitor, rsp_threads, rsp_thread_text;
rsp_command rsp_current, rsp_select, rsp_thread_alive;

#endif
