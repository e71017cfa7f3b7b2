// SPDX-License-Identifier: GPL-2.0-only
/*
 * The micro benchmark: what single operations of a kernel cost, in ns.
 *
 * One static program that runs unchanged on the host, as the only program of an
 * initramfs and in a sandbox. It needs no writable file system and no other
 * file than itself, in the current folder under the name it was started with.
 *
 *	micro [ROW...]	measures all rows, or those named
 *	micro exit	ends at once (what the fork+exec row starts)
 *
 * Output: "row<TAB>ns" lines, then "complete<TAB>number of rows". A row that can't be
 * measured prints "row<TAB>failed<TAB>reason". BENCH_BOX_MS is the time spent on
 * each row (default 100).
 *
 * A row is measured in batches of about 1/24 of its time. The result is the median
 * batch, not the fastest: a cost that comes now and then (refilling a pool, evicting a
 * mapping) has to show. The control rows are a loop that never enters the kernel; when
 * they drift, the machine was disturbed and the other rows say nothing. Their fastest
 * batch, "control_best", is free of the guest's own clock ticks: it tells whether the
 * guest has the host's CPU and a clock that runs right.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define BIG		(16UL << 20)
#define SMALL		(64UL << 10)
#define MAX_BATCHES	512
#define MIN_BATCHES	3
#define FAILED		UINT64_MAX

struct row {
	const char *name;
	/* Does the operation n times; returns the ns that took, or FAILED and errno. */
	uint64_t (*run)(unsigned long n);
	unsigned long units;	/* what is counted, in one operation */
};

static const char *self;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* One operation is 1000 steps of a dependency chain, so one unit is 1000 steps. */
static uint64_t run_control(unsigned long n)
{
	uint64_t start = now(), x = n, i;

	for (i = 0; i < n * 1000; i++)
		__asm__ volatile("imul $0x5851f42d, %0, %0\n\tadd $1, %0" : "+r"(x));
	return now() - start;
}

/* libc's function of its own for one call, as programs use it. */
static uint64_t run_null_syscall(unsigned long n)
{
	uint64_t start = now();

	while (n--)
		getppid();
	return now() - start;
}

/* libc's one function for all numbers, which no engine can know beforehand. */
static uint64_t run_any_syscall(unsigned long n)
{
	uint64_t start = now();

	while (n--)
		syscall(SYS_getppid);
	return now() - start;
}

static uint64_t run_clock_gettime(unsigned long n)
{
	uint64_t start = now();
	struct timespec ts;

	while (n--)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return now() - start;
}

static uint64_t run_read_zero(unsigned long n)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	uint64_t start;
	char c;

	if (fd < 0)
		return FAILED;
	start = now();
	while (n--) {
		if (read(fd, &c, 1) != 1) {
			close(fd);
			return FAILED;
		}
	}
	start = now() - start;
	close(fd);
	return start;
}

static uint64_t run_stat(unsigned long n)
{
	uint64_t start = now();
	struct stat st;

	while (n--) {
		if (stat(self, &st))
			return FAILED;
	}
	return now() - start;
}

static uint64_t run_open_close(unsigned long n)
{
	uint64_t start = now();

	while (n--) {
		int fd = open(self, O_RDONLY);

		if (fd < 0)
			return FAILED;
		close(fd);
	}
	return now() - start;
}

/* Unmapping is left out: the row is the cost of a fault, munmap has a row of its own. */
static uint64_t touch(unsigned long n, int fd, int prot, int flags)
{
	uint64_t sum = 0, start;
	unsigned long off;

	while (n--) {
		volatile char *p;

		start = now();
		p = mmap(NULL, BIG, prot, flags, fd, 0);
		if (p == MAP_FAILED)
			return FAILED;
		if (prot & PROT_WRITE) {
			for (off = 0; off < BIG; off += PAGE)
				p[off] = 1;
		} else {
			for (off = 0; off < BIG; off += PAGE)
				(void)p[off];
		}
		sum += now() - start;
		munmap((void *)p, BIG);
	}
	return sum;
}

