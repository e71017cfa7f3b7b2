// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes, threads and signals, and that none of them is lost: forks, vforks with exec,
 * threads, pipes, signal queues, process groups. `storm exit N` is what it executes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void test_fork(void)
{
	int i, status, sum = 0, others = 0;

	for (i = 0; i < 500; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(i % 200);
		waitpid(pid, &status, 0);
		sum += WEXITSTATUS(status) != i % 200;
	}
	check(!sum, "500 forks, one after the other");
	for (i = 0; i < 200; i++)
		if (!fork())
			_exit(i);
	for (i = 0; wait(&status) > 0; i++)
		others += WEXITSTATUS(status);
	check(i == 200 && others == 199 * 100, "200 at once");
}

static int tree(int depth)
{
	int status, below = 1;

	for (int i = 0; depth && i < 2; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(tree(depth - 1));
		if (pid < 0)
			return 0;
	}
	while (wait(&status) > 0)
		below += WEXITSTATUS(status);
	return below;
}

static void test_exec(void)
{
	volatile int i, wrong = 0;
	int status;

	for (i = 0; i < 100; i++) {
		pid_t pid = vfork();
		char number[16];

		if (!pid) {
			snprintf(number, sizeof(number), "%d", i);
			execl("/proc/self/exe", "storm", "exit", number, NULL);
			_exit(255);
		}
		waitpid(pid, &status, 0);
		wrong += WEXITSTATUS(status) != i;
	}
	check(!wrong, "100 times vfork, exec");
	for (i = 0; i < 100; i++) {
		char number[16], *argv[] = { "storm", "exit", number, NULL };
		pid_t pid;

		snprintf(number, sizeof(number), "%d", i);
		wrong += posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, NULL) != 0;
		waitpid(pid, &status, 0);
		wrong += WEXITSTATUS(status) != i;
	}
	check(!wrong, "100 times posix_spawn");
	status = system("/proc/$PPID/exe chain 60");
	check(WEXITSTATUS(status) == 60, "a chain of 60 execs of one process");
	check(tree(6) == 127, "a tree of 127 processes");
}

static void *add(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	long *sum = arg;

	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&lock);
		(*sum)++;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void test_threads(void)
{
	pthread_t threads[100];
	long sum = 0;
	int failed = 0;

	for (int i = 0; i < 300; i++) {
		failed += pthread_create(&threads[0], NULL, add, &sum) != 0;
		pthread_join(threads[0], NULL);
	}
	check(!failed && sum == 30000, "300 threads, one after the other");
	sum = 0;
	for (int i = 0; i < 100; i++)
		failed += pthread_create(&threads[i], NULL, add, &sum) != 0;
	for (int i = 0; i < 100; i++)
		pthread_join(threads[i], NULL);
	check(!failed && sum == 10000, "100 at once");
}

static void test_ring(void)
{
	int pipes[40][2], n = 40, status, word = 0, wrong = 0;

	for (int i = 0; i < n; i++)
		wrong += pipe(pipes[i]);
	for (int i = 1; i < n; i++) {
		if (fork())
			continue;
		for (int k = 0; k < 100; k++) {
			if (read(pipes[i - 1][0], &word, sizeof(word)) != sizeof(word))
				_exit(1);
			word++;
			if (write(pipes[i][1], &word, sizeof(word)) != sizeof(word))
				_exit(1);
		}
		_exit(0);
	}
	for (int k = 0; k < 100; k++) {
		wrong += write(pipes[0][1], &word, sizeof(word)) != sizeof(word);
		wrong += read(pipes[n - 1][0], &word, sizeof(word)) != sizeof(word);
	}
	while (wait(&status) > 0)
		wrong += status != 0;
	check(!wrong && word == 3900, "a word goes 100 times round 40 processes");
}

static volatile sig_atomic_t usr1;
static volatile long queued_sum;

static void on_usr1(int sig)
{
	(void)sig;
	usr1++;
}

static void on_queued(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	queued_sum += info->si_value.sival_int;
}

