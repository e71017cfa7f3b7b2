// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that a signal interrupts: which are restarted, which end with EINTR, which go on
 * with what is left of their time. Signals are sent when the caller is seen asleep.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "abi.h"

#define MS	1000000LL

struct shared {
	int handled;
	uint32_t word;
};

static struct shared *shared;
static int data[2];

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	__atomic_add_fetch(&shared->handled, 1, __ATOMIC_SEQ_CST);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static char state_of(pid_t pid)
{
	char path[64], buf[512], *end;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	end = strrchr(buf, ')');
	return end ? end[2] : 0;
}

/* Asleep in its call: nothing else that these children do sleeps. */
static void until_asleep(pid_t pid)
{
	char state;

	while ((state = state_of(pid)) && state != 'S' && state != 'Z')
		sched_yield();
}

static void until_handled(pid_t pid, int times)
{
	while (__atomic_load_n(&shared->handled, __ATOMIC_SEQ_CST) < times && state_of(pid) != 'Z')
		sched_yield();
}

static pid_t begin(void (*fn)(void))
{
	pid_t pid;

	shared->handled = 0;
	shared->word = 0;
	pid = fork();
	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

static bool ended_well(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	if (!status)
		return true;
	note("status %x", status);
	return false;
}

/* A handler runs during @fn's call; then @release, when there is one, lets the call end. */
static bool interrupted(void (*fn)(void), void (*release)(void))
{
	pid_t pid = begin(fn);
	int i, times = release ? 3 : 1;

	for (i = 1; i <= times; i++) {
		until_asleep(pid);
		kill(pid, SIGUSR1);
		until_handled(pid, i);
	}
	if (release) {
		until_asleep(pid);
		release();
	}
	return ended_well(pid);
}

static bool stopped_and_continued(void (*fn)(void), void (*release)(void))
{
	pid_t pid = begin(fn);
	int status;

	until_asleep(pid);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	if (release) {
		until_asleep(pid);
		release();
	}
	return WIFSTOPPED(status) && ended_well(pid);
}

/* ---- calls */

static void read_restarts(void)
{
	char c = 0;

	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(read(data[0], &c, 1) == 1 && c == 'x' ? 0 : 1);
}

static void write_byte(void)
{
	if (write(data[1], "x", 1) != 1)
		note("write: %s", strerror(errno));
}

static void read_ends(void)
{
	char c;

	on_signal(SIGUSR1, handler, 0);
	_exit(read(data[0], &c, 1) == -1 && errno == EINTR ? 0 : 1);
}

static void wait_restarts(void)
{
	pid_t pid = fork();
	char c;

	if (!pid)
		_exit(read(data[0], &c, 1) == 1 ? 5 : 6);
	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(waitpid(pid, &(int){ 0 }, 0) == pid ? 0 : 1);
}

static void sleep_ends(void)
{
	struct timespec wanted = { 100, 0 }, left = { 0, 0 };

	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(nanosleep(&wanted, &left) == -1 && errno == EINTR && left.tv_sec > 0 &&
			      left.tv_sec <= 100 ?
		      0 :
		      1);
}

static void sleep_goes_on(void)
{
	struct timespec wanted = { 0, 300 * MS };
	int64_t start = now();

	_exit(!nanosleep(&wanted, NULL) && now() - start >= 300 * MS ? 0 : 1);
}

static void absolute_sleep_goes_on(void)
{
	int64_t end = now() + 300 * MS;
	struct timespec ts = { end / (1000 * MS), end % (1000 * MS) };

	_exit(!clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) && now() >= end ? 0 : 1);
}

static void poll_ends(void)
{
	struct pollfd pfd = { data[0], POLLIN, 0 };

	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(poll(&pfd, 1, -1) == -1 && errno == EINTR ? 0 : 1);
}

static void poll_goes_on(void)
{
	struct pollfd pfd = { data[0], POLLIN, 0 };
	int64_t start = now();

	_exit(!poll(&pfd, 1, 300) && now() - start >= 300 * MS ? 0 : 1);
}

static void epoll_ends(void)
{
	struct epoll_event event;

	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(epoll_wait(epoll_create1(0), &event, 1, -1) == -1 && errno == EINTR ? 0 : 1);
}

