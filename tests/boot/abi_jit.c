// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code that is written while the program runs, in the ways that programs do it: what is executed
 * is what was written last.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define PAGE 4096
#define ROUNDS 200

/* mov $value,%eax; ret */
static void write_code(char *at, uint32_t value)
{
	at[0] = (char)0xb8;
	memcpy(at + 1, &value, 4);
	at[5] = (char)0xc3;
}

static uint32_t run(const char *at)
{
	return ((uint32_t(*)(void))(uintptr_t)at)();
}

static char *memory(int prot, int flags, int fd)
{
	char *p = mmap(NULL, 4 * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

static void write_then_protect(void)
{
	char *p = memory(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int i, good = 0;

	for (i = 0; i < ROUNDS; i++) {
		mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE);
		write_code(p + 64 * (i % 100), i);
		mprotect(p, 4 * PAGE, PROT_READ | PROT_EXEC);
		good += run(p + 64 * (i % 100)) == (uint32_t)i;
	}
	check(good == ROUNDS, "written, then made executable, in turns");
	munmap(p, 4 * PAGE);
}

/* What is written at w is executed at x, in new places and always in the first. */
static int write_and_run(char *w, const char *x)
{
	int i, good = 0;

	for (i = 0; i < ROUNDS; i++) {
		write_code(w + 8 * i, i);
		good += run(x + 8 * i) == (uint32_t)i;
		write_code(w, i + 7);
		good += run(x) == (uint32_t)i + 7;
	}
	return good;
}

static void writable_and_executable(void)
{
	char *p = memory(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int i, good = 0, fds[2];
	char code[6];

	check(write_and_run(p, p) == 2 * ROUNDS, "writable and executable at a time");

	if (pipe(fds))
		return;
	for (i = 0; i < ROUNDS; i++) {
		write_code(code, i + 1000);
		good += write(fds[1], code, 6) == 6 && read(fds[0], p, 6) == 6 &&
			run(p) == (uint32_t)i + 1000;
	}
	check(good == ROUNDS, "read() into executable memory");
	munmap(p, 4 * PAGE);
}

static void two_mappings(void)
{
	int fd = memfd_create("code", 0);
	char *w, *x;

	if (fd < 0 || ftruncate(fd, 4 * PAGE))
		return;
	w = memory(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	x = memory(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	check(write_and_run(w, x) == 2 * ROUNDS,
	      "written through one mapping, executed through another");
	munmap(w, 4 * PAGE);
	munmap(x, 4 * PAGE);
	close(fd);
}

static void forked(void)
{
	char *p = memory(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int i, good = 0, status;

	for (i = 0; i < 20; i++) {
		write_code(p, i);
		if (run(p) != (uint32_t)i)
			break;
		if (!fork()) {
			int same = run(p) == (uint32_t)i;

			write_code(p, 100);
			_exit(same && run(p) == 100 ? 7 : 8);
		}
		good += wait(&status) > 0 && WEXITSTATUS(status) == 7 && run(p) == (uint32_t)i;
	}
	check(good == 20, "a child has its own copy");
	munmap(p, 4 * PAGE);
}

/* A breakpoint of a debugger, in text that has been executed before. */
static void breakpoint(void)
{
	char *p = memory(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int status, good = 0;
	long word;
	pid_t pid;

	write_code(p, 7);
	mprotect(p, 4 * PAGE, PROT_READ | PROT_EXEC);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		run(p);
		raise(SIGSTOP);
		run(p);
		run(p);
		_exit(run(p));
	}
	waitpid(pid, &status, 0);
	word = ptrace(PTRACE_PEEKTEXT, pid, p, 0);
	ptrace(PTRACE_POKETEXT, pid, p, (word & ~0xffL) | 0xcc);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	good = WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
	check(good, "a debugger's breakpoint hits");
	ptrace(PTRACE_POKETEXT, pid, p, word);
	/* The instruction is done again: one byte back. */
	ptrace(PTRACE_POKEUSER, pid, 16 * 8, p);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "and is gone when it is taken away");
	munmap(p, 4 * PAGE);
}

static char *shared_page;
static volatile int turns;

static void *other_thread(void *arg)
{
	int i, good = 0;

	for (i = 0; i < ROUNDS; i++) {
		while (turns != 2 * i + 1)
			usleep(1);
		good += run(shared_page) == (uint32_t)i;
		turns++;
	}
	*(int *)arg = good;
	return NULL;
}

static void threads(void)
{
	pthread_t thread;
	int i, good = 0;

	shared_page = memory(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_create(&thread, NULL, other_thread, &good);
	for (i = 0; i < ROUNDS; i++) {
		write_code(shared_page, i);
		turns++;
		while (turns != 2 * i + 2)
			usleep(1);
	}
	pthread_join(thread, NULL);
	check(good == ROUNDS, "written by one thread, executed by another");
}

int main(void)
{
	write_then_protect();
	writable_and_executable();
	two_mappings();
	forked();
	breakpoint();
	threads();
	return check_end();
}
