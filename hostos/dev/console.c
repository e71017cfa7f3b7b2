// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-console with several ports (virtio 1.2, section 5.3): the device, its control
 * messages and its size. Data of a port is in console_port.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "dev/console_port.h"
#include "dev/dev.h"
#include "vm/msg.h"

#define CONTROL_IN	2	/* queue numbers: to the guest ... */
#define CONTROL_OUT	3	/* ... and from it */
#define CONTROL_SIZE	32
#define RX_SIZE		32	/* the driver puts a page into each */
#define TX_SIZE		64

struct console {
	struct virtio_dev dev;
	struct virtio_console_config config;
	uint16_t queue_sizes[KAP_DEV_MAX_QUEUES];
	unsigned int nr_ports;
	struct console_port ports[];
};

struct control_message {
	struct virtio_console_control header;
	union {
		char name[CONSOLE_NAME_SIZE];
		struct {
			uint16_t cols, rows;
		} size;
	};
};

/* There is one console; the size may be known before it is. */
static struct console *console;
static uint16_t size_cols, size_rows;

/* ---- control messages to the guest ------------------------------------- */

static uint32_t compose(struct console_port *port, enum console_want what,
			struct control_message *m)
{
	uint32_t len = sizeof(m->header);

	memset(m, 0, sizeof(*m));
	m->header.id = port->id;
	m->header.value = 1;
	switch (what) {
	case CONSOLE_WANT_ADD:
		m->header.event = VIRTIO_CONSOLE_PORT_ADD;
		break;
	case CONSOLE_WANT_CONSOLE:
		m->header.event = VIRTIO_CONSOLE_CONSOLE_PORT;
		break;
	case CONSOLE_WANT_NAME:
		m->header.event = VIRTIO_CONSOLE_PORT_NAME;
		memcpy(m->name, port->name, sizeof(m->name));
		len += strlen(port->name);
		break;
	case CONSOLE_WANT_RESIZE:
		m->header.event = VIRTIO_CONSOLE_RESIZE;
		m->size.cols = size_cols;
		m->size.rows = size_rows;
		len += sizeof(m->size);
		break;
	case CONSOLE_WANT_OPEN:
		m->header.event = VIRTIO_CONSOLE_PORT_OPEN;
		m->header.value = port->host_open;
		break;
	case CONSOLE_WANT_REMOVE:
		m->header.event = VIRTIO_CONSOLE_PORT_REMOVE;
		break;
	}
	return len;
}

/* False when the guest has no buffer for it now. */
static bool send_message(struct console *con, struct console_port *port)
{
	struct queue *q = &con->dev.queues[CONTROL_IN];
	enum console_want what = port->want & -port->want;
	struct control_message message;
	struct queue_chain chain;
	uint32_t len;

	if (queue__next(q, &chain) <= 0)
		return false;
	len = compose(port, what, &message);
	if (queue__copy_in(&chain, 0, &message, len) < len) {
		virtio__break(&con->dev, "queue %u: a buffer for control messages is too short",
			      CONTROL_IN);
		return false;
	}
	queue__push(q, chain.head, len);
	port->want &= ~what;
	if (what == CONSOLE_WANT_REMOVE) {
		port->removed = true;
		port->guest_open = false;
		port->want = 0;
	}
	return true;
}

void console__send_control(struct console *con)
{
	unsigned int i;

	if (!virtio__running(&con->dev))
		return;
	for (i = 0; i < con->nr_ports; i++)
		while (con->ports[i].want)
			if (!send_message(con, &con->ports[i]))
				goto out;
out:
	virtio__interrupt(&con->dev, &con->dev.queues[CONTROL_IN]);
}

/* ---- control messages from the guest ----------------------------------- */

static void device_ready(struct console *con)
{
	unsigned int i;

	for (i = 0; i < con->nr_ports; i++)
		if (!con->ports[i].removed)
			con->ports[i].want |= CONSOLE_WANT_ADD;
}

static void port_ready(struct console_port *port, bool ready)
{
	port->guest_ready = ready;
	if (!ready)
		return;
	port->want |= CONSOLE_WANT_OPEN;
	port->want |= port->id == 0 ? CONSOLE_WANT_CONSOLE | CONSOLE_WANT_RESIZE :
		      CONSOLE_WANT_NAME;
}

static void handle_message(struct console *con, const struct virtio_console_control *m)
{
	struct console_port *port = m->id < con->nr_ports ? &con->ports[m->id] : NULL;

	if (m->event == VIRTIO_CONSOLE_DEVICE_READY) {
		if (m->value)
			device_ready(con);
		return;
	}
	if (!port || port->removed)
		return;
	if (m->event == VIRTIO_CONSOLE_PORT_READY)
		port_ready(port, m->value);
	else if (m->event == VIRTIO_CONSOLE_PORT_OPEN)
		console_port__set_open(port, m->value);
}

static void receive_control(struct console *con)
{
	struct queue *q = &con->dev.queues[CONTROL_OUT];
	unsigned int budget;

	for (budget = CONTROL_SIZE; budget; budget--) {
		struct virtio_console_control m;
		struct queue_chain chain;

		if (queue__next(q, &chain) <= 0)
			break;
		if (queue__copy_out(&chain, 0, &m, sizeof(m)) < sizeof(m)) {
			virtio__break(&con->dev, "queue %u: a control message is too short",
				      CONTROL_OUT);
			return;
		}
		queue__push(q, chain.head, 0);
		handle_message(con, &m);
	}
	virtio__interrupt(&con->dev, q);
	console__send_control(con);
	if (!budget)
		virtio__again(&con->dev, CONTROL_OUT);
}

/* ---- the device -------------------------------------------------------- */

static unsigned int first_queue(unsigned int port)
{
	return port == 0 ? 0 : 2 + 2 * port;
}

