// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data of one console port, with flow control in both directions: input is read from the
 * host only when the guest has room for it, and output stays in the guest's
 * buffers until the host has taken it. So nothing is lost and nothing grows.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "dev/console_port.h"
#include "vm/loop.h"
#include "vm/msg.h"

#define EOF_ROOM	8	/* bytes a filter may add at the end of input */
#define SINK_CHUNK	4096
#define REPEAT_NS	50000000ull
#define BUDGET		64	/* writes before other devices get a turn */

static int first_error;

int console_port__error(void)
{
	return first_error;
}

/* ---- host to guest ----------------------------------------------------- */

static void input_ready(int fd, uint32_t events, void *arg);

static bool has_filter(const struct console_port *port)
{
	return port->config.filter;
}

static uint32_t input_room(const struct console_port *port)
{
	return CONSOLE_INPUT_SIZE - port->in_len;
}

static bool guest_takes_input(struct console_port *port)
{
	return port->guest_open && virtio__running(port->rx->dev) && !dev__held();
}

/* A filter on a terminal must see the escape key also while the guest takes no input. */
static bool wants_input(struct console_port *port)
{
	if (port->in.fd < 0 || port->in_eof || port->removed)
		return false;
	if (has_filter(port))
		return port->in.terminal || input_room(port) > EOF_ROOM;
	return port->in_len == 0 && guest_takes_input(port) && queue__waiting(port->rx) > 0;
}

static void watch_input(struct console_port *port)
{
	bool want = wants_input(port);

	if (want == port->in_watched)
		return;
	if (!want)
		loop__del_fd(port->in.fd);
	else if (loop__add_fd(port->in.fd, EPOLLIN, input_ready, port))
		return;
	port->in_watched = want;
}

static void deliver(struct console_port *port)
{
	struct queue_chain chain;

	while (port->in_len && guest_takes_input(port) && queue__next(port->rx, &chain) > 0) {
		uint32_t n = queue__copy_in(&chain, 0, port->in_buf + port->in_start, port->in_len);

		if (n == 0) {
			virtio__break(port->rx->dev, "queue %u: a buffer for input has no room",
				      port->rx->index);
			return;
		}
		queue__push(port->rx, chain.head, n);
		port->in_start += n;
		port->in_len -= n;
	}
	if (port->in_len == 0)
		port->in_start = 0;
	virtio__interrupt(port->rx->dev, port->rx);
}

/*
 * Tells the guest of the end of input. A reader in the guest that finds no data looks at
 * the connection next, and would take data that arrives between the two looks for lost; so the end
 * is told only when the guest has given back every buffer, having read them all.
 */
static void tell_eof(struct console_port *port)
{
	if (!port->in_eof || port->in_len || !port->host_open || port->removed)
		return;
	if (guest_takes_input(port) && queue__waiting(port->rx) < port->rx_full)
		return;
	port->host_open = false;
	if (port->guest_ready) {
		port->want |= CONSOLE_WANT_OPEN;
		console__send_control(port->console);
	}
}

void console_port__input(struct console_port *port)
{
	deliver(port);
	tell_eof(port);
	watch_input(port);
}

/*
 * A terminal has no lasting end: each program takes a Ctrl-D of its own, and what was typed
 * ahead of a change of the terminal's mode is none any more. So it comes again.
 */
static void repeat_end(void *arg)
{
	struct console_port *port = arg;

	if (!port->in_len)
		port->in_len = port->config.filter(port->in_buf, 0, port->config.arg);
	console_port__input(port);
	loop__timer_set(port->end_timer, REPEAT_NS);
}

static void end_input(struct console_port *port)
{
	port->in_eof = true;
	if (port->in_watched)
		loop__del_fd(port->in.fd);
	port->in_watched = false;
	if (has_filter(port) && input_room(port) >= EOF_ROOM)
		port->in_len += port->config.filter(port->in_buf + port->in_start + port->in_len, 0,
						    port->config.arg);
	if (has_filter(port) && !port->end_timer) {
		port->end_timer = loop__timer_new(repeat_end, port);
		if (port->end_timer)
			loop__timer_set(port->end_timer, REPEAT_NS);
	}
}

static void input_ready(int fd, uint32_t events, void *arg)
{
	struct console_port *port = arg;
	uint8_t overflow[256], *to;
	uint32_t room;
	ssize_t n;

	(void)fd;
	(void)events;
	if (port->in_start) {
		memmove(port->in_buf, port->in_buf + port->in_start, port->in_len);
		port->in_start = 0;
	}
	to = port->in_buf + port->in_len;
	room = input_room(port);
	if (has_filter(port)) {
		/* Typing into a guest that takes nothing: as in a terminal, the rest is dropped. */
		if (room <= EOF_ROOM) {
			to = overflow;
			room = sizeof(overflow);
		} else {
			room -= EOF_ROOM;
		}
	}
	n = console_host__read(&port->in, to, room);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		end_input(port);
	} else {
		if (has_filter(port))
			n = port->config.filter(to, n, port->config.arg);
		if (to != overflow)
			port->in_len += n;
	}
	console_port__input(port);
}

/* ---- guest to host ----------------------------------------------------- */

static void output_ready(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	console_port__output(arg);
}

static void watch_output(struct console_port *port, bool want)
{
	if (want == port->out_watched)
		return;
	if (!want)
		loop__del_fd(port->out.fd);
	else if (loop__add_fd(port->out.fd, EPOLLOUT, output_ready, port))
		return;
	port->out_watched = want;
}

