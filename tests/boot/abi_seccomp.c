// SPDX-License-Identifier: GPL-2.0-only
/*
 * seccomp: what a filter sees, what each of its answers does, strict mode, that children and
 * programs inherit it.
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "abi.h"

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARG(n, h) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n) + 4 * (h))
#define RETURN(value)	BPF_STMT(BPF_RET | BPF_K, value)
#define IF_NOT(value, skip)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

static volatile siginfo_t info;
static volatile greg_t ip_in_handler, rax_in_handler;

extern const char call_end[];

/* getppid(2) at an address that is known. */
static long __attribute__((noinline, noclone)) known_call(void)
{
	long ret;

	asm volatile("syscall\n\t.globl call_end\ncall_end:"
		     : "=a"(ret)
		     : "0"((long)SYS_getppid)
		     : "rcx", "r11", "memory");
	return ret;
}

static int install(struct sock_filter *filter, size_t count, unsigned int flags)
{
	struct sock_fprog prog = { count, filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(90);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* A filter that gives this answer to getppid. */
static int answer(uint32_t value, unsigned int flags)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF_NOT(SYS_getppid, 1),
		RETURN(value),
		RETURN(SECCOMP_RET_ALLOW),
	};
	int ret = install(filter, sizeof(filter) / sizeof(*filter), flags);

	if (ret < 0)
		_exit(91);
	return ret;
}

static void with_errno(void)
{
	answer(SECCOMP_RET_ERRNO | 77, 0);
	_exit(known_call() == -77 && getpid() > 0 ? 0 : 1);
}

static void with_allow(void)
{
	pid_t parent = getppid();

	answer(SECCOMP_RET_LOG, 0);
	_exit(known_call() == parent ? 0 : 1);
}

static void trapped(int sig, siginfo_t *si, void *uc)
{
	greg_t *regs = ((ucontext_t *)uc)->uc_mcontext.gregs;

	(void)sig;
	info = *si;
	ip_in_handler = regs[REG_RIP];
	rax_in_handler = regs[REG_RAX];
	regs[REG_RAX] = 4711;
}

static void with_trap(void)
{
	on_signal(SIGSYS, trapped, 0);
	answer(SECCOMP_RET_TRAP | 55, 0);
	if (known_call() != 4711)
		_exit(1);
	if (info.si_signo != SIGSYS || info.si_code != 1 /* SYS_SECCOMP */ || info.si_errno != 55)
		_exit(2);
	if (info.si_syscall != SYS_getppid || info.si_arch != AUDIT_ARCH_X86_64)
		_exit(3);
	if (info.si_call_addr != call_end || ip_in_handler != (greg_t)call_end)
		_exit(4);
	_exit(rax_in_handler == SYS_getppid ? 0 : 5);
}

static void with_trap_unhandled(void)
{
	answer(SECCOMP_RET_TRAP, 0);
	known_call();
}

static void with_kill(void)
{
	on_signal(SIGSYS, trapped, 0);
	answer(SECCOMP_RET_KILL_PROCESS, 0);
	known_call();
}

static void with_trace(void)
{
	answer(SECCOMP_RET_TRACE, 0);
	_exit(known_call() == -ENOSYS ? 0 : 1);
}

static void *doomed(void *arg)
{
	known_call();
	return arg;
}

static void with_kill_thread(void)
{
	int one = 1, *result = &one;
	pthread_t thread;

	answer(SECCOMP_RET_KILL_THREAD, 0);
	if (pthread_create(&thread, NULL, doomed, NULL))
		_exit(1);
	pthread_join(thread, (void **)&result);
	_exit(0);
}

/* ---- what a filter sees */

static void sees_arguments(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF_NOT(SYS_getppid, 11),
		LOAD(arch),
		IF_NOT(AUDIT_ARCH_X86_64, 9),
		LOAD_ARG(0, 0),
		IF_NOT(0x11111111, 7),
		LOAD_ARG(0, 1),
		IF_NOT(0x22222222, 5),
		LOAD_ARG(3, 1),
		IF_NOT(0x33333333, 3),
		LOAD_ARG(5, 0),
		IF_NOT(0x44444444, 1),
		RETURN(SECCOMP_RET_ERRNO | 88),
		RETURN(SECCOMP_RET_ALLOW),
	};
	long ret;

	if (install(filter, sizeof(filter) / sizeof(*filter), 0))
		_exit(91);
	asm volatile("mov %[third], %%r10\n\tmov $0x44444444, %%r9d\n\tsyscall"
		     : "=a"(ret)
		     : "0"((long)SYS_getppid), "D"(0x2222222211111111), "S"(0L),
		       "d"(0L), [third] "r"(0x3333333300000000)
		     : "rcx", "r9", "r10", "r11", "memory");
	_exit(ret == -88 && raw_syscall(SYS_getppid, 1, 2, 3) > 0 ? 0 : 1);
}