static void console_notify(struct virtio_dev *dev, unsigned int q)
{
	struct console *con = (struct console *)dev;
	struct console_port *port = &con->ports[q < 2 ? 0 : (q - 2) / 2];

	if (q == CONTROL_IN)
		console__send_control(con);
	else if (q == CONTROL_OUT)
		receive_control(con);
	else if (q % 2)
		console_port__output(port);
	else
		console_port__input(port);
}

/*
 * At power-off Linux resets the device without waiting for what it has sent. A process that wrote
 * it has its word that it is written, so the reset waits for the reader.
 */
static bool console_busy(struct virtio_dev *dev)
{
	struct console *con = (struct console *)dev;
	bool busy = false;
	unsigned int i;

	for (i = 0; i < con->nr_ports; i++)
		busy |= !console_port__flush(&con->ports[i]);
	return busy;
}

static void console_reset(struct virtio_dev *dev)
{
	struct console *con = (struct console *)dev;
	unsigned int i;

	for (i = 0; i < con->nr_ports; i++)
		console_port__reset(&con->ports[i]);
}

static void console_shutdown(struct virtio_dev *dev)
{
	struct console *con = (struct console *)dev;
	unsigned int i;

	for (i = 0; i < con->nr_ports; i++)
		console_port__close(&con->ports[i]);
	console = NULL;
	free(con);
}

static void describe(struct console *con)
{
	struct virtio_dev *dev = &con->dev;
	unsigned int i;

	con->config.cols = size_cols;
	con->config.rows = size_rows;
	con->config.max_nr_ports = con->nr_ports;
	dev->name = "virtio-console";
	dev->device_id = VIRTIO_ID_CONSOLE;
	dev->features = 1ULL << VIRTIO_CONSOLE_F_SIZE | 1ULL << VIRTIO_CONSOLE_F_MULTIPORT;
	dev->config = &con->config;
	dev->config_size = sizeof(con->config);
	dev->nr_queues = 2 * (con->nr_ports + 1);
	dev->queue_sizes = con->queue_sizes;
	for (i = 0; i < dev->nr_queues; i++)
		con->queue_sizes[i] = i % 2 ? TX_SIZE : RX_SIZE;
	con->queue_sizes[CONTROL_IN] = CONTROL_SIZE;
	con->queue_sizes[CONTROL_OUT] = CONTROL_SIZE;
}

int console__create(struct vm *vm, const struct console_port_config *configs, unsigned int nr_ports)
{
	static const struct virtio_ops ops = {
		.notify = console_notify,
		.busy = console_busy,
		.reset = console_reset,
		.shutdown = console_shutdown,
	};
	struct console *con;
	unsigned int i = 0;
	int err;

	if (console || nr_ports < 1 || nr_ports > CONSOLE_MAX_PORTS) {
		msg__error("console: %u ports; a guest has one console, with 1 to %u ports",
			   nr_ports, CONSOLE_MAX_PORTS);
		return -EINVAL;
	}
	con = calloc(1, sizeof(*con) + nr_ports * sizeof(con->ports[0]));
	if (!con) {
		msg__error("console: out of memory; free some and run again");
		return -ENOMEM;
	}
	con->dev.vm = vm;
	con->dev.ops = &ops;
	con->nr_ports = nr_ports;
	for (i = 0; i < nr_ports; i++) {
		struct console_port *port = &con->ports[i];

		port->console = con;
		port->id = i;
		port->rx = &con->dev.queues[first_queue(i)];
		port->tx = &con->dev.queues[first_queue(i) + 1];
		err = console_port__init(port, &configs[i]);
		if (err) {
			msg__error("console: can't use what port '%s' is connected to: %s; check "
				   "kap's standard input and output",
				   port->name, strerror(-err));
			goto fail;
		}
	}
	describe(con);
	err = virtio__register(&con->dev);
	if (err)
		goto fail;
	console = con;
	for (i = 0; i < nr_ports; i++)
		console_port__input(&con->ports[i]);
	return 0;
fail:
	while (i--)
		console_port__close(&con->ports[i]);
	free(con);
	return err;
}

void console__resize(unsigned int cols, unsigned int rows)
{
	uint16_t size[2];

	size_cols = cols;
	size_rows = rows;
	if (!console)
		return;
	size[0] = size_cols;
	size[1] = size_rows;
	virtio__set_config(&console->dev, 0, size, sizeof(size));
	if (console->ports[0].guest_ready) {
		console->ports[0].want |= CONSOLE_WANT_RESIZE;
		console__send_control(console);
	}
}

int console__output_error(void)
{
	return console_port__error();
}

/* ---- the last output --------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Writes what can be written; fills fds with those that are full; true when nothing is left. */
static bool drain_once(struct console *con, struct pollfd *fds, nfds_t *nr_fds)
{
	bool empty = true;
	unsigned int i;

	*nr_fds = 0;
	for (i = 0; i < con->nr_ports; i++) {
		struct console_port *port = &con->ports[i];

		if (console_port__flush(port))
			continue;
		empty = false;
		if (port->tx_held && port->out_watched) {
			fds[*nr_fds].fd = port->out.fd;
			fds[(*nr_fds)++].events = POLLOUT;
		}
	}
	return empty;
}

void console__drain(unsigned int timeout_ms)
{
	struct pollfd fds[CONSOLE_MAX_PORTS];
	int64_t left, end = now_ms() + timeout_ms;
	nfds_t nr_fds;

	while (console && !drain_once(console, fds, &nr_fds)) {
		left = end - now_ms();
		if (left <= 0)
			return;
		/* A port that only used up its turn (no full descriptor) goes on at once. */
		if (nr_fds)
			poll(fds, nr_fds, left);
	}
}