/*
 * Nobody will ever take this port's output: what still comes is thrown away, so that the
 * guest does not wait for it. When the reader has gone, the guest's writers should hear of it
 * as in a pipe; Linux gives them ENODEV when the port is removed, and makes
 * them wait for ever when it is only closed.
 */
static void fail_output(struct console_port *port, int err)
{
	port->out_failed = true;
	if (err == EPIPE) {
		if (port->id != 0 && port->in.fd < 0 && port->guest_ready) {
			port->want |= CONSOLE_WANT_REMOVE;
			console__send_control(port->console);
		}
		return;
	}
	if (!first_error)
		first_error = err;
	msg__error("output of the guest's %s: %s; the rest of it is lost; %s", port->name,
		   strerror(err),
		   err == ENOSPC || err == EDQUOT || err == EFBIG ?
			   "make room for it and run again" :
			   "check where it goes and run again");
}

static void give_sink(struct console_port *port)
{
	uint8_t copy[SINK_CHUNK];
	uint32_t n = queue__copy_out(&port->tx_chain, port->tx_done, copy, sizeof(copy));

	port->config.sink(copy, n, port->config.arg);
	port->tx_done += n;
}

/* The next n bytes are done. What the tee sees may differ from them: the guest may rewrite both. */
static void advance(struct console_port *port, uint32_t n)
{
	uint32_t end = port->tx_done + n;
	uint8_t copy[SINK_CHUNK];

	while (port->config.tee && port->tx_done < end) {
		uint32_t part = end - port->tx_done;

		part = queue__copy_out(&port->tx_chain, port->tx_done, copy,
				       part < sizeof(copy) ? part : sizeof(copy));
		port->config.tee(copy, part, port->config.arg);
		port->tx_done += part;
	}
	port->tx_done = end;
}

/* One step of writing tx_chain; false when the host has to be waited for. */
static bool write_some(struct console_port *port)
{
	struct queue_chain *chain = &port->tx_chain;
	struct iovec iov[QUEUE_MAX_CHAIN];
	unsigned int nr;
	ssize_t n;

	if (port->config.sink) {
		give_sink(port);
		return true;
	}
	if (port->out.fd < 0 || port->out_failed) {
		advance(port, chain->out_bytes - port->tx_done);
		return true;
	}
	nr = queue__slice(iov, chain->iov, chain->nr_out, port->tx_done, port->out.chunk);
	n = console_host__write(&port->out, iov, nr);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		fail_output(port, -n);
	else
		advance(port, n);
	return true;
}

/* Writes the next part of the guest's data; false when there is none or the host is full. */
static bool output_step(struct console_port *port, bool *blocked)
{
	if (!port->tx_held) {
		if (queue__next(port->tx, &port->tx_chain) <= 0)
			return false;
		port->tx_held = true;
		port->tx_done = 0;
	}
	if (port->tx_done < port->tx_chain.out_bytes && !write_some(port)) {
		*blocked = true;
		return false;
	}
	if (port->tx_done >= port->tx_chain.out_bytes) {
		port->tx_held = false;
		queue__push(port->tx, port->tx_chain.head, 0);
	}
	return true;
}

void console_port__output(struct console_port *port)
{
	struct virtio_dev *dev = port->tx->dev;
	unsigned int budget = BUDGET;
	bool blocked = false;

	while (budget && virtio__running(dev) && output_step(port, &blocked))
		budget--;
	virtio__interrupt(dev, port->tx);
	watch_output(port, blocked);
	if (!budget)
		virtio__again(dev, port->tx->index);
	virtio__settled(dev);
}

bool console_port__flush(struct console_port *port)
{
	if (!virtio__running(port->tx->dev) || !port->tx->ready)
		return true;
	console_port__output(port);
	return !port->tx_held && !queue__waiting(port->tx);
}

/* ---- life -------------------------------------------------------------- */

void console_port__set_open(struct console_port *port, bool open)
{
	port->guest_open = open;
	if (open) {
		unsigned int waiting = queue__waiting(port->rx);

		if (waiting > port->rx_full)
			port->rx_full = waiting;
	}
	console_port__input(port);
}

void console_port__reset(struct console_port *port)
{
	port->guest_ready = false;
	port->guest_open = false;
	port->tx_held = false;
	port->rx_full = 0;
	port->want = 0;
	watch_output(port, false);
	watch_input(port);
}

int console_port__init(struct console_port *port, const struct console_port_config *config)
{
	int err;

	port->config = *config;
	snprintf(port->name, sizeof(port->name), "%s", config->name ? config->name : "console");
	port->config.name = port->name;
	port->out.fd = -1;
	err = console_host__open(&port->in, config->in_fd, false);
	if (!err && !config->sink)
		err = console_host__open(&port->out, config->out_fd, true);
	if (err) {
		console_host__close(&port->in);
		return err;
	}
	port->host_open = config->in_fd >= 0 || config->out_fd >= 0 || config->sink;
	return 0;
}

void console_port__close(struct console_port *port)
{
	if (port->in_watched)
		loop__del_fd(port->in.fd);
	port->in_watched = false;
	if (port->end_timer)
		loop__timer_free(port->end_timer);
	port->end_timer = NULL;
	watch_output(port, false);
	console_host__close(&port->in);
	console_host__close(&port->out);
}
