// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a contender of the benchmark under a time limit, and measures it from outside.
 *
 *	measure run SECONDS COMMAND...
 *		standard output passes through
 *	measure time SECONDS COMMAND...
 *		prints "wall_ns<TAB>ns", from before the start to the end of the command
 *	measure memory SECONDS MARK RAM COMMAND...
 *		waits until the command prints MARK, then until its memory stands still,
 *		and prints "peak_kb", "idle_kb", "tables_kb", "ram_kb", "processes"
 *
 * Memory is counted over the command and all its descendants, so that what processes
 * share is counted once: the sum of Pss from /proc/PID/smaps, without the mappings
 * whose line contains RAM (the name of the file that is guest memory): those are
 * summed up as ram_kb. Host page tables (VmPTE) are in no mapping: tables_kb. peak_kb is the
 * largest sum seen in samples since the start, idle_kb the last one.
 *
 * No process outlives measure: it is the subreaper of all that the command
 * starts, and kills them at the end.
 *
 * Exit status: the command's; 124 time limit; 125 measure itself failed; 126 the command
 * can't be started; 128 + n killed by signal n; 123 the command ended before it printed MARK.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROCS	4096
#define SAMPLE_MS	50
#define STILL_SAMPLES	10

struct usage {
	unsigned long pss, ram, tables;
	int procs, unreadable;
};

static pid_t child;
static int ended, end_status;
static volatile sig_atomic_t asked_to_end;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	exit(125);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512], *p;
	ssize_t len;
	int fd, ppid;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	line[len] = 0;
	/* The name may hold spaces and brackets: the fields go on after the last one. */
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1, " %*c %d", &ppid) != 1)
		return 0;
	return ppid;
}

/* Our descendants; parents may come after their children in /proc, hence the passes. */
static int descendants(pid_t *out)
{
	static pid_t pid[MAX_PROCS], ppid[MAX_PROCS];
	int n = 0, found = 0, i, j, before;
	struct dirent *e;
	DIR *dir = opendir("/proc");

	if (!dir)
		die("/proc");
	while ((e = readdir(dir)) && n < MAX_PROCS) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid[n] = atoi(e->d_name);
		ppid[n] = parent_of(pid[n]);
		if (ppid[n])
			n++;
	}
	closedir(dir);
	do {
		before = found;
		for (i = 0; i < n; i++) {
			int ours = ppid[i] == getpid();

			for (j = 0; j < found && !ours; j++)
				ours = ppid[i] == out[j];
			if (ours) {
				out[found++] = pid[i];
				ppid[i] = 0;
			}
		}
	} while (found != before);
	return found;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child) {
			ended = 1;
			end_status = status;
		}
	}
}

