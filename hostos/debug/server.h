/* SPDX-License-Identifier: GPL-2.0-only */
/* The sockets at which debuggers connect: one debugger at a time, whatever the way it takes. */
#ifndef HOSTOS_SERVER_H
#define HOSTOS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct server_events {
	void (*connected)(void);
	void (*received)(const void *bytes, size_t len);
	void (*gone)(void); /* closed by the other side, or failed */
	bool (*busy)(void); /* who is connected is in earnest; else the next one takes its place */
};

/*
 * Listens at "PORT" (TCP, loopback only) or "unix:PATH". May be called more than once. 0 or
 * -errno, told.
 */
int server__listen(const char *where, const struct server_events *events);

/* To the debugger; what it does not take at once is kept, up to 16 MiB. */
void server__send(const void *bytes, size_t len);

/* Ends the connection: at once, or when everything is sent. gone() is not called. */
void server__hang_up(bool at_once);

/* Closes everything; removes the sockets that it has made. */
void server__stop(void);

#endif
