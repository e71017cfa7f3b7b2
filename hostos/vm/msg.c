// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the monitor to its user. Each is written with a single write(2), so that
 * lines of several processes don't mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vm/msg.h"

static bool level_quiet, level_verbose, terminal_raw;

static void put(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= n;
	}
}

static void print(const char *prefix, const char *fmt, va_list ap)
{
	char line[2048];
	int used = snprintf(line, sizeof(line), "%s%s", terminal_raw ? "\r" : "", prefix);
	int room = sizeof(line) - used - 2;
	int n = vsnprintf(line + used, room, fmt, ap);

	used += n < 0 ? 0 : n < room ? n : room - 1;
	if (terminal_raw)
		line[used++] = '\r';
	line[used++] = '\n';
	put(line, used);
}

void msg__error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print("kap: ", fmt, ap);
	va_end(ap);
}

void msg__note(const char *fmt, ...)
{
	va_list ap;

	if (level_quiet)
		return;
	va_start(ap, fmt);
	print("kap: ", fmt, ap);
	va_end(ap);
}

void msg__detail(const char *fmt, ...)
{
	va_list ap;

	if (!level_verbose)
		return;
	va_start(ap, fmt);
	print("kap: ", fmt, ap);
	va_end(ap);
}

void msg__report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print("", fmt, ap);
	va_end(ap);
}

void msg__guest_output(const char *data, size_t len)
{
	if (!level_verbose)
		return;
	while (terminal_raw && len) {
		const char *nl = memchr(data, '\n', len);

		if (!nl)
			break;
		put(data, nl - data);
		put("\r\n", 2);
		len -= nl + 1 - data;
		data = nl + 1;
	}
	put(data, len);
}

void msg__set_level(bool quiet, bool verbose)
{
	level_quiet = quiet;
	level_verbose = verbose;
}

void msg__set_raw(bool raw)
{
	terminal_raw = raw;
}
