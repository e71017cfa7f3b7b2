// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several CPUs bring: the rows of tests/bench/smp, on the host and in guests.
 *
 *	parallel loop THREADS	each thread computes the same, without the kernel
 *	parallel ping		round trips between two processes; ns for one
 *	parallel run N COMMAND...
 *				N times the command at once, until the last has ended
 *	parallel tree FOLDER	makes a tree of 9261 files in 463 folders, for find
 *
 * Prints ns. Exit status: 0; 1 it can't be measured; 2 wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_AT_ONCE	64
#define STEPS		150000000UL
#define TRIPS		4000
#define WIDTH		21

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int fail(const char *what)
{
	fprintf(stderr, "parallel: %s: %s\n", what, strerror(errno));
	return 1;
}

static void *compute(void *arg)
{
	uint64_t x = (uintptr_t)arg;

	for (unsigned long i = 0; i < STEPS; i++)
		__asm__ volatile("imul $0x5851f42d, %0, %0\n\tadd $1, %0" : "+r"(x));
	return NULL;
}

static int loop(int nr)
{
	pthread_t threads[MAX_AT_ONCE];
	uint64_t start = now();

	for (int i = 0; i < nr; i++) {
		errno = pthread_create(&threads[i], NULL, compute, (void *)(uintptr_t)i);
		if (errno)
			return fail("a thread");
	}
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	printf("%lu\n", now() - start);
	return 0;
}

static int ping(void)
{
	int to[2], from[2];
	uint64_t start = 0;
	char c = 0;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return fail("a pipe");
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (!pid) {
		close(to[1]);
		while (read(to[0], &c, 1) == 1 && write(from[1], &c, 1) == 1)
			;
		_exit(0);
	}
	/* The first half lets the scheduler find places for both. */
	for (int i = 0; i < TRIPS; i++) {
		if (i == TRIPS / 2)
			start = now();
		if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
			return fail("ping-pong");
	}
	printf("%lu\n", (now() - start) / (TRIPS / 2));
	close(to[1]);
	waitpid(pid, NULL, 0);
	return 0;
}

static int run(int nr, char **argv)
{
	uint64_t start = now();
	int bad = 0;

	for (int i = 0; i < nr; i++) {
		pid_t pid = fork();
		int null;

		if (pid < 0)
			return fail("fork");
		if (pid)
			continue;
		null = open("/dev/null", O_WRONLY);
		if (null >= 0)
			dup2(null, STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	for (int i = 0; i < nr; i++) {
		int status = -1;

		wait(&status);
		bad += status != 0;
	}
	if (bad) {
		fprintf(stderr, "parallel: %d of %d times %s did not end well\n", bad, nr, argv[0]);
		return 1;
	}
	printf("%lu\n", now() - start);
	return 0;
}

static int tree(const char *folder)
{
	char path[4096];

	if (mkdir(folder, 0755))
		return fail(folder);
	for (int i = 0; i < WIDTH * WIDTH * WIDTH; i++) {
		int a = i / WIDTH / WIDTH, b = i / WIDTH % WIDTH, fd;

		snprintf(path, sizeof(path), "%s/%d", folder, a);
		if (mkdir(path, 0755) && errno != EEXIST)
			return fail(path);
		snprintf(path, sizeof(path), "%s/%d/%d", folder, a, b);
		if (mkdir(path, 0755) && errno != EEXIST)
			return fail(path);
		snprintf(path, sizeof(path), "%s/%d/%d/%d", folder, a, b, i % WIDTH);
		fd = open(path, O_CREAT | O_WRONLY, 0644);
		if (fd < 0)
			return fail(path);
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int nr = argc > 2 ? atoi(argv[2]) : 0;
	bool number = nr > 0 && nr <= MAX_AT_ONCE;

	if (!strcmp(what, "loop") && argc == 3 && number)
		return loop(nr);
	if (!strcmp(what, "ping") && argc == 2)
		return ping();
	if (!strcmp(what, "run") && argc > 3 && number)
		return run(nr, argv + 3);
	if (!strcmp(what, "tree") && argc == 3)
		return tree(argv[2]);
	fprintf(stderr, "usage: parallel loop THREADS | ping | run N COMMAND... | tree FOLDER\n");
	return 2;
}
