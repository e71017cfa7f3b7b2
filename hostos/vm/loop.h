/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor's event loop: one thread, epoll. Callbacks run to completion;
 * nothing in them may block.
 */
#ifndef HOSTOS_LOOP_H
#define HOSTOS_LOOP_H

#include <stdint.h>
#include <stdbool.h>

typedef void (*loop_fd_fn)(int fd, uint32_t epoll_events, void *arg);
typedef void (*loop_timer_fn)(void *arg);

struct loop_timer;

/*
 * Watches fd for EPOLLIN/EPOLLOUT bits. One watch an fd. A regular file, which epoll
 * refuses, counts as always ready. 0 or -errno.
 */
int loop__add_fd(int fd, uint32_t epoll_events, loop_fd_fn fn, void *arg);
int loop__mod_fd(int fd, uint32_t epoll_events);
void loop__del_fd(int fd);

/* One-shot timers; ns from now. loop__timer_new returns NULL when out of memory. */
struct loop_timer *loop__timer_new(loop_timer_fn fn, void *arg);
void loop__timer_set(struct loop_timer *timer, uint64_t ns);
void loop__timer_stop(struct loop_timer *timer);
void loop__timer_free(struct loop_timer *timer);

/* Runs until loop__stop(code); returns the code. */
int loop__run(void);
void loop__stop(int code);

#endif
