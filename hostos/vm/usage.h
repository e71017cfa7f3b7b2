/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host tells, in /proc, of the time that threads and CPUs used.
 */
#ifndef HOSTOS_USAGE_H
#define HOSTOS_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vm/cpulist.h"

/* Time of a thread so far, in ns: on a CPU, and ready but waiting for one. */
struct usage_thread {
	uint64_t run_ns, wait_ns;
};

/* Parses /proc/PID/task/TID/schedstat; false: not of that form. */
bool usage__parse_schedstat(const char *text, struct usage_thread *used);

/*
 * The time of a thread of process pid, or of one in the process group pgrp. Both refuse tids
 * that lie outside: they may come from the guest, which has no business with other processes.
 */
bool usage__of_thread(pid_t pid, pid_t tid, struct usage_thread *used);
bool usage__of_group(pid_t pgrp, pid_t tid, struct usage_thread *used);

/* One line of /proc/stat, in ticks since the host's boot. */
struct usage_cpu {
	unsigned int cpu;
	uint64_t idle;		/* with waiting for I/O */
	uint64_t all;
};

/* Parses the next "cpuN" line from *text on, and goes behind it; false: there is none. */
bool usage__parse_stat(const char **text, struct usage_cpu *one);

/*
 * Percent of each host CPU of the set that was busy since the last call, into busy[CPU]. False when
 * there is nothing to compare with yet: the last call was more than max_age_ns ago.
 */
bool usage__of_cpus(const struct cpulist_set *set, uint64_t now_ns, uint64_t max_age_ns,
		    uint8_t busy[CPULIST_CPUS]);

#endif
