// SPDX-License-Identifier: GPL-2.0-only
/*
 * Output of virtio-console: nothing is lost, whatever the speed of the host's side, and errors
 * of the host's side are told once.
 */
#define _GNU_SOURCE
#include "fake_console.h"

static uint64_t received;

static void read_all(int reader)
{
	uint8_t buf[5000];
	struct pollfd p = { .fd = reader, .events = POLLIN };
	ssize_t n;

	while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
		n = read(p.fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != pattern(received + i))
				fail_msg("byte %llu is wrong", (unsigned long long)received + i);
		received += n;
	}
}

/*
 * Sends `total` bytes through port 2 to a reader that sleeps until the host is full and
 * the guest is stuck. After that nobody rings: the device must go on by itself.
 */
static void slow_reader(int reader, uint64_t total)
{
	struct fake_port *p = &ports[2];
	uint64_t sent = 0, end = fake_now() + FAKE_WAIT_NS;
	unsigned int stalls = 0;

	received = 0;
	while (sent < total || received < sent) {
		uint64_t before = sent;
		uint32_t bytes = 1 + sent % BUFFER;
		bool stuck;

		while (sent < total && add_output(p, sent, bytes)) {
			sent += bytes;
			bytes = 1 + sent % BUFFER;
		}
		if (sent != before)
			fake_kick(&p->tx);
		fake_run_loop();
		while (fake_get_used(&p->tx, NULL, NULL))
			;
		stuck = (uint16_t)(p->tx.avail[1] - p->tx.last_used) == p->tx_size;
		stalls += stuck;
		if (sent >= total || stuck)
			read_all(reader);
		assert_true(fake_now() < end);
	}
	assert_int_equal(received, sent);
	assert_true(stalls > 0);
	assert_int_equal(console__output_error(), 0);
}

static void test_slow_pipe(void **state)
{
	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	assert_false(fcntl(pipes[3], F_GETFL) & O_NONBLOCK);
	slow_reader(pipes[2], 1 << 20);
	assert_false(fcntl(pipes[3], F_GETFL) & O_NONBLOCK);
}