static void sees_address(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF_NOT(SYS_getppid, 5),
		LOAD(instruction_pointer),
		IF_NOT((uint32_t)(uintptr_t)call_end, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		IF_NOT((uint32_t)((uintptr_t)call_end >> 32), 1),
		RETURN(SECCOMP_RET_ERRNO | 66),
		RETURN(SECCOMP_RET_ALLOW),
	};

	if (install(filter, sizeof(filter) / sizeof(*filter), 0))
		_exit(91);
	_exit(known_call() == -66 && getppid() > 0 ? 0 : 1);
}

/* A number that is none goes through the filter too; upper halves don't get past it. */
static void sees_numbers(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF_NOT(4096, 1),
		RETURN(SECCOMP_RET_ERRNO | 44),
		IF_NOT(SYS_getppid, 1),
		RETURN(SECCOMP_RET_ERRNO | 45),
		RETURN(SECCOMP_RET_ALLOW),
	};

	if (install(filter, sizeof(filter) / sizeof(*filter), 0))
		_exit(91);
	if (raw_syscall(4096, 0, 0, 0) != -44)
		_exit(1);
	_exit(raw_syscall(0xabcdef0100000000 | SYS_getppid, 0, 0, 0) == -45 ? 0 : 2);
}

/* ---- inheritance, precedence, strict mode */

static void child_inherits(void)
{
	int status = -1;
	pid_t pid;

	answer(SECCOMP_RET_ERRNO | 77, 0);
	pid = fork();
	if (!pid)
		_exit(known_call() == -77 ? 0 : 1);
	waitpid(pid, &status, 0);
	_exit(status ? 1 : 0);
}

static void program_inherits(void)
{
	answer(SECCOMP_RET_ERRNO | 77, 0);
	execl("/proc/self/exe", "abi_seccomp", "inherited", NULL);
}

static void strongest_wins(void)
{
	answer(SECCOMP_RET_ERRNO | 1, 0);
	answer(SECCOMP_RET_ERRNO | 2, 0);
	answer(SECCOMP_RET_ALLOW, 0);
	answer(SECCOMP_RET_TRACE, 0);
	_exit(known_call() == -2 ? 0 : 1);
}

static void strict(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	raw_syscall(SYS_write, 1, 0, 0);
	raw_syscall(SYS_getpid, 0, 0, 0);
}

static void strict_exit(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		_exit(1);
	raw_syscall(SYS_exit, 9, 0, 0);
}

static void *call_parent(void *arg)
{
	(void)arg;
	return (void *)known_call();
}

/* The filter's answer comes from another thread. */
static void with_listener(void)
{
	struct seccomp_notif_resp resp = { 0 };
	struct seccomp_notif req = { 0 };
	pthread_t thread;
	void *result = NULL;
	int fd = answer(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);

	if (pthread_create(&thread, NULL, call_parent, NULL) ||
	    ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req))
		_exit(1);
	if (req.data.nr != SYS_getppid || req.data.arch != AUDIT_ARCH_X86_64)
		_exit(2);
	resp.id = req.id;
	resp.val = 1234;
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp))
		_exit(3);
	pthread_join(thread, &result);
	_exit((long)result == 1234 ? 0 : 4);
}

static void refused(void)
{
	struct sock_filter bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1), RETURN(0) };
	struct sock_filter endless[] = { LOAD(nr) };

	if (install(bad, 2, 0) != -1 || errno != EINVAL)
		_exit(1);
	if (install(endless, 1, 0) != -1 || errno != EINVAL)
		_exit(2);
	if (install((void *)8, 1, 0) != -1 || errno != EFAULT)
		_exit(3);
	_exit(known_call() > 0 ? 0 : 4);
}

int main(int argc, char **argv)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (argc > 1 && !strcmp(argv[1], "inherited"))
		return known_call() == -77 ? 0 : 1;
	check(exits_with(0, with_errno), "RET_ERRNO gives the error");
	check(exits_with(0, with_allow), "RET_LOG lets the call through");
	check(exits_with(0, with_trap), "RET_TRAP: SIGSYS with number, arch, address, data");
	check(dies_of(SIGSYS, with_trap_unhandled), "RET_TRAP without a handler kills");
	check(dies_of(SIGSYS, with_kill), "RET_KILL_PROCESS kills, whatever the handler");
	check(exits_with(0, with_kill_thread), "RET_KILL_THREAD kills the thread alone");
	check(exits_with(0, with_trace), "RET_TRACE without a tracer gives ENOSYS");
	check(exits_with(0, with_listener), "RET_USER_NOTIF asks the listener");
	check(exits_with(0, sees_arguments), "a filter sees all of the arguments");
	check(exits_with(0, sees_address), "and the address");
	check(exits_with(0, sees_numbers), "and each number, its lower half");
	check(exits_with(0, child_inherits), "a child inherits a filter");
	check(exits_with(0, program_inherits), "a program does");
	check(exits_with(0, strongest_wins), "the newest of the strongest answers wins");
	check(dies_of(SIGKILL, strict), "strict mode kills");
	check(exits_with(9, strict_exit), "but lets exit through");
	check(exits_with(0, refused), "wrong filters are refused");
	return check_end();
}
