/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets and lists of host CPUs, as in "0-2,5".
 */
#ifndef HOSTOS_CPULIST_H
#define HOSTOS_CPULIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPULIST_CPUS	8192	/* the most that Linux can be built for, on x86 */

struct cpulist_set {
	uint64_t bits[CPULIST_CPUS / 64];
};

static inline bool cpulist__has(const struct cpulist_set *set, unsigned int cpu)
{
	return cpu < CPULIST_CPUS && set->bits[cpu / 64] >> (cpu % 64) & 1;
}

static inline void cpulist__add(struct cpulist_set *set, unsigned int cpu)
{
	set->bits[cpu / 64] |= 1ull << (cpu % 64);
}

/* The host CPUs that this process may use now. At least one. */
void cpulist__allowed(struct cpulist_set *set);

unsigned int cpulist__count(const struct cpulist_set *set);

/* The first CPU of the set from `from` on, which wraps around; -1: the set is empty. */
int cpulist__next(const struct cpulist_set *set, unsigned int from);

/*
 * Parses a list; order and repetitions count. -EINVAL: no list; -ERANGE: a CPU above the highest
 * possible one; -E2BIG: more than `max` entries, which is told only of lists without a mistake
 * before. Else the number of entries, at least one.
 */
int cpulist__parse(const char *text, uint16_t *list, int max);

/* Writes "0-2,5"; cut with "..." when it doesn't fit. size: at least 8. Returns buf. */
char *cpulist__format(const struct cpulist_set *set, char *buf, size_t size);

#endif
