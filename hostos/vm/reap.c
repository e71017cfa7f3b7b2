// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the host processes of a VM. Spaces are descendants of space 0 and die with it (each
 * asks the host for that); the monitor is their next parent and makes sure.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/reap.h"

/* Children that the program was started with (a shell's exec); not ours to end. */
static bool had_children;

void reap__adopt(void)
{
	siginfo_t info;

	had_children = !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || errno != ECHILD;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	char *name_end;
	ssize_t n;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	/* The name in parentheses may contain anything; the last one closes it. */
	name_end = strrchr(text, ')');
	return name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static void kill_by_search(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && parent_of(entry->d_name) == getpid())
			kill(pid, SIGKILL);
	}
	closedir(proc);
}

/* Every child, also one that left the process group. */
static void kill_children(void)
{
	char path[64];
	FILE *list;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	list = fopen(path, "re");
	if (!list) {
		kill_by_search();
		return;
	}
	while (fscanf(list, "%d", &pid) == 1)
		if (pid > 0)
			kill(pid, SIGKILL);
	fclose(list);
}

int reap__all(pid_t space0)
{
	pid_t which = had_children ? -space0 : -1;
	int status, status0 = 0;
	pid_t pid;

	if (space0 <= 0)
		return 0;
	kill(-space0, SIGKILL);
	kill(space0, SIGKILL);
	for (;;) {
		pid = waitpid(which, &status, WNOHANG | __WALL);
		if (!pid) {
			if (had_children)
				kill(-space0, SIGKILL);
			else
				kill_children();
			pid = waitpid(which, &status, __WALL);
		}
		if (pid == space0)
			status0 = status;
		if (pid < 0 && errno != EINTR)
			return status0;
	}
}
