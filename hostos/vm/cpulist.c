// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets and lists of host CPUs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "vm/cpulist.h"

void cpulist__allowed(struct cpulist_set *set)
{
	memset(set, 0, sizeof(*set));
	if (sched_getaffinity(0, sizeof(*set), (cpu_set_t *)set) || !cpulist__count(set)) {
		int cpu = sched_getcpu();

		memset(set, 0, sizeof(*set));
		cpulist__add(set, cpu > 0 && cpu < CPULIST_CPUS ? cpu : 0);
	}
}

unsigned int cpulist__count(const struct cpulist_set *set)
{
	unsigned int n = 0;

	for (int i = 0; i < CPULIST_CPUS / 64; i++)
		n += __builtin_popcountll(set->bits[i]);
	return n;
}

int cpulist__next(const struct cpulist_set *set, unsigned int from)
{
	for (unsigned int i = 0; i < CPULIST_CPUS; i++) {
		unsigned int cpu = (from + i) % CPULIST_CPUS;

		if (cpulist__has(set, cpu))
			return cpu;
	}
	return -1;
}

/* Digits only: no sign, no space. Negative errno, or the number; *text goes behind it. */
static int parse_cpu(const char **text)
{
	int cpu = 0;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		cpu = cpu * 10 + (**text - '0');
		if (cpu >= CPULIST_CPUS)
			return -ERANGE;
	}
	return cpu;
}

int cpulist__parse(const char *text, uint16_t *list, int max)
{
	int n = 0;

	for (;; text++) {
		int first = parse_cpu(&text), last = first;

		if (first < 0)
			return first;
		if (*text == '-') {
			text++;
			last = parse_cpu(&text);
			if (last < 0)
				return last;
			if (last < first)
				return -EINVAL;
		}
		for (int cpu = first; cpu <= last; cpu++) {
			if (n == max)
				return -E2BIG;
			list[n++] = cpu;
		}
		if (!*text)
			return n;
		if (*text != ',')
			return -EINVAL;
	}
}

char *cpulist__format(const struct cpulist_set *set, char *buf, size_t size)
{
	size_t used = 0;

	*buf = 0;
	for (unsigned int cpu = 0; cpu < CPULIST_CPUS; cpu++) {
		unsigned int last = cpu;
		char one[16];

		if (!cpulist__has(set, cpu))
			continue;
		while (cpulist__has(set, last + 1))
			last++;
		if (last == cpu)
			snprintf(one, sizeof(one), "%s%u", used ? "," : "", cpu);
		else
			snprintf(one, sizeof(one), "%s%u-%u", used ? "," : "", cpu, last);
		/* Room must stay for the mark of a cut. */
		if (used + strlen(one) + sizeof(",...") > size) {
			strcpy(buf + used, used ? ",..." : "...");
			return buf;
		}
		strcpy(buf + used, one);
		used += strlen(one);
		cpu = last;
	}
	return buf;
}
