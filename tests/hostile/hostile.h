/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs that attack the kernel below them: results as lines, the user nobody, and
 * attempts in child processes, which may end in any way.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <cpuid.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kernel-shim/include/kap/abi.h"

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

typedef unsigned long ulong;

static int failures;

__attribute__((format(printf, 2, 3))) static inline void check(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%s - ", ok ? "ok" : "not ok");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	failures += !ok;
}

static inline void start_as_nobody(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (!getuid() && (setgid(65534) || setuid(65534))) {
		perror("setuid");
		exit(2);
	}
	/* As one that was started by nobody: its /proc/self/mem is its own. */
	prctl(PR_SET_DUMPABLE, 1);
}

static inline void *must_map(void *at, size_t len, int prot, int flags)
{
	void *p = mmap(at, len, prot, flags, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

/* ---- faults that are survived ---- */

static sigjmp_buf escape;
static volatile ulong fault_addr;

static inline void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault_addr = (ulong)info->si_addr;
	siglongjmp(escape, sig);
}

static inline void catch_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGSYS, SIGFPE, SIGALRM };
	static void *stack_memory;
	stack_t stack = { .ss_size = 1UL << 16 };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	unsigned int i;

	if (!stack_memory)
		stack_memory = must_map(NULL, stack.ss_size, RW, ANON);
	stack.ss_sp = stack_memory;
	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}

/* A timer for what may spin: SIGALRM. */
static inline void limit_ms(int ms)
{
	struct itimerval it = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

#define ATTEMPT_SECONDS 60

/*
 * attempt(): the wait status of a child that executes fn(arg), and exits with what that returns.
 * One that sleeps, and may have blocked its signals before, is killed.
 */
static inline int attempt(int (*fn)(ulong), ulong arg)
{
	struct timespec none = { 0, 0 }, some = { ATTEMPT_SECONDS, 0 };
	sigset_t child, before;
	int status;
	pid_t pid;

	fflush(stdout);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	sigtimedwait(&child, NULL, &none);
	pid = fork();
	if (!pid) {
		/* Not by a signal that it could catch: what spins is killed in the end. */
		struct rlimit cpu = { 5, 5 };

		sigprocmask(SIG_SETMASK, &before, NULL);
		setrlimit(RLIMIT_CPU, &cpu);
		_exit(fn(arg));
	}
	if (pid > 0 && sigtimedwait(&child, NULL, &some) < 0 && errno == EAGAIN)
		kill(pid, SIGKILL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && !WIFSTOPPED(status))
		return status;
	if (pid > 0)
		kill(pid, SIGKILL);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(2);
	}
	return status;
}

static inline bool died_of(int status, int sig)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

static inline const char *ending(int status)
{
	static char text[40];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	return text;
}

static inline bool has_pkru(void)
{
	static int known = -1;
	unsigned int a, b, c = 0, d;

	/* A host that is a virtual machine takes its time for cpuid. */
	if (known < 0)
		known = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1U << 4));
	return known;
}

/* 0 where the processor has no protection keys switched on */
static inline unsigned int read_pkru(void)
{
	unsigned int pkru, d;

	if (!has_pkru())
		return 0;
	asm volatile("rdpkru" : "=a"(pkru), "=d"(d) : "c"(0));
	return pkru;
}

static inline int comes_to_its_end(void)
{
	return failures ? 1 : 0;
}
#endif