static void test_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	int status, sent = 0;
	sigset_t set, old;
	pid_t parent = getpid(), pid;

	signal(SIGUSR1, on_usr1);
	sigaction(SIGRTMIN, &sa, NULL);
	for (int i = 0; i < 10000; i++)
		raise(SIGUSR1);
	check(usr1 == 10000, "10000 signals to itself");

	pid = fork();
	if (!pid) {
		for (int i = 1; i <= 2000; i++)
			while (sigqueue(parent, SIGRTMIN, (union sigval){ .sival_int = i }))
				;
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	check(queued_sum == 2000 * 2001 / 2, "2000 queued signals from a child, none is lost");

	usr1 = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (!pid) {
		sigdelset(&old, SIGUSR1);
		for (int i = 0; i < 500; i++) {
			sigsuspend(&old);
			kill(parent, SIGUSR1);
		}
		_exit(usr1 == 500 ? 0 : 1);
	}
	for (; sent < 500; sent++) {
		kill(pid, SIGUSR1);
		sigsuspend(&old);
	}
	waitpid(pid, &status, 0);
	check(usr1 == 500 && status == 0, "500 signals to and fro");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_groups(void)
{
	pid_t leader, members[20];
	int status, killed = 0;

	leader = fork();
	if (!leader) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(leader, leader);
	members[0] = leader;
	for (int i = 1; i < 20; i++) {
		members[i] = fork();
		if (!members[i])
			for (;;)
				;
		setpgid(members[i], leader);
	}
	kill(-leader, SIGSTOP);
	for (int i = 0; i < 20; i++)
		killed += waitpid(members[i], &status, WUNTRACED) > 0 && WIFSTOPPED(status);
	check(killed == 20, "20 processes, most of them busy, are stopped");
	kill(-leader, SIGCONT);
	for (int i = 0; i < 20; i++)
		killed -= waitpid(members[i], &status, WCONTINUED) > 0 && WIFCONTINUED(status);
	check(killed == 0, "continued");
	kill(-leader, SIGKILL);
	for (int i = 0; i < 20; i++)
		killed += waitpid(members[i], &status, 0) > 0 && WIFSIGNALED(status);
	check(killed == 20 && wait(NULL) < 0 && errno == ECHILD, "and killed");
}

static void test_limit(void)
{
	int made = 0, status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct rlimit limit = { 30, 30 };

		/* Limits count for all but root. */
		if (setgid(1234) || setuid(1234) || setrlimit(RLIMIT_NPROC, &limit))
			_exit(255);
		while ((pid = fork()) > 0)
			made++;
		if (!pid)
			for (;;)
				pause();
		status = errno;
		kill(0, SIGTERM);
		_exit(status == EAGAIN ? made : 254);
	}
	setpgid(pid, pid);
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) || WEXITSTATUS(status) == 29, "a limit on processes holds");
}

static void test_busy(void)
{
	struct timeval begin, now;
	int status, wrong = 0, kids = 8;
	volatile uint64_t *counts =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	gettimeofday(&begin, NULL);
	for (int i = 0; i < kids; i++)
		if (!fork())
			for (;;)
				counts[i]++;
	do {
		usleep(10000);
		gettimeofday(&now, NULL);
	} while ((now.tv_sec - begin.tv_sec) * 1000000 + now.tv_usec - begin.tv_usec < 400000);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(&status) > 0)
		;
	for (int i = 0; i < kids; i++)
		wrong += counts[i] < 1000;
	check(!wrong, "8 busy processes all get their share, and can be ended");
}

/*
 * While the host processes of 200 address spaces end, threads start on other CPUs. Each round is a
 * process of its own: what a CPU needs in an address space is made when it first runs there.
 */
static int deaths_and_threads(void)
{
	pthread_t threads[40];
	long sum = 0;
	int failed = 0;

	for (int i = 0; i < 200; i++)
		if (!fork())
			_exit(0);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < 40; i++)
		failed += pthread_create(&threads[i], NULL, add, &sum) != 0;
	for (int i = 0; i < 40; i++)
		pthread_join(threads[i], NULL);
	return failed || sum != 4000;
}

static void test_deaths(void)
{
	int status, wrong = 0;

	for (int round = 0; round < 12; round++) {
		pid_t pid = fork();

		if (!pid)
			_exit(deaths_and_threads());
		wrong += waitpid(pid, &status, 0) != pid || status;
	}
	check(!wrong, "threads that start while 200 processes end, 12 times (%d failed)", wrong);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "chain")) {
		int n = atoi(argv[2]);
		char number[16];

		if (n < 0 || n > 60 || argc == 0)
			return 255;
		if (getenv("STORM_DONE") && atoi(getenv("STORM_DONE")) == n)
			return n;
		snprintf(number, sizeof(number), "%d",
			 (getenv("STORM_DONE") ? atoi(getenv("STORM_DONE")) : 0) + 1);
		setenv("STORM_DONE", number, 1);
		execv("/proc/self/exe", argv);
		return 254;
	}
	setpgid(0, 0);
	test_fork();
	test_exec();
	test_threads();
	test_deaths();
	test_ring();
	test_signals();
	test_groups();
	test_limit();
	test_busy();
	return check_end();
}