/* Until none is left: a process may have started another one since we looked. */
static void kill_all(void)
{
	static pid_t pids[MAX_PROCS];
	int n, i;

	while ((n = descendants(pids)) > 0) {
		for (i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

static void add_usage(pid_t pid, const char *ram, struct usage *u)
{
	char path[64], line[4352];
	int is_ram = 0;
	unsigned long kb;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	if (!f) {
		u->unreadable += errno != ENOENT && errno != ESRCH;
		return;
	}
	u->procs++;
	while (fgets(line, sizeof(line), f)) {
		if (isxdigit((unsigned char)line[0]) && !isupper((unsigned char)line[0]))
			is_ram = strstr(line, ram) != NULL;
		else if (sscanf(line, "Pss: %lu", &kb) == 1)
			*(is_ram ? &u->ram : &u->pss) += kb;
	}
	fclose(f);

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmPTE: %lu", &kb) == 1)
			u->tables += kb;
	}
	fclose(f);
}

static struct usage usage_now(const char *ram)
{
	static pid_t pids[MAX_PROCS];
	struct usage u = { 0 };
	int n = descendants(pids), i;

	for (i = 0; i < n; i++)
		add_usage(pids[i], ram, &u);
	return u;
}

static void on_signal(int sig)
{
	asked_to_end = sig;
}

static void on_child(int sig)
{
	(void)sig;
}

/* stdin is a pipe that nobody writes to: a console which waits for its user. */
static void start(char **argv, int out)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t ends;
	int in[2];

	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		die("PR_SET_CHILD_SUBREAPER");
	if (pipe2(in, O_CLOEXEC))
		die("pipe");
	/* Blocked outside of ppoll, so that none of them is missed between two waits. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = on_child;
	sa.sa_flags = SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);

	child = fork();
	if (child < 0)
		die("fork");
	if (child)
		return;
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	dup2(in[0], STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "measure: cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(126);
}

/* Waits for output, the child's end or the limit, at most ms (-1: no bound). */
static int wait_event(int fd, int ms, uint64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t t = now(), left = deadline > t ? deadline - t : 0;
	struct timespec ts;
	sigset_t none;
	int ready;

	if (ms >= 0 && left > ms * 1000000ULL)
		left = ms * 1000000ULL;
	ts.tv_sec = left / 1000000000ULL;
	ts.tv_nsec = left % 1000000000ULL;
	sigemptyset(&none);
	ready = ppoll(&pfd, fd >= 0, &ts, &none);
	reap();
	return ready > 0;
}

static int status_code(uint64_t deadline)
{
	if (!ended && asked_to_end)
		return 128 + asked_to_end;
	if (!ended)
		return now() >= deadline ? 124 : 125;
	if (WIFSIGNALED(end_status))
		return 128 + WTERMSIG(end_status);
	return WEXITSTATUS(end_status);
}

static int do_run(char **argv, uint64_t deadline, int timed)
{
	int null = timed ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
	uint64_t begin = now(), end;

	start(argv, null);
	while (!ended && !asked_to_end && now() < deadline)
		wait_event(-1, -1, deadline);
	end = now();
	kill_all();
	if (timed && ended)
		printf("wall_ns\t%llu\n", (unsigned long long)(end - begin));
	return status_code(deadline);
}

static int do_memory(const char *mark, const char *ram, char **argv, uint64_t deadline)
{
	size_t len = 0, mark_len = strlen(mark);
	struct usage u = { 0 }, last = { 0 };
	unsigned long peak = 0;
	int out[2], marked = 0, still = 0;
	char buf[4096];

	if (mark_len >= sizeof(buf) / 2)
		return 125;
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		die("pipe");
	start(argv, out[1]);
	close(out[1]);

	while (!ended && !asked_to_end && now() < deadline && still < STILL_SAMPLES) {
		int open_out = out[0] >= 0;

		if (wait_event(out[0], SAMPLE_MS, deadline) && open_out) {
			ssize_t n = read(out[0], buf + len, sizeof(buf) - 1 - len);

			if (!n) {
				close(out[0]);
				out[0] = -1;
			}
			if (n > 0) {
				len += n;
				buf[len] = 0;
				marked |= memmem(buf, len, mark, mark_len) != NULL;
				/* Keeps what may be the beginning of the mark. */
				if (len >= mark_len) {
					memmove(buf, buf + len - mark_len + 1, mark_len - 1);
					len = mark_len - 1;
				}
				continue;
			}
		}
		u = usage_now(ram);
		if (u.pss > peak)
			peak = u.pss;
		if (marked && labs((long)u.pss - (long)last.pss) * 100 <= (long)u.pss)
			still++;
		else
			still = 0;
		last = u;
	}
	kill_all();
	if (u.unreadable) {
		fprintf(stderr, "measure: %d process(es) hide their memory: run as root\n",
			u.unreadable);
		return 125;
	}
	if (!marked || still < STILL_SAMPLES)
		return ended ? 123 : status_code(deadline);
	printf("peak_kb\t%lu\nidle_kb\t%lu\ntables_kb\t%lu\nram_kb\t%lu\nprocesses\t%d\n", peak,
	       u.pss, u.tables, u.ram, u.procs);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t deadline;
	int seconds = argc > 3 ? atoi(argv[2]) : 0;

	if (seconds < 1) {
		fprintf(stderr, "usage: measure run|time SECONDS COMMAND...\n"
				"       measure memory SECONDS MARK RAM COMMAND...\n");
		return 125;
	}
	deadline = now() + seconds * 1000000000ULL;
	if (!strcmp(argv[1], "run"))
		return do_run(argv + 3, deadline, 0);
	if (!strcmp(argv[1], "time"))
		return do_run(argv + 3, deadline, 1);
	if (!strcmp(argv[1], "memory") && argc > 5)
		return do_memory(argv[3], argv[4], argv + 5, deadline);
	fprintf(stderr, "measure: unknown command %s: give run, time or memory\n", argv[1]);
	return 125;
}
