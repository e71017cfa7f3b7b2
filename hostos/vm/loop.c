// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor's event loop. Watches are kept in a table indexed by fd; each has a
 * number of its own that epoll hands back, so that an event of a watch that a callback
 * of the same round removed is recognised and dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "vm/loop.h"

#define EVENTS_A_ROUND 32

struct watch {
	loop_fd_fn fn;		/* NULL: slot unused */
	void *arg;
	uint32_t events;
	uint32_t number;
	bool always_ready;	/* a file that epoll refuses */
};

struct loop_timer {
	loop_timer_fn fn;
	void *arg;
	uint64_t due;		/* CLOCK_MONOTONIC ns; 0: not set */
	struct loop_timer *next;
};

static int epoll_fd = -1, timer_fd = -1;
static struct watch *watches;
static int nr_watches, nr_always_ready;
static uint32_t last_number;
static struct loop_timer *timers;
static uint64_t armed;
static bool stopped;
static int stop_code;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct epoll_event event_of(int fd, uint32_t events)
{
	return (struct epoll_event){
		.events = events,
		.data.u64 = (uint64_t)watches[fd].number << 32 | (uint32_t)fd,
	};
}

static int setup(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = UINT64_MAX };

	if (epoll_fd >= 0)
		return 0;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -errno;
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &ev) < 0) {
		int err = errno;

		close(epoll_fd);
		if (timer_fd >= 0)
			close(timer_fd);
		epoll_fd = timer_fd = -1;
		return -err;
	}
	return 0;
}

static int grow_table(int fd)
{
	int size = nr_watches ? nr_watches : 32;
	struct watch *table;

	while (size <= fd)
		size *= 2;
	if (size == nr_watches)
		return 0;
	table = realloc(watches, size * sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (int i = nr_watches; i < size; i++)
		table[i] = (struct watch){ 0 };
	watches = table;
	nr_watches = size;
	return 0;
}

int loop__add_fd(int fd, uint32_t epoll_events, loop_fd_fn fn, void *arg)
{
	struct epoll_event ev;
	int err = setup();

	if (err)
		return err;
	if (fd < 0 || !fn)
		return -EINVAL;
	err = grow_table(fd);
	if (err)
		return err;
	if (watches[fd].fn)
		return -EEXIST;

	watches[fd] = (struct watch){
		.fn = fn,
		.arg = arg,
		.events = epoll_events,
		.number = ++last_number,
	};
	ev = event_of(fd, epoll_events);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		if (errno != EPERM) {
			err = -errno;
			watches[fd].fn = NULL;
			return err;
		}
		watches[fd].always_ready = true;
		nr_always_ready++;
	}
	return 0;
}

int loop__mod_fd(int fd, uint32_t epoll_events)
{
	struct epoll_event ev;

	if (fd < 0 || fd >= nr_watches || !watches[fd].fn)
		return -ENOENT;
	watches[fd].events = epoll_events;
	if (watches[fd].always_ready)
		return 0;
	ev = event_of(fd, epoll_events);
	return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
}

void loop__del_fd(int fd)
{
	if (fd < 0 || fd >= nr_watches || !watches[fd].fn)
		return;
	if (watches[fd].always_ready)
		nr_always_ready--;
	else
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	watches[fd].fn = NULL;
}

struct loop_timer *loop__timer_new(loop_timer_fn fn, void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer || setup() < 0) {
		free(timer);
		return NULL;
	}
	timer->fn = fn;
	timer->arg = arg;
	timer->next = timers;
	timers = timer;
	return timer;
}

static void arm(void)
{
	struct itimerspec its = { 0 };
	uint64_t first = 0;

	for (struct loop_timer *t = timers; t; t = t->next)
		if (t->due && (!first || t->due < first))
			first = t->due;
	if (first == armed)
		return;
	armed = first;
	its.it_value.tv_sec = first / 1000000000;
	its.it_value.tv_nsec = first % 1000000000;
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

void loop__timer_set(struct loop_timer *timer, uint64_t ns)
{
	uint64_t now = now_ns();

	timer->due = ns < INT64_MAX - now ? now + ns : INT64_MAX;
	arm();
}

void loop__timer_stop(struct loop_timer *timer)
{
	timer->due = 0;
	arm();
}

void loop__timer_free(struct loop_timer *timer)
{
	struct loop_timer **at = &timers;

	if (!timer)
		return;
	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	free(timer);
	arm();
}

static void run_timers(void)
{
	uint64_t expirations, now = now_ns();
	bool again = true;

	if (read(timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return;
	armed = 0;
	/* From the front after each call: a callback may free any timer. */
	while (again && !stopped) {
		again = false;
		for (struct loop_timer *t = timers; t; t = t->next) {
			if (!t->due || t->due > now)
				continue;
			t->due = 0;
			t->fn(t->arg);
			again = true;
			break;
		}
	}
	arm();
}

static void run_always_ready(void)
{
	for (int fd = 0; fd < nr_watches && !stopped; fd++) {
		struct watch w = watches[fd];

		if (w.fn && w.always_ready && (w.events & (EPOLLIN | EPOLLOUT)))
			w.fn(fd, w.events & (EPOLLIN | EPOLLOUT), w.arg);
	}
}

static bool any_always_ready(void)
{
	for (int fd = 0; nr_always_ready && fd < nr_watches; fd++)
		if (watches[fd].fn && watches[fd].always_ready &&
		    (watches[fd].events & (EPOLLIN | EPOLLOUT)))
			return true;
	return false;
}

int loop__run(void)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int err = setup();

	if (err)
		return err;
	while (!stopped) {
		bool ready = any_always_ready();
		int n = epoll_wait(epoll_fd, events, EVENTS_A_ROUND, ready ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !stopped; i++) {
			uint64_t data = events[i].data.u64;
			uint32_t fd = (uint32_t)data;

			if (data == UINT64_MAX) {
				run_timers();
				continue;
			}
			if (watches[fd].fn && watches[fd].number == data >> 32)
				watches[fd].fn(fd, events[i].events, watches[fd].arg);
		}
		if (ready)
			run_always_ready();
	}
	stopped = false;
	return stop_code;
}

void loop__stop(int code)
{
	if (!stopped)
		stop_code = code;
	stopped = true;
}
