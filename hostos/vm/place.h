/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Placement: a vCPU and the user code that it waits for share one host CPU, because they take
 * turns. This moves them together when that CPU is taken by others and another one is free.
 */
#ifndef HOSTOS_PLACE_H
#define HOSTOS_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Starts to watch, from the event loop. 0 or -errno. */
int place__start(struct vm *vm);
void place__stop(void);

/* Time of a thread so far, in ns: on a CPU, and ready but waiting for one. */
struct place_load {
	uint64_t run_ns, wait_ns;
};

/* Parses /proc/PID/task/TID/schedstat; false: not of that form. */
bool place__parse_schedstat(const char *text, struct place_load *load);

/* Finds "cpuN" in /proc/stat: ticks idle (with I/O wait) and in all; false: no such line. */
bool place__parse_stat(const char *text, int cpu, uint64_t *idle, uint64_t *all);

/* Whether a vCPU that ran and waited this long should leave its CPU. */
bool place__crowded(const struct place_load *before, const struct place_load *now,
		    uint64_t interval_ns);

#endif
