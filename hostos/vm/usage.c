// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time that threads and CPUs of the host used.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/usage.h"

#define STAT_SIZE	(CPULIST_CPUS * 128)

bool usage__parse_schedstat(const char *text, struct usage_thread *used)
{
	unsigned long long run, wait;

	if (sscanf(text, "%llu %llu", &run, &wait) != 2)
		return false;
	used->run_ns = run;
	used->wait_ns = wait;
	return true;
}

static bool read_thread(const char *path, struct usage_thread *used)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return usage__parse_schedstat(text, used);
}

bool usage__of_thread(pid_t pid, pid_t tid, struct usage_thread *used)
{
	char path[64];

	if (pid <= 0 || tid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	return read_thread(path, used);
}

bool usage__of_group(pid_t pgrp, pid_t tid, struct usage_thread *used)
{
	char path[64];

	if (pgrp <= 0 || tid <= 0 || getpgid(tid) != pgrp)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", tid);
	return read_thread(path, used);
}

/* user nice system idle iowait irq softirq steal; old hosts have only the first five. */
static bool parse_ticks(const char *text, struct usage_cpu *one)
{
	char *end;

	one->idle = one->all = 0;
	for (int i = 0; i < 8; i++) {
		uint64_t ticks;

		if (*text != ' ')
			return i >= 5;
		ticks = strtoull(text + 1, &end, 10);
		one->all += ticks;
		if (i == 3 || i == 4)
			one->idle += ticks;
		text = end;
	}
	return true;
}

bool usage__parse_stat(const char **text, struct usage_cpu *one)
{
	/* The lines of the CPUs come first. */
	while (!strncmp(*text, "cpu", 3)) {
		const char *line = *text, *end = strchr(line, '\n');
		char *ticks;

		/* A line that was cut doesn't count. */
		if (!end)
			return false;
		*text = end + 1;
		/* The sum of all has no number. */
		if (line[3] < '0' || line[3] > '9')
			continue;
		one->cpu = strtoul(line + 3, &ticks, 10);
		if (parse_ticks(ticks, one))
			return true;
	}
	return false;
}

static bool read_stat(char *text, size_t size)
{
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while (have < size - 1 && (n = read(fd, text + have, size - 1 - have)) > 0)
		have += n;
	close(fd);
	text[have] = 0;
	return have;
}

bool usage__of_cpus(const struct cpulist_set *set, uint64_t now_ns, uint64_t max_age_ns,
		    uint8_t busy[CPULIST_CPUS])
{
	static struct {
		uint64_t idle, all;
	} last[CPULIST_CPUS];
	static uint64_t last_ns;
	static char text[STAT_SIZE];
	bool known = last_ns && now_ns - last_ns <= max_age_ns;
	const char *at = text;
	struct usage_cpu one;

	memset(busy, 0, CPULIST_CPUS);
	last_ns = 0;
	if (!read_stat(text, sizeof(text)))
		return false;
	while (usage__parse_stat(&at, &one)) {
		uint64_t idle, all;

		if (!cpulist__has(set, one.cpu))
			continue;
		/* Both may go backwards a little, and by much when a CPU went and came back. */
		all = one.all > last[one.cpu].all ? one.all - last[one.cpu].all : 0;
		idle = one.idle > last[one.cpu].idle ? one.idle - last[one.cpu].idle : 0;
		last[one.cpu].all = one.all;
		last[one.cpu].idle = one.idle;
		if (all)
			busy[one.cpu] = idle < all ? 100 - 100 * idle / all : 0;
	}
	last_ns = now_ns;
	return known;
}
