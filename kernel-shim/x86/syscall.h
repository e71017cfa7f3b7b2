/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host system calls, and the part of the host's user ABI that the shim uses.
 * Numbers and layouts are x86-64 Linux's (syscalls(2), sigaction(2), ptrace(2)).
 */
#ifndef SHIM_SYSCALL_H
#define SHIM_SYSCALL_H

#ifndef __ASSEMBLER__
#include <kap/abi.h>
#endif

#define HOST_read		0
#define HOST_write		1
#define HOST_mmap		9
#define HOST_mprotect		10
#define HOST_munmap		11
#define HOST_rt_sigaction	13
#define HOST_rt_sigprocmask	14
#define HOST_rt_sigreturn	15
#define HOST_sched_yield	24
#define HOST_pause		34
#define HOST_getpid		39
#define HOST_clone		56
#define HOST_wait4		61
#define HOST_kill		62
#define HOST_ptrace		101
#define HOST_getppid		110
#define HOST_sigaltstack	131
#define HOST_modify_ldt		154
#define HOST_prctl		157
#define HOST_gettid		186
#define HOST_futex		202
#define HOST32_set_thread_area	243	/* by int 0x80 */
#define HOST_sched_setaffinity	203
#define HOST_timer_create	222
#define HOST_timer_settime	223
#define HOST_clock_gettime	228
#define HOST_exit_group		231
#define HOST_tgkill		234
#define HOST_waitid		247
#define HOST_getcpu		309
#define HOST_seccomp		317
#define HOST_pkey_mprotect	329
#define HOST_pkey_alloc		330

#define HOST_ESRCH		3
#define HOST_EINTR		4
#define HOST_EIO		5
#define HOST_ECHILD		10
#define HOST_EAGAIN		11
#define HOST_ENOMEM		12
#define HOST_ENOSPC		28
#define HOST_ENOSYS		38
#define HOST_ETIMEDOUT		110

#define HOST_PROT_NONE		0
#define HOST_PROT_READ		1
#define HOST_PROT_WRITE		2
#define HOST_PROT_EXEC		4
#define HOST_MAP_SHARED		0x1
#define HOST_MAP_FIXED		0x10
#define HOST_MAP_POPULATE	0x8000

#define HOST_FUTEX_WAIT		0
#define HOST_FUTEX_WAKE		1

#define HOST_CLONE_VM			0x00000100
#define HOST_CLONE_FS			0x00000200
#define HOST_CLONE_FILES		0x00000400
#define HOST_CLONE_SIGHAND		0x00000800
#define HOST_CLONE_PARENT		0x00008000
#define HOST_CLONE_THREAD		0x00010000
#define HOST_CLONE_SYSVSEM		0x00040000

#define HOST_P_PID	1
#define HOST_CLD_DUMPED	3	/* si_code of an end: up to this */

#define HOST_PR_SET_PDEATHSIG	1
#define HOST_PR_SET_NAME	15
#define HOST_PR_SET_NO_NEW_PRIVS	38
#define HOST_SECCOMP_SET_MODE_FILTER	1
#define HOST_PR_SET_SYSCALL_USER_DISPATCH	59

#define HOST_SIGILL	4
#define HOST_SIGTRAP	5
#define HOST_SIGBUS	7
#define HOST_SIGFPE	8
#define HOST_SIGKILL	9
#define HOST_SIGSEGV	11
#define HOST_SIGCHLD	17
#define HOST_SIGSYS	31

#ifndef __ASSEMBLER__

static inline long host_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

#define host_call(...) host_call_n(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define host_call_n(nr, a, b, c, d, e, f, ...) \
	host_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

struct host_timespec {
	kap_s64 sec, nsec;
};

struct host_itimerspec {
	struct host_timespec interval, value;
};

struct host_sigaction {
	void *handler;
	kap_u64 flags;
	void *restorer;
	kap_u64 mask;
};

#define HOST_SA_NOCLDSTOP	0x00000001
#define HOST_SA_NOCLDWAIT	0x00000002
#define HOST_SA_SIGINFO		0x00000004
#define HOST_SA_RESTORER	0x04000000
#define HOST_SA_ONSTACK		0x08000000
#define HOST_SA_RESTART		0x10000000
#define HOST_SA_NODEFER		0x40000000

struct host_stack {
	void *sp;
	kap_s32 flags, pad;
	kap_u64 size;
};

struct host_siginfo {
	kap_s32 signo, err, code, pad;
	kap_u64 addr;
	kap_u64 rest[13];
};

struct host_peeksiginfo {
	kap_u64 off;
	kap_u32 flags;
	kap_s32 nr;
};

struct host_ucontext {
	kap_u64 flags, link;
	struct host_stack stack;
	kap_u64 r8, r9, r10, r11, r12, r13, r14, r15;
	kap_u64 di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	kap_u16 cs, gs, fs, ss;
	kap_u64 err, trapno, oldmask, cr2;
	void *fpstate;
	kap_u64 reserved[8];
	kap_u64 sigmask;
};

struct host_sigevent {
	kap_u64 value;
	kap_s32 signo, notify;
	kap_s32 tid, pad;
	kap_u64 rest[5];
};
#define HOST_SIGEV_THREAD_ID	4
#define HOST_CLOCK_MONOTONIC	1
#define HOST_TIMER_ABSTIME	1

/* set_thread_area(2) */
struct host_user_desc {
	kap_u32 entry, base, limit, flags;
};
#define HOST_DESC_32BIT		(1u << 0)
#define HOST_DESC_USEABLE	(1u << 6)

struct host_iovec {
	void *base;
	kap_u64 len;
};

#define HOST_PTRACE_PEEKUSR	3
#define HOST_PTRACE_POKEUSR	6
#define HOST_PTRACE_GETREGS	12
#define HOST_PTRACE_SETREGS	13
#define HOST_PTRACE_GETFPREGS	14
#define HOST_PTRACE_DETACH	17
#define HOST_PTRACE_SET_THREAD_AREA	26
#define HOST_PTRACE_SYSEMU	31
#define HOST_PTRACE_SYSEMU_SINGLESTEP	32
#define HOST_PTRACE_GETSIGINFO	0x4202
#define HOST_PTRACE_GETREGSET	0x4204
#define HOST_PTRACE_SETREGSET	0x4205
#define HOST_PTRACE_SEIZE	0x4206
#define HOST_PTRACE_INTERRUPT	0x4207
#define HOST_PTRACE_PEEKSIGINFO	0x4209
#define HOST_PTRACE_O_TRACESYSGOOD	0x00000001
#define HOST_PTRACE_O_EXITKILL		0x00100000
#define HOST_PTRACE_EVENT_STOP	128
#define HOST_NT_PRSTATUS	1
#define HOST_NT_X86_XSTATE	0x202
#define HOST_WNOHANG		1
#define HOST_WEXITED		4
#define HOST_WNOWAIT		0x01000000
#define HOST_WALL		0x40000000
#define HOST_WNOTHREAD		0x20000000

static inline long host_ptrace(long request, long tid, void *addr, void *data)
{
	return host_call(HOST_ptrace, request, tid, addr, data);
}

#endif
#endif