static uint64_t run_anon_touch(unsigned long n)
{
	return touch(n, -1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

static uint64_t run_filemap_read(unsigned long n)
{
	static int fd = -1;

	if (fd < 0) {
		char page[PAGE];
		unsigned long off;

		fd = memfd_create("micro", MFD_CLOEXEC);
		if (fd < 0)
			return FAILED;
		memset(page, 1, sizeof(page));
		for (off = 0; off < BIG; off += PAGE) {
			if (write(fd, page, PAGE) != (ssize_t)PAGE)
				return FAILED;
		}
	}
	return touch(n, fd, PROT_READ, MAP_PRIVATE);
}

static uint64_t run_mmap_munmap(unsigned long n)
{
	uint64_t start = now();
	unsigned long off;

	while (n--) {
		volatile char *p = mmap(NULL, SMALL, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return FAILED;
		for (off = 0; off < SMALL; off += PAGE)
			p[off] = 1;
		munmap((void *)p, SMALL);
	}
	return now() - start;
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static uint64_t run_signal(unsigned long n)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;
	unsigned long i;
	pid_t pid = getpid();
	uint64_t start;

	if (sigaction(SIGUSR1, &sa, &old))
		return FAILED;
	signals = 0;
	start = now();
	for (i = 0; i < n; i++)
		kill(pid, SIGUSR1);
	start = now() - start;
	sigaction(SIGUSR1, &old, NULL);
	if ((unsigned long)signals != n) {
		errno = EPROTO;
		return FAILED;
	}
	return start;
}

static void pong(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1) {
		if (write(out, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static uint64_t run_pipe_pingpong(unsigned long n)
{
	uint64_t start;
	int to[2], from[2];
	char c = 0;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return FAILED;
	pid = fork();
	if (pid < 0)
		return FAILED;
	if (!pid) {
		close(to[1]);
		close(from[0]);
		pong(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	/* The first one waits for the child's start. */
	if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
		return FAILED;
	start = now();
	while (n--) {
		if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
			return FAILED;
	}
	start = now() - start;
	close(to[1]);
	close(from[0]);
	waitpid(pid, NULL, 0);
	return start;
}

static uint64_t fork_wait(unsigned long n, int exec)
{
	char *const argv[] = { (char *)self, "exit", NULL };
	char *const envp[] = { NULL };
	uint64_t start = now();

	while (n--) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			return FAILED;
		if (!pid) {
			if (exec)
				execve(self, argv, envp);
			_exit(exec);
		}
		if (waitpid(pid, &status, 0) != pid)
			return FAILED;
		if (status) {
			errno = ENOEXEC;
			return FAILED;
		}
	}
	return now() - start;
}

static uint64_t run_fork_exit_wait(unsigned long n)
{
	return fork_wait(n, 0);
}

static uint64_t run_fork_exec_wait(unsigned long n)
{
	return fork_wait(n, 1);
}

static void *thread(void *arg)
{
	return arg;
}

static uint64_t run_thread(unsigned long n)
{
	uint64_t start = now();

	while (n--) {
		pthread_t t;

		errno = pthread_create(&t, NULL, thread, NULL);
		if (errno)
			return FAILED;
		pthread_join(t, NULL);
	}
	return now() - start;
}

/* Control rows at both ends and in the middle: a set is judged by the worst of them. */
static const struct row rows[] = {
	{ "control",		run_control,		1 },
	{ "null_syscall",	run_null_syscall,	1 },
	{ "any_syscall",	run_any_syscall,	1 },
	{ "clock_gettime",	run_clock_gettime,	1 },
	{ "read_zero",		run_read_zero,		1 },
	{ "stat",		run_stat,		1 },
	{ "open_close",		run_open_close,		1 },
	{ "anon_touch",		run_anon_touch,		BIG / PAGE },
	{ "filemap_read",	run_filemap_read,	BIG / PAGE },
	{ "control_mid",	run_control,		1 },
	{ "mmap_munmap",	run_mmap_munmap,	1 },
	{ "signal",		run_signal,		1 },
	{ "pipe_pingpong",	run_pipe_pingpong,	1 },
	{ "fork_exit_wait",	run_fork_exit_wait,	1 },
	{ "fork_exec_wait",	run_fork_exec_wait,	1 },
	{ "thread_create_join",	run_thread,		1 },
	{ "control_end",	run_control,		1 },
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median ns of one unit, or a negative errno; *best is the fastest batch. */
static double measure(const struct row *row, uint64_t box, double *best)
{
	static double batch[MAX_BATCHES];
	uint64_t ns, begin;
	unsigned long n = 1;
	int count = 0;

	/* Finds how many operations make a batch; also the warm-up. */
	for (;;) {
		ns = row->run(n);
		if (ns == FAILED)
			return -errno;
		if (ns >= box / 48)
			break;
		n = ns < box / 4800 ? n * 10 : n * (box / 24) / ns + 1;
	}

	begin = now();
	do {
		ns = row->run(n);
		if (ns == FAILED)
			return -errno;
		batch[count++] = (double)ns / n / row->units;
	} while (count < MAX_BATCHES && (count < MIN_BATCHES || now() - begin < box));

	qsort(batch, count, sizeof(*batch), compare);
	*best = batch[0];
	return count % 2 ? batch[count / 2] : (batch[count / 2 - 1] + batch[count / 2]) / 2;
}

static int wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return 1;
	}
	return argc < 2;
}

/* One write a line, so that a kernel message can't end up in the middle of it. */
static void report(const char *name, double value)
{
	char line[160];
	int len;

	if (value < 0)
		len = snprintf(line, sizeof(line), "%s\tfailed\t%s\n", name, strerror((int)-value));
	else
		len = snprintf(line, sizeof(line), "%s\t%.2f\n", name, value);
	if (write(STDOUT_FILENO, line, len) != len)
		_exit(1);
}

int main(int argc, char **argv)
{
	const char *box_ms = getenv("BENCH_BOX_MS");
	int ms = box_ms ? atoi(box_ms) : 100;
	int done = 0, failed = 0;
	cpu_set_t cpus;
	size_t i;

	if (argc == 2 && !strcmp(argv[1], "exit"))
		return 0;
	if (ms < 1 || ms > 10000) {
		fprintf(stderr, "micro: BENCH_BOX_MS=%s: give 1 to 10000 milliseconds\n", box_ms);
		return 2;
	}
	self = argv[0];

	/* Guests have one CPU: the host and the sandbox are to ping-pong on one, too. */
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu() < 0 ? 0 : sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double value, best = 0;

		if (!wanted(rows[i].name, argc, argv))
			continue;
		value = measure(&rows[i], ms * 1000000ULL, &best);
		report(rows[i].name, value);
		if (value >= 0 && rows[i].run == run_control) {
			char name[32];

			snprintf(name, sizeof(name), "%s_best", rows[i].name);
			report(name, best);
		}
		done += value >= 0;
		failed += value < 0;
	}
	if (!done && !failed) {
		fprintf(stderr, "micro: no row of that name; rows are:");
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			fprintf(stderr, " %s", rows[i].name);
		fprintf(stderr, "\n");
		return 2;
	}
	report("complete", done);
	return failed ? 1 : 0;
}
