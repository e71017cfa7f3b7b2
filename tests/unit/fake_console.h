/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of virtio-console with several ports, for tests.
 */
#ifndef TESTS_FAKE_CONSOLE_H
#define TESTS_FAKE_CONSOLE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <termios.h>
#include <linux/virtio_console.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fake_driver.h"

#define CONTROL_IN	2
#define CONTROL_OUT	3
#define BUFFER		4096
#define MAX_PORTS	3

struct fake_port {
	struct fake_queue rx, tx;
	uint64_t rx_data, tx_data;
	unsigned int rx_size, tx_size;
};

static struct fake_queue control_in, control_out;
static uint64_t control_data, message_data;
static struct fake_port ports[MAX_PORTS];
static struct console_port_config config[MAX_PORTS];
static int pipes[4];

/* ---- the driver -------------------------------------------------------- */

static inline void give_buffer(struct fake_queue *q, uint64_t base, unsigned int i, uint32_t bytes)
{
	struct fake_buffer b = { base + i * bytes, bytes, true };

	fake_add(q, &b, 1);
}

static inline void start_port(unsigned int id)
{
	struct fake_port *p = &ports[id];
	unsigned int q = id ? 2 + 2 * id : 0;

	p->rx_size = fake_page(0)->queue[q].size_max;
	p->tx_size = fake_page(0)->queue[q + 1].size_max;
	fake_queue_setup(&p->rx, 0, q, p->rx_size);
	fake_queue_setup(&p->tx, 0, q + 1, p->tx_size);
	p->rx_data = fake_alloc(p->rx_size * BUFFER);
	p->tx_data = fake_alloc(p->tx_size * BUFFER);
	for (unsigned int i = 0; i < p->rx_size; i++)
		give_buffer(&p->rx, p->rx_data, i, BUFFER);
}

static inline void control(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control *m = fake_ptr(message_data);
	struct fake_buffer b = { message_data, sizeof(*m), false };

	*m = (struct virtio_console_control){ id, event, value };
	fake_add(&control_out, &b, 1);
	fake_kick(&control_out);
	assert_true(fake_get_used(&control_out, NULL, NULL));
}

/* The next control message; NULL when there is none. Its buffer is given back. */
static inline struct virtio_console_control *next_control(uint32_t *len)
{
	static char copy[256];
	uint32_t id, n;

	if (!fake_get_used(&control_in, &id, &n))
		return NULL;
	assert_in_range(n, sizeof(struct virtio_console_control), sizeof(copy) - 1);
	memcpy(copy, fake_ptr(control_data + id * sizeof(copy)), n);
	copy[n] = '\0';
	give_buffer(&control_in, control_data, id, sizeof(copy));
	fake_kick(&control_in);
	if (len)
		*len = n;
	return (struct virtio_console_control *)copy;
}

static inline void expect_control(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control *m = next_control(NULL);

	assert_non_null(m);
	assert_int_equal(m->id, id);
	assert_int_equal(m->event, event);
	assert_int_equal(m->value, value);
}

static inline void start_device(unsigned int nr_ports)
{
	assert_int_equal(console__create(&fake_vm, config, nr_ports), 0);
	assert_true(fake_negotiate(0, FAKE_VERSION_1 | FAKE_EVENT_IDX |
				   1ULL << VIRTIO_CONSOLE_F_MULTIPORT) &
		    VIRTIO_CONFIG_S_FEATURES_OK);
	fake_queue_setup(&control_in, 0, CONTROL_IN, 32);
	fake_queue_setup(&control_out, 0, CONTROL_OUT, 32);
	for (unsigned int i = 0; i < nr_ports; i++)
		start_port(i);
	control_data = fake_alloc(32 * 256);
	message_data = fake_alloc(64);
	fake_driver_ok(0);
	for (unsigned int i = 0; i < 32; i++)
		give_buffer(&control_in, control_data, i, 256);
	fake_kick(&control_in);
}

/* The whole conversation until all ports are open on both sides. */
static inline void start(unsigned int nr_ports)
{
	start_device(nr_ports);
	control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (unsigned int i = 0; i < nr_ports; i++)
		control(i, VIRTIO_CONSOLE_PORT_READY, 1);
	for (unsigned int i = 0; i < nr_ports; i++)
		control(i, VIRTIO_CONSOLE_PORT_OPEN, 1);
	while (next_control(NULL))
		;
}

static inline uint8_t pattern(uint64_t i)
{
	return i * 31 + (i >> 8) * 7 + (i >> 16);
}

/* Adds a buffer of output, when the queue has room: descriptors are used in turn. */
static inline bool add_output(struct fake_port *p, uint64_t offset, uint32_t bytes)
{
	uint16_t in_use = p->tx.avail[1] - p->tx.last_used;
	uint64_t at = p->tx_data + (p->tx.avail[1] % p->tx_size) * BUFFER;
	struct fake_buffer b = { at, bytes, false };
	uint8_t *to = fake_ptr(at);

	if (in_use == p->tx_size)
		return false;
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = pattern(offset + i);
	fake_add(&p->tx, &b, 1);
	return true;
}

static inline void output_text(struct fake_port *p, const char *text)
{
	uint64_t at = p->tx_data + (p->tx.avail[1] % p->tx_size) * BUFFER;
	struct fake_buffer b = { at, strlen(text), false };

	memcpy(fake_ptr(at), text, strlen(text));
	fake_add(&p->tx, &b, 1);
	fake_kick(&p->tx);
}

/* Takes one buffer of input into buf and gives it back to the device; bytes, 0: none. */
static inline uint32_t take_input(struct fake_port *p, void *buf)
{
	uint32_t id, len;

	if (!fake_get_used(&p->rx, &id, &len))
		return 0;
	memcpy(buf, fake_ptr(p->rx_data + id * BUFFER), len);
	give_buffer(&p->rx, p->rx_data, id, BUFFER);
	fake_kick(&p->rx);
	return len;
}

/* ---- set-up ------------------------------------------------------------ */

static inline int setup(void **state)
{
	memset(config, 0, sizeof(config));
	for (int i = 0; i < MAX_PORTS; i++)
		config[i].in_fd = config[i].out_fd = -1;
	config[1].name = "stdin";
	config[2].name = "stdout";
	if (pipe2(pipes, O_CLOEXEC) || pipe2(pipes + 2, O_CLOEXEC))
		return -1;
	console__resize(0, 0);
	return fake_setup(state);
}

static inline int teardown(void **state)
{
	for (int i = 0; i < 4; i++)
		if (pipes[i] >= 0)
			close(pipes[i]);
	return fake_teardown(state);
}

static inline void close_pipe_end(int i)
{
	close(pipes[i]);
	pipes[i] = -1;
}

static inline int open_pty(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*slave >= 0);
	tcgetattr(*slave, &t);
	cfmakeraw(&t);
	tcsetattr(*slave, TCSANOW, &t);
	return master;
}

#endif
