/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of a console port: a file descriptor that somebody else opened
 * (a terminal, pipe, file or socket), read and written without ever blocking.
 */
#ifndef HOSTOS_DEV_CONSOLE_HOST_H
#define HOSTOS_DEV_CONSOLE_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct console_host {
	int fd;			/* own; -1: none */
	bool socket, terminal;
	bool waits;		/* a call could block: ask poll(2) first, take little */
	uint32_t chunk;		/* bytes that one write may have */
};

/* Gets an own descriptor for the file behind fd (-1 gives none). 0 or -errno. */
int console_host__open(struct console_host *host, int fd, bool for_write);
void console_host__close(struct console_host *host);

/* Bytes done, 0 at the end of input, or -errno; -EAGAIN when the host isn't ready. */
ssize_t console_host__read(struct console_host *host, void *to, uint32_t len);
ssize_t console_host__write(struct console_host *host, const struct iovec *iov, unsigned int nr);

#endif
