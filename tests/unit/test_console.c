// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-console: ports appear as the driver expects, and input arrives whole, in order, and
 * with its end.
 */
#define _GNU_SOURCE
#include "fake_console.h"

/* ---- ports ------------------------------------------------------------- */

static void test_conversation(void **state)
{
	struct virtio_console_control *m;
	uint32_t len;

	(void)state;
	config[1].in_fd = pipes[0];
	console__resize(80, 25);
	start_device(2);
	assert_int_equal(((uint16_t *)fake_page(0)->config)[0], 80);
	assert_int_equal(((uint16_t *)fake_page(0)->config)[1], 25);
	assert_int_equal(((uint32_t *)fake_page(0)->config)[1], 2);
	assert_null(next_control(NULL));
	control(0xffffffff, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_PORT_ADD, 1);
	expect_control(1, VIRTIO_CONSOLE_PORT_ADD, 1);
	control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	m = next_control(&len);
	assert_non_null(m);
	assert_int_equal(m->event, VIRTIO_CONSOLE_RESIZE);
	assert_int_equal(len, sizeof(*m) + 4);
	assert_int_equal(((uint16_t *)(m + 1))[0], 80);
	assert_int_equal(((uint16_t *)(m + 1))[1], 25);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 0);	/* port 0 has no host side here */
	control(1, VIRTIO_CONSOLE_PORT_READY, 1);
	m = next_control(&len);
	assert_non_null(m);
	assert_int_equal(m->event, VIRTIO_CONSOLE_PORT_NAME);
	assert_string_equal((char *)(m + 1), "stdin");
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_null(next_control(NULL));

	console__resize(132, 43);
	expect_control(0, VIRTIO_CONSOLE_RESIZE, 1);
	assert_int_equal(((uint16_t *)fake_page(0)->config)[0], 132);
}

