// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement of the vCPUs' threads on host CPUs. See place.h for why they are bound at all.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/loop.h"
#include "vm/msg.h"
#include "vm/place.h"
#include "vm/vm.h"

#define INTERVAL_NS	500000000ULL
/*
 * Waiting for more than this share of the interval makes a CPU crowded. The vCPU
 * and its runner wait for each other, too: up to a quarter of the time, one trap after the other.
 */
#define CROWDED_PERCENT	40
/* Another CPU is free when it idles for at least half of the interval. */
#define FREE_SHARE	2
#define STAT_SIZE	65536

static struct {
	struct vm *vm;
	struct loop_timer *timer;
	cpu_set_t allowed;
	struct place_load load;
	uint64_t idle[CPU_SETSIZE], all[CPU_SETSIZE];
} place;

bool place__parse_schedstat(const char *text, struct place_load *load)
{
	unsigned long long run, wait;

	if (sscanf(text, "%llu %llu", &run, &wait) != 2)
		return false;
	load->run_ns = run;
	load->wait_ns = wait;
	return true;
}

bool place__parse_stat(const char *text, int cpu, uint64_t *idle, uint64_t *all)
{
	unsigned long long v[8] = { 0 };
	char name[16];
	const char *line = text;

	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (line && strncmp(line, name, strlen(name))) {
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	if (!line || sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu", &v[0],
			    &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 5)
		return false;
	*idle = v[3] + v[4];
	*all = 0;
	for (int i = 0; i < 8; i++)
		*all += v[i];
	return true;
}

bool place__crowded(const struct place_load *before, const struct place_load *now,
		    uint64_t interval_ns)
{
	return now->wait_ns - before->wait_ns > interval_ns / 100 * CROWDED_PERCENT;
}

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	return true;
}

/* The vCPU's thread and the runner it is waiting for, together. */
static bool read_load(struct place_load *sum)
{
	const struct kap_vcpu *vcpu = vm__vcpu(place.vm, 0);
	int tids[2] = { place.vm->space0, vcpu->runner_tid };
	char path[64], text[128];
	struct place_load one;

	*sum = (struct place_load){ 0 };
	for (int i = 0; i < 2; i++) {
		/* The guest wrote the second number: it only names a file to read. */
		snprintf(path, sizeof(path), "/proc/%d/schedstat", tids[i]);
		if (!read_file(path, text, sizeof(text)) || !place__parse_schedstat(text, &one))
			return i > 0;
		sum->run_ns += one.run_ns;
		sum->wait_ns += one.wait_ns;
	}
	return true;
}

/* The allowed CPU that idled most since the last look, if it is free; else -1. */
static int find_free(int besides)
{
	static char text[STAT_SIZE];
	uint64_t best = 0;
	int found = -1;

	if (!read_file("/proc/stat", text, sizeof(text)))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		uint64_t idle, all, idled, passed;

		if (!CPU_ISSET(cpu, &place.allowed) || !place__parse_stat(text, cpu, &idle, &all))
			continue;
		idled = idle - place.idle[cpu];
		passed = all - place.all[cpu];
		place.idle[cpu] = idle;
		place.all[cpu] = all;
		if (cpu != besides && idled * FREE_SHARE >= passed && idled > best) {
			best = idled;
			found = cpu;
		}
	}
	return found;
}

static void move_threads(pid_t pid, const cpu_set_t *to)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			sched_setaffinity(atoi(entry->d_name), sizeof(*to), to);
	closedir(dir);
}

/* All processes of the VM are in the process group of space 0. */
static void move_all(int cpu)
{
	cpu_set_t to;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	if (!dir)
		return;
	CPU_ZERO(&to);
	CPU_SET(cpu, &to);
	while ((entry = readdir(dir))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid && getpgid(pid) == place.vm->space0)
			move_threads(pid, &to);
	}
	closedir(dir);
	msg__detail("the guest moves to host CPU %d, its own is busy", cpu);
}

static int home_cpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(place.vm->space0, sizeof(set), &set) || CPU_COUNT(&set) != 1)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return -1;
}

static void look(void *arg)
{
	struct place_load now;
	int home = home_cpu();
	int cpu;

	(void)arg;
	if (home >= 0 && read_load(&now)) {
		cpu = find_free(home);
		if (cpu >= 0 && place__crowded(&place.load, &now, INTERVAL_NS))
			move_all(cpu);
		place.load = now;
	}
	loop__timer_set(place.timer, INTERVAL_NS);
}

int place__start(struct vm *vm)
{
	/* With one CPU there is nothing to choose. */
	if (sched_getaffinity(0, sizeof(place.allowed), &place.allowed) ||
	    CPU_COUNT(&place.allowed) < 2)
		return 0;
	place.vm = vm;
	place.timer = loop__timer_new(look, NULL);
	if (!place.timer)
		return -ENOMEM;
	loop__timer_set(place.timer, INTERVAL_NS);
	return 0;
}

void place__stop(void)
{
	loop__timer_free(place.timer);
	place.timer = NULL;
}
