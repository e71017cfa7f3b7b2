/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs that check the x86-64 user ABI. Each of them runs natively and in a guest, so
 * the names of its checks hold no values: abi.t compares the two runs by name.
 */
#ifndef BOOT_ABI_H
#define BOOT_ABI_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* `PROGRAM guest`: checks that hold only in a guest are made too. */
static bool __attribute__((unused)) abi_guest(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "guest");
}

/* How a child ends that does this. */
static int __attribute__((unused)) child_status(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		note("no child: %s", strerror(errno));
	return status;
}

static bool __attribute__((unused)) exits_with(int code, void (*fn)(void))
{
	int status = child_status(fn);

	if (WIFEXITED(status) && WEXITSTATUS(status) == code)
		return true;
	note("status %x, wanted exit %d", status, code);
	return false;
}

static bool __attribute__((unused)) dies_of(int sig, void (*fn)(void))
{
	int status = child_status(fn);

	if (WIFSIGNALED(status) && WTERMSIG(status) == sig)
		return true;
	note("status %x, wanted signal %d", status, sig);
	return false;
}

/* A system call without libc between: returns what the kernel leaves in rax. */
static inline long raw_syscall(unsigned long nr, unsigned long a, unsigned long b, unsigned long c)
{
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "0"(nr), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return ret;
}

static void __attribute__((unused))
on_signal(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &action, NULL);
}

#endif