/* Messages wait for buffers and keep their order. */
static void test_control_without_buffers(void **state)
{
	(void)state;
	config[0].out_fd = pipes[3];
	start_device(1);
	fake_queue_setup(&control_in, 0, CONTROL_IN, 32);
	fake_page(0)->queue[CONTROL_IN].ready = 0;
	fake_driver_ok(0);
	fake_page(0)->queue[CONTROL_IN].ready = 1;
	fake_driver_ok(0);
	control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	for (unsigned int i = 0; i < 4; i++) {
		assert_null(next_control(NULL));
		give_buffer(&control_in, control_data, i, 256);
	}
	fake_kick(&control_in);
	expect_control(0, VIRTIO_CONSOLE_PORT_ADD, 1);
	expect_control(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	expect_control(0, VIRTIO_CONSOLE_RESIZE, 1);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static void test_bad_port_numbers(void **state)
{
	(void)state;
	config[0].out_fd = pipes[3];
	start(1);
	control(1, VIRTIO_CONSOLE_PORT_READY, 1);
	control(0xfffffffe, VIRTIO_CONSOLE_PORT_OPEN, 1);
	control(0, 77, 1);
	assert_null(next_control(NULL));
	assert_false(fake_page(0)->status_now & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void test_short_message(void **state)
{
	struct fake_buffer b = { 0, 7, false };
	const char *said;

	(void)state;
	start(1);
	b.addr = message_data;
	fake_add(&control_out, &b, 1);
	capture__begin();
	fake_kick(&control_out);
	said = capture__end();
	assert_one_line(said, "too short");
	assert_true(fake_page(0)->status_now & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* ---- input ------------------------------------------------------------- */

static bool input_came(void *arg)
{
	return fake_has_used(&((struct fake_port *)arg)->rx);
}

static void test_input(void **state)
{
	char buf[BUFFER];

	(void)state;
	config[1].in_fd = pipes[0];
	start(2);
	assert_int_equal(write(pipes[1], "hello", 5), 5);
	assert_true(fake_wait_for(input_came, &ports[1], FAKE_WAIT_NS));
	assert_int_equal(take_input(&ports[1], buf), 5);
	assert_memory_equal(buf, "hello", 5);
}

/* What nobody in the guest reads stays in the host's pipe. */
static void test_input_waits_for_open(void **state)
{
	int waiting;

	(void)state;
	config[1].in_fd = pipes[0];
	start_device(2);
	control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_int_equal(write(pipes[1], "hello", 5), 5);
	fake_run_loop();
	assert_false(fake_has_used(&ports[1].rx));
	assert_int_equal(ioctl(pipes[0], FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 5);
	control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_true(fake_wait_for(input_came, &ports[1], FAKE_WAIT_NS));
}

static void *feed(void *arg)
{
	uint64_t total = *(uint64_t *)arg, sent = 0;
	uint8_t buf[3000];

	while (sent < total) {
		size_t n = total - sent < sizeof(buf) ? total - sent : sizeof(buf);
		ssize_t done;

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(sent + i);
		done = write(pipes[1], buf, n);
		if (done <= 0)
			return "write failed";
		sent += done;
	}
	close_pipe_end(1);
	return NULL;
}

static bool closed_by_host;

static bool control_came(void *arg)
{
	(void)arg;
	return fake_has_used(&control_in);
}

static bool input_or_control(void *arg)
{
	return input_came(arg) || control_came(arg);
}

/* All bytes in order, then the end, and the end only when everything was taken. */
static void test_input_to_eof(void **state)
{
	uint64_t total = 1 << 20, got = 0;
	uint8_t buf[BUFFER];
	pthread_t thread;
	void *result;

	(void)state;
	config[1].in_fd = pipes[0];
	start(2);
	closed_by_host = false;
	pthread_create(&thread, NULL, feed, &total);
	while (!closed_by_host) {
		uint32_t n;

		assert_true(fake_wait_for(input_or_control, &ports[1], FAKE_WAIT_NS));
		while ((n = take_input(&ports[1], buf)) > 0)
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(buf[i], pattern(got++));
		if (control_came(NULL)) {
			assert_int_equal(got, total);
			expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
			closed_by_host = true;
		}
	}
	pthread_join(thread, &result);
	assert_null(result);
}

static void test_eof_waits_for_guest(void **state)
{
	uint8_t buf[BUFFER];

	(void)state;
	config[1].in_fd = pipes[0];
	start(2);
	assert_int_equal(write(pipes[1], "last", 4), 4);
	close_pipe_end(1);
	assert_true(fake_wait_for(input_came, &ports[1], FAKE_WAIT_NS));
	fake_run_loop();
	assert_null(next_control(NULL));
	assert_int_equal(take_input(&ports[1], buf), 4);
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
}

static void test_empty_stdin(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	config[1].in_fd = null;
	start(2);
	assert_true(fake_wait_for(control_came, NULL, FAKE_WAIT_NS));
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	close(null);
}

static void test_input_buffer_without_room(void **state)
{
	struct fake_buffer b = { 0, 8, false };
	const char *said;

	(void)state;
	config[1].in_fd = pipes[0];
	start(2);
	ports[1].rx.avail[1] = 0;
	fake_page(0)->queue[4].ready = 0;
	fake_driver_ok(0);
	fake_queue_setup(&ports[1].rx, 0, 4, 32);
	fake_driver_ok(0);
	b.addr = message_data;
	fake_add(&ports[1].rx, &b, 1);
	fake_kick(&ports[1].rx);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	capture__begin();
	fake_run_loop();
	said = capture__end();
	assert_one_line(said, "no room");
}

/* ---- the filter of the escape key -------------------------------------- */

static unsigned int escapes, ends;

/* Drops 'q's and counts them; a '!' marks the end of input. */
static uint32_t filter(uint8_t *bytes, uint32_t len, void *arg)
{
	uint32_t n = 0;

	(void)arg;
	if (len == 0) {
		ends++;
		bytes[0] = '!';
		return 1;
	}
	for (uint32_t i = 0; i < len; i++) {
		if (bytes[i] == 'q')
			escapes++;
		else
			bytes[n++] = bytes[i];
	}
	return n;
}

static void test_filter(void **state)
{
	char buf[BUFFER + 1] = "";

	(void)state;
	escapes = ends = 0;
	config[0].in_fd = pipes[0];
	config[0].filter = filter;
	start(1);
	assert_int_equal(write(pipes[1], "aqb", 3), 3);
	close_pipe_end(1);
	while (!strchr(buf, '!')) {
		assert_true(fake_wait_for(input_came, &ports[0], FAKE_WAIT_NS));
		take_input(&ports[0], buf + strlen(buf));
	}
	assert_string_equal(buf, "ab!");
	assert_int_equal(escapes, 1);
	assert_int_equal(ends, 1);
}

static bool escaped(void *arg)
{
	(void)arg;
	return escapes > 0;
}

/* The escape key works while the guest takes nothing, however much was typed before it. */
static void test_escape_from_hung_guest(void **state)
{
	int slave, master = open_pty(&slave);

	(void)state;
	escapes = 0;
	config[0].in_fd = slave;
	config[0].filter = filter;
	assert_int_equal(console__create(&fake_vm, config, 1), 0);
	for (int i = 0; i < 64; i++) {
		char typed[1000];

		memset(typed, 'a', sizeof(typed));
		assert_int_equal(write(master, typed, sizeof(typed)), sizeof(typed));
		fake_run_loop();
	}
	assert_int_equal(write(master, "q", 1), 1);
	assert_true(fake_wait_for(escaped, NULL, FAKE_WAIT_NS));
	assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
	close(slave);
	close(master);
}

/* From a pipe nothing is dropped, also with a filter. */
static void test_filtered_pipe_waits(void **state)
{
	uint64_t total = 100000, got = 0;
	uint8_t buf[BUFFER];
	pthread_t thread;
	void *result;

	(void)state;
	config[0].in_fd = pipes[0];
	config[0].filter = filter;
	ends = escapes = 0;
	start_device(1);
	pthread_create(&thread, NULL, feed, &total);
	fake_run_loop();
	control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	while (!ends || fake_has_used(&ports[0].rx)) {
		assert_true(fake_wait_for(input_came, &ports[0], FAKE_WAIT_NS));
		got += take_input(&ports[0], buf);
	}
	pthread_join(thread, &result);
	assert_null(result);
	assert_int_equal(got + escapes, total + 1);
}

/* ---- creation ---------------------------------------------------------- */

static void refused(unsigned int nr_ports, int err, const char *why)
{
	const char *said;
	int ret;

	capture__begin();
	ret = console__create(&fake_vm, config, nr_ports);
	said = capture__end();
	assert_int_equal(ret, -err);
	assert_one_line(said, why);
	assert_int_equal(dev__count(), 0);
}

static void test_bad_creation(void **state)
{
	(void)state;
	refused(0, EINVAL, "1 to 15");
	refused(16, EINVAL, "1 to 15");
	config[1].out_fd = 9999;
	refused(2, EBADF, "stdin");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conversation),
		TEST(test_control_without_buffers),
		TEST(test_bad_port_numbers),
		TEST(test_short_message),
		TEST(test_input),
		TEST(test_input_waits_for_open),
		TEST(test_input_to_eof),
		TEST(test_eof_waits_for_guest),
		TEST(test_empty_stdin),
		TEST(test_input_buffer_without_room),
		TEST(test_filter),
		TEST(test_escape_from_hung_guest),
		TEST(test_filtered_pipe_waits),
		TEST(test_bad_creation),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
