// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop: watches, also such that go away during a round; files that epoll refuses;
 * timers in their order.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/loop.h"

static char trace[64];

static void note(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
}

static int clear_trace(void **state)
{
	(void)state;
	memset(trace, 0, sizeof(trace));
	return 0;
}

struct pair {
	int a[2], b[2];
};

static struct pair two_full_pipes(void)
{
	struct pair p;

	assert_int_equal(pipe2(p.a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(p.b, O_CLOEXEC), 0);
	assert_int_equal(write(p.a[1], "x", 1), 1);
	assert_int_equal(write(p.b[1], "x", 1), 1);
	return p;
}

static void close_pipes(struct pair *p)
{
	close(p->a[0]);
	close(p->a[1]);
	close(p->b[0]);
	close(p->b[1]);
}

static void read_and_stop(int fd, uint32_t events, void *arg)
{
	char c;

	(void)arg;
	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	loop__stop(c);
}

static void returns_the_code(void **state)
{
	struct pair p = two_full_pipes();

	(void)state;
	assert_int_equal(loop__add_fd(p.a[0], EPOLLIN, read_and_stop, NULL), 0);
	assert_int_equal(loop__add_fd(p.a[0], EPOLLIN, read_and_stop, NULL), -EEXIST);
	assert_int_equal(loop__run(), 'x');
	loop__del_fd(p.a[0]);
	assert_int_equal(loop__mod_fd(p.a[0], EPOLLIN), -ENOENT);
	close_pipes(&p);
}

/* Whichever is called first removes the other; the other's event is already there. */
static void remove_other(int fd, uint32_t events, void *arg)
{
	struct pair *p = arg;

	(void)events;
	note('r');
	loop__del_fd(fd == p->a[0] ? p->b[0] : p->a[0]);
	loop__del_fd(fd);
}

static void stop(void *arg)
{
	(void)arg;
	loop__stop(7);
}

static void removed_in_a_round(void **state)
{
	struct pair p = two_full_pipes();
	struct loop_timer *end = loop__timer_new(stop, NULL);

	(void)state;
	assert_int_equal(loop__add_fd(p.a[0], EPOLLIN, remove_other, &p), 0);
	assert_int_equal(loop__add_fd(p.b[0], EPOLLIN, remove_other, &p), 0);
	loop__timer_set(end, 20000000);
	assert_int_equal(loop__run(), 7);
	assert_string_equal(trace, "r");
	loop__timer_free(end);
	close_pipes(&p);
}

static void never(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	fail_msg("a watch without events was called");
}

/* An old event must not reach a new watch that has got the same descriptor. */
static void replace_other(int fd, uint32_t events, void *arg)
{
	struct pair *p = arg;
	int other = fd == p->a[0] ? p->b[0] : p->a[0];

	(void)events;
	note('n');
	loop__del_fd(fd);
	loop__del_fd(other);
	assert_int_equal(loop__add_fd(other, 0, never, NULL), 0);
}

static void replaced_in_a_round(void **state)
{
	struct pair p = two_full_pipes();
	struct loop_timer *end = loop__timer_new(stop, NULL);

	(void)state;
	assert_int_equal(loop__add_fd(p.a[0], EPOLLIN, replace_other, &p), 0);
	assert_int_equal(loop__add_fd(p.b[0], EPOLLIN, replace_other, &p), 0);
	loop__timer_set(end, 20000000);
	assert_int_equal(loop__run(), 7);
	assert_string_equal(trace, "n");
	loop__timer_free(end);
	loop__del_fd(p.a[0]);
	loop__del_fd(p.b[0]);
	close_pipes(&p);
}

static void count_reads(int fd, uint32_t events, void *arg)
{
	int *left = arg;

	assert_true(events & EPOLLIN);
	if (!--*left) {
		loop__mod_fd(fd, 0);
		loop__stop(3);
	}
}

static void regular_file(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC), left = 5;
	struct loop_timer *end = loop__timer_new(stop, NULL);

	(void)state;
	assert_int_equal(loop__add_fd(fd, EPOLLIN, count_reads, &left), 0);
	assert_int_equal(loop__run(), 3);
	assert_int_equal(left, 0);
	/* Nothing is wanted of it any more: the loop must sleep, and not call it. */
	loop__timer_set(end, 5000000);
	assert_int_equal(loop__run(), 7);
	assert_int_equal(left, 0);
	loop__timer_free(end);
	loop__del_fd(fd);
	close(fd);
}

static void timer_note(void *arg)
{
	note(*(const char *)arg);
	if (*(const char *)arg == 'c')
		loop__stop(0);
}

static void timers(void **state)
{
	struct loop_timer *c = loop__timer_new(timer_note, "c");
	struct loop_timer *a = loop__timer_new(timer_note, "a");
	struct loop_timer *x = loop__timer_new(timer_note, "x");
	struct loop_timer *b = loop__timer_new(timer_note, "b");

	(void)state;
	loop__timer_set(c, 30000000);
	loop__timer_set(x, 10000000);
	loop__timer_set(b, 20000000);
	loop__timer_set(a, 1);
	loop__timer_stop(x);
	assert_int_equal(loop__run(), 0);
	assert_string_equal(trace, "abc");
	/* Never set again: one shot. Far away: no overflow. */
	loop__timer_set(x, UINT64_MAX);
	loop__timer_set(c, 1000000);
	assert_int_equal(loop__run(), 0);
	assert_string_equal(trace, "abcc");
	loop__timer_free(a);
	loop__timer_free(b);
	loop__timer_free(c);
	loop__timer_free(x);
}

#define TEST(f) cmocka_unit_test_setup(f, clear_trace)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(returns_the_code),
		TEST(removed_in_a_round),
		TEST(replaced_in_a_round),
		TEST(regular_file),
		TEST(timers),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
