/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest kernel says before (and beside) its console: the log ring, and the last lines of
 * everything, kept for a crash report.
 */
#ifndef HOSTOS_LOG_H
#define HOSTOS_LOG_H

#include <stddef.h>
#include <stdint.h>

struct vm;

/* Takes what the guest has written to the log ring. */
void log__drain(struct vm *vm);

/* Adds console output that came another way: kept, and printed with --verbose. */
void log__add(const char *data, size_t len);

/* The same for what the user has already seen: only kept. */
void log__keep(const char *data, size_t len);

/* The last lines that are kept, harmless for a terminal and without their ends, oldest first. */
void log__last(unsigned int lines, void (*fn)(const char *line, void *arg), void *arg);

/* Prints them as part of a report. */
void log__print_last(unsigned int lines);

/* The kept bytes, oldest first: copies at most len of the newest, returns how many. */
size_t log__kept(char *to, size_t len);

#endif