static void pause_ends(void)
{
	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(pause() == -1 && errno == EINTR ? 0 : 1);
}

static void suspend_ends(void)
{
	sigset_t block, none, after;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	on_signal(SIGUSR1, handler, 0);
	if (sigsuspend(&none) != -1 || errno != EINTR)
		_exit(1);
	sigprocmask(SIG_BLOCK, NULL, &after);
	_exit(sigismember(&after, SIGUSR1) ? 0 : 2);
}

static void futex_restarts(void)
{
	on_signal(SIGUSR1, handler, SA_RESTART);
	_exit(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL) ? 1 : 0);
}

static void futex_goes_on(void)
{
	struct timespec limit = { 0, 300 * MS };
	int64_t start = now();

	_exit(syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, &limit) == -1 &&
			      errno == ETIMEDOUT && now() - start >= 300 * MS ?
		      0 :
		      1);
}

static void wake_futex(void)
{
	syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1);
}

/* The six arguments must be there again when a call restarts. */
static void arguments_restart(void)
{
	long ret, rdi = (long)&shared->word, rsi = FUTEX_WAIT, rdx = 0, r10, r8, r9;

	on_signal(SIGUSR1, handler, SA_RESTART);
	asm volatile("xor %%r10d, %%r10d\n\tmov $0x88, %%r8d\n\tmov $0x99, %%r9d\n\tsyscall\n\t"
		     "mov %%r10, %[r10]\n\tmov %%r8, %[r8]\n\tmov %%r9, %[r9]"
		     : "=a"(ret), "+D"(rdi), "+S"(rsi),
		       "+d"(rdx), [r10] "=r"(r10), [r8] "=r"(r8), [r9] "=r"(r9)
		     : "0"((long)SYS_futex)
		     : "rcx", "r8", "r9", "r10", "r11", "memory");
	_exit(!ret && rdi == (long)&shared->word && rsi == FUTEX_WAIT && !rdx && !r10 &&
			      r8 == 0x88 && r9 == 0x99 ?
		      0 :
		      1);
}

static void disturb(void)
{
	char c = 0;

	_exit(read(data[0], &c, 1) == 1 && c == 'x' ? 0 : 1);
}

static bool ignored_signals(void)
{
	pid_t pid = begin(disturb);

	until_asleep(pid);
	kill(pid, SIGCHLD);
	kill(pid, SIGWINCH);
	kill(pid, SIGCONT);
	until_asleep(pid);
	write_byte();
	return ended_well(pid);
}

/* restart_syscall() is for the kernel's own use. */
static bool lone_restart(void)
{
	long ret = raw_syscall(SYS_restart_syscall, 0, 0, 0);

	return ret == -EINTR;
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(data))
		return 1;
	check(interrupted(read_restarts, write_byte), "read restarts with SA_RESTART");
	check(interrupted(read_ends, NULL), "and ends with EINTR without");
	check(interrupted(wait_restarts, write_byte), "waitpid restarts");
	check(interrupted(futex_restarts, wake_futex), "a futex wait restarts");
	check(interrupted(arguments_restart, wake_futex), "with all registers");
	check(interrupted(sleep_ends, NULL), "nanosleep ends with EINTR and what is left");
	check(interrupted(poll_ends, NULL), "poll ends with EINTR, even with SA_RESTART");
	check(interrupted(epoll_ends, NULL), "epoll_wait does");
	check(interrupted(pause_ends, NULL), "pause does");
	check(interrupted(suspend_ends, NULL), "sigsuspend does, and restores the mask");
	check(stopped_and_continued(sleep_goes_on, NULL), "nanosleep goes on after a stop");
	check(stopped_and_continued(absolute_sleep_goes_on, NULL), "a sleep until a time does");
	check(stopped_and_continued(poll_goes_on, NULL), "poll does");
	check(stopped_and_continued(futex_goes_on, NULL), "a futex wait with a time limit does");
	check(stopped_and_continued(read_restarts, write_byte), "read does");
	check(ignored_signals(), "ignored signals end nothing");
	check(lone_restart(), "restart_syscall without anything to restart gives EINTR");
	return check_end();
}
