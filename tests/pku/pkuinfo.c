// SPDX-License-Identifier: GPL-2.0-only
/*
 * Says what a host offers to the direct engine, one line each: its kernel, protection keys,
 * syscall user dispatch, and signals onto a stack behind a key that the program denies itself.
 * Exit status 0 when all of it is there.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

#define STACK_SIZE	 65536
#define KERNEL_RESTORER	 0x04000000
#define MAX_KEYS	 16
#define ACCESS_DENIED(k) (1u << 2 * (k))
#define BOTH_DENIED(k)	 (3u << 2 * (k))

/* As the kernel has it: the C library's sigaction() would put its own restorer there. */
struct kernel_sigaction {
	void (*handler)(int signal);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

/* Its stack can't be used before all keys are open. */
void on_signal(int signal);
void restorer(void);
asm(".text\n"
    "on_signal: xor %eax, %eax\n"
    "	xor %ecx, %ecx\n"
    "	xor %edx, %edx\n"
    "	wrpkru\n"
    "	ret\n"
    "restorer: mov $15, %eax\n"
    "	syscall\n");

static unsigned int read_pkru(void)
{
	unsigned int low, high;

	asm volatile("rdpkru" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static void write_pkru(unsigned int value)
{
	asm volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static int tell(const char *what, int there)
{
	printf("%s: %s\n", what, there ? "yes" : "no");
	return there;
}

static int count_keys(void)
{
	int keys[MAX_KEYS], n = 0;

	while (n < MAX_KEYS && (keys[n] = (int)syscall(SYS_pkey_alloc, 0, 0)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		syscall(SYS_pkey_free, keys[i]);
	return n;
}

static int dispatches(void)
{
	static volatile char selector;

	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector))
		return 0;
	prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	return 1;
}

/* Where the host can't, it kills the process: so it is another one. Returns its status. */
static int deny_and_raise(void)
{
	struct kernel_sigaction action = { on_signal, SA_ONSTACK | KERNEL_RESTORER, restorer, 0 };
	int key = (int)syscall(SYS_pkey_alloc, 0, 0);
	stack_t stack = { .ss_size = STACK_SIZE };
	unsigned int denied, after;

	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (key < 0 || stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) ||
	    syscall(SYS_pkey_mprotect, stack.ss_sp, STACK_SIZE, PROT_READ | PROT_WRITE, key) ||
	    syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8))
		return 2;
	denied = (read_pkru() & ~BOTH_DENIED(key)) | ACCESS_DENIED(key);
	write_pkru(denied);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	after = read_pkru();
	return after == denied ? 0 : 3;
}

static int signals_behind_key(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(deny_and_raise());
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

int main(void)
{
	struct utsname name;
	int keys = count_keys(), all;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("host: Linux %s\nkeys: %d\n", name.release, keys);
	all = keys > 0;
	all &= tell("syscall user dispatch", dispatches());
	all &= tell("signals onto a stack behind a denied key", keys > 0 && signals_behind_key());
	return !all;
}
