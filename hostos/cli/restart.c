// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rebooted guest is a new one: fresh memory, fresh entropy, devices as at power-on. Nothing
 * gives that more surely than executing the program again. Only the time-out goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/restart.h"
#include "cli/status.h"
#include "vm/msg.h"

static char **run_argv;
static struct timespec begun;

void restart__begin(char **argv)
{
	run_argv = argv;
	clock_gettime(CLOCK_MONOTONIC, &begun);
}

static uint64_t time_left(uint64_t timeout_ns)
{
	struct timespec now;
	uint64_t used;

	clock_gettime(CLOCK_MONOTONIC, &now);
	used = (now.tv_sec - begun.tv_sec) * 1000000000ll + now.tv_nsec - begun.tv_nsec;
	/* 0 would mean no time-out. */
	return used + 1000000 < timeout_ns ? timeout_ns - used : 1000000;
}

int restart__now(const struct run_options *options)
{
	char timeout[64];
	char **argv;
	size_t n = 0, out = 0;
	sigset_t none;

	while (run_argv[n])
		n++;
	argv = calloc(n + 3, sizeof(*argv));
	if (!argv) {
		msg__error("rebooting the guest: %s; free some memory", strerror(ENOMEM));
		return STATUS_HOST;
	}
	argv[out++] = "kap";
	for (size_t i = 0; i < n; i++)
		argv[out++] = run_argv[i];
	if (options->timeout_ns) {
		uint64_t left = time_left(options->timeout_ns);

		snprintf(timeout, sizeof(timeout), "--timeout=%llu.%09llu",
			 (unsigned long long)(left / 1000000000),
			 (unsigned long long)(left % 1000000000));
		argv[out++] = timeout;
	}
	msg__detail("the guest reboots");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	msg__error("rebooting the guest: /proc/self/exe: %s; make /proc available, and start kap "
		   "again",
		   strerror(errno));
	free(argv);
	return STATUS_HOST;
}