static void test_slow_socket(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	config[2].in_fd = config[2].out_fd = pair[0];
	start(3);
	slow_reader(pair[1], 1 << 20);
	assert_false(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	close(pair[0]);
	close(pair[1]);
}

static void test_slow_terminal(void **state)
{
	int slave, master = open_pty(&slave);

	(void)state;
	config[2].out_fd = slave;
	start(3);
	slow_reader(master, 1 << 20);
	assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
	close(slave);
	close(master);
}

/* The other end of a terminal can't be opened a second time: small writes after poll(2). */
static void test_slow_pty_master(void **state)
{
	int slave, master = open_pty(&slave);

	(void)state;
	config[2].out_fd = master;
	start(3);
	slow_reader(slave, 1 << 20);
	assert_false(fcntl(master, F_GETFL) & O_NONBLOCK);
	close(slave);
	close(master);
}

/* Nor can a pipe that another user made. */
static void test_slow_foreign_pipe(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	config[2].out_fd = pipes[3];
	assert_int_equal(seteuid(65534), 0);
	start(3);
	slow_reader(pipes[2], 1 << 20);
	assert_int_equal(seteuid(0), 0);
	assert_false(fcntl(pipes[3], F_GETFL) & O_NONBLOCK);
}

static void test_drain(void **state)
{
	uint8_t buf[BUFFER];

	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	/* Added, but never announced: the guest died in between. */
	for (int i = 0; i < 10; i++)
		add_output(&ports[2], i * 1000, 1000);
	console__drain(10000);
	for (int i = 0; i < 10; i++)
		assert_true(fake_get_used(&ports[2].tx, NULL, NULL));
	assert_int_equal(read(pipes[2], buf, BUFFER), BUFFER);
	for (int i = 0; i < BUFFER; i++)
		assert_int_equal(buf[i], pattern(i));
}

static void test_drain_gives_up(void **state)
{
	uint64_t before;

	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	for (int i = 0; add_output(&ports[2], i * BUFFER, BUFFER); i++)
		;
	before = fake_now();
	console__drain(50);	/* 256 KiB, and nobody reads the pipe */
	assert_in_range(fake_now() - before, 49000000ull, FAKE_WAIT_NS);
}

static void *drain_pipe(void *arg)
{
	uint64_t *count = arg;
	uint8_t buf[BUFFER];
	ssize_t n;

	while (*count < 64 * BUFFER && (n = read(pipes[2], buf, sizeof(buf))) > 0)
		*count += n;
	return NULL;
}

static void test_drain_waits_for_reader(void **state)
{
	uint64_t count = 0;
	pthread_t thread;

	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	for (int i = 0; i < 64; i++)
		assert_true(add_output(&ports[2], i * BUFFER, BUFFER));
	pthread_create(&thread, NULL, drain_pipe, &count);
	console__drain(10000);
	for (int i = 0; i < 64; i++)
		assert_true(fake_get_used(&ports[2].tx, NULL, NULL));
	pthread_join(thread, NULL);
	assert_int_equal(count, 64 * BUFFER);
}

/* Linux resets the device at power-off, with output still in its queue. */
static void test_reset_waits_for_reader(void **state)
{
	uint32_t seq;

	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	for (int i = 0; i < 64; i++)
		assert_true(add_output(&ports[2], i * BUFFER, BUFFER));
	fake_kick(&ports[2].tx);
	fake_run_loop();
	seq = fake_request(0, 0);
	fake_run_loop();
	assert_int_not_equal(fake_page(0)->ack_seq, seq);
	received = 0;
	while (fake_page(0)->ack_seq != seq) {
		read_all(pipes[2]);
		fake_run_loop();
	}
	read_all(pipes[2]);
	assert_int_equal(received, 64 * BUFFER);
	assert_int_equal(fake_page(0)->status_now, 0);
}

/* Nobody will ever read: nothing to wait for. */
static void test_reset_without_reader(void **state)
{
	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	for (int i = 0; i < 64; i++)
		assert_true(add_output(&ports[2], i * BUFFER, BUFFER));
	close(pipes[2]);
	fake_kick(&ports[2].tx);
	fake_request_done(0, 0);
	pipes[2] = open("/dev/null", O_RDONLY);
}

static char sunk[64];

static void sink(const void *bytes, uint32_t len, void *arg)
{
	assert_ptr_equal(arg, sunk);
	assert_true(strlen(sunk) + len < sizeof(sunk));
	strncat(sunk, bytes, len);
}

static void test_sink(void **state)
{
	(void)state;
	sunk[0] = '\0';
	config[1].sink = sink;
	config[1].arg = sunk;
	start(2);
	output_text(&ports[1], "status ");
	output_text(&ports[1], "7\n");
	assert_string_equal(sunk, "status 7\n");
}

static uint64_t teed;

static void take_tee(const void *bytes, uint32_t len, void *arg)
{
	assert_ptr_equal(arg, &teed);
	for (uint32_t i = 0; i < len; i++)
		if (((const uint8_t *)bytes)[i] != pattern(teed + i))
			fail_msg("byte %llu is wrong", (unsigned long long)teed + i);
	teed += len;
}

/* It sees each byte once, in whatever pieces the host takes them. */
static void test_tee(void **state)
{
	(void)state;
	teed = 0;
	config[2].out_fd = pipes[3];
	config[2].tee = take_tee;
	config[2].arg = &teed;
	start(3);
	slow_reader(pipes[2], 1 << 20);
	assert_int_equal(teed, received);

	/* Also what nobody takes any more. */
	close_pipe_end(2);
	for (int i = 0; i < 3; i++)
		assert_true(add_output(&ports[2], teed + i * BUFFER, BUFFER));
	fake_kick(&ports[2].tx);
	assert_int_equal(teed, received + 3 * BUFFER);
}

/* A reader that is gone: no message, no error, the guest's port is removed and never hangs. */
static void test_reader_gone(void **state)
{
	const char *said;

	(void)state;
	config[2].out_fd = pipes[3];
	start(3);
	close_pipe_end(2);
	capture__begin();
	output_text(&ports[2], "nobody reads this\n");
	said = capture__end();
	assert_string_equal(said, "");
	assert_int_equal(console__output_error(), 0);
	expect_control(2, VIRTIO_CONSOLE_PORT_REMOVE, 1);
	assert_true(fake_get_used(&ports[2].tx, NULL, NULL));
	for (int i = 0; i < 1000; i++) {
		output_text(&ports[2], "more\n");
		assert_true(fake_get_used(&ports[2].tx, NULL, NULL));
	}
	assert_null(next_control(NULL));
}

/* Must be the last test: the first error stays. */
static void test_full_disk(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const char *said;

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(console__output_error(), 0);
	config[2].out_fd = full;
	start(3);
	capture__begin();
	for (int i = 0; i < 100; i++) {
		output_text(&ports[2], "lost\n");
		assert_true(fake_get_used(&ports[2].tx, NULL, NULL));
	}
	said = capture__end();
	assert_one_line(said, "No space left");
	assert_int_equal(console__output_error(), ENOSPC);
	close(full);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slow_pipe),
		TEST(test_slow_socket),
		TEST(test_slow_terminal),
		TEST(test_slow_pty_master),
		TEST(test_slow_foreign_pipe),
		TEST(test_drain),
		TEST(test_drain_gives_up),
		TEST(test_drain_waits_for_reader),
		TEST(test_reset_waits_for_reader),
		TEST(test_reset_without_reader),
		TEST(test_sink),
		TEST(test_tee),
		TEST(test_reader_gone),
		TEST(test_full_disk),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
