/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the monitor to its user: one line each, on stderr, "kap: " in front.
 */
#ifndef HOSTOS_MSG_H
#define HOSTOS_MSG_H

#include <stdbool.h>
#include <stddef.h>

/* What went wrong, where, and the next step. Always printed. */
void msg__error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What the user should know; not with --quiet. */
void msg__note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Details; only with --verbose. */
void msg__detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line of a report, without "kap: " in front. Always printed. */
void msg__report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Guest output, only with --verbose: byte for byte but for line ends on a raw terminal. */
void msg__guest_output(const char *data, size_t len);

void msg__set_level(bool quiet, bool verbose);

/* On a raw terminal a line needs a carriage return as well. */
void msg__set_raw(bool raw);

#endif
