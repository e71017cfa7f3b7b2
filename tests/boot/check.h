/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guest programs of the boot tests: their verdicts, as lines that boot.sh turns into TAP.
 */
#ifndef BOOT_CHECK_H
#define BOOT_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int check_failures;

static bool __attribute__((format(printf, 2, 3), unused)) check(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%s - ", good ? "ok" : "not ok");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
	check_failures += !good;
	return good;
}

static void __attribute__((format(printf, 1, 2), unused)) note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

/* The program itself ends with 0 when it came to its end: its lines are the verdict. */
static int __attribute__((unused)) check_end(void)
{
	return 0;
}

#endif
