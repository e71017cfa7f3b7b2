/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside virtio-console: ports and the device that they belong to.
 */
#ifndef HOSTOS_DEV_CONSOLE_PORT_H
#define HOSTOS_DEV_CONSOLE_PORT_H

#include "dev/console_host.h"
#include "dev/dev.h"
#include "dev/virtio.h"

#define CONSOLE_MAX_PORTS	15	/* two queues each, and two for control messages */
#define CONSOLE_NAME_SIZE	32
#define CONSOLE_INPUT_SIZE	(16 * 1024)

struct console;

/* Control messages that a port owes the guest, in the order in which they are sent. */
enum console_want {
	CONSOLE_WANT_ADD	= 1 << 0,
	CONSOLE_WANT_CONSOLE	= 1 << 1,
	CONSOLE_WANT_NAME	= 1 << 2,
	CONSOLE_WANT_RESIZE	= 1 << 3,
	CONSOLE_WANT_OPEN	= 1 << 4,
	CONSOLE_WANT_REMOVE	= 1 << 5,
};

struct console_port {
	struct console *console;
	struct console_port_config config;
	char name[CONSOLE_NAME_SIZE];
	unsigned int id;
	struct queue *rx, *tx;		/* to the guest, from the guest */
	struct console_host in, out;
	unsigned int want;		/* enum console_want */
	bool guest_ready;		/* the driver knows the port */
	bool guest_open;		/* somebody in the guest has it open */
	bool host_open;			/* what PORT_OPEN tells the guest */
	bool removed;

	bool in_watched, in_eof;
	struct loop_timer *end_timer;	/* repeats the end for a filter */
	uint32_t in_start, in_len;	/* of in_buf: read, not yet delivered */
	unsigned int rx_full;		/* buffers in rx when the guest has taken all input */

	bool out_watched;
	bool out_failed;		/* output is thrown away */
	bool tx_held;			/* tx_chain is being written, tx_done bytes of it are */
	uint32_t tx_done;
	struct queue_chain tx_chain;

	uint8_t in_buf[CONSOLE_INPUT_SIZE];
};

/* 0 or -errno, nothing printed. */
int console_port__init(struct console_port *port, const struct console_port_config *config);
void console_port__close(struct console_port *port);

/* Moves data as far as both sides allow, and watches the host's side when it is what stops it. */
void console_port__input(struct console_port *port);
void console_port__output(struct console_port *port);

/* Writes what can be written now; true when nothing of the guest's is left. */
bool console_port__flush(struct console_port *port);

/* The guest opened or closed its end. */
void console_port__set_open(struct console_port *port, bool open);

/* The driver is gone: forget its buffers. */
void console_port__reset(struct console_port *port);

/* First error of any port's output, 0: none. */
int console_port__error(void);

/* console.c: sends what ports owe. */
void console__send_control(struct console *console);

#endif
