// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a debugger of a guest program uses: single steps, registers of every set, breakpoints in
 * text, stops at system calls, and what a tracer must not be able to set.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "abi.h"

#define MARK	0x1111222233334444UL
#define REG(name)	offsetof(struct user_regs_struct, name)

/* In the tracee's code; it has the same addresses, being a fork. */
extern const char step_start[], step_call[], step_behind[], step_end[];

static pid_t tracee;
static int status;
static struct user_regs_struct regs;

static void tracee_code(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	asm volatile("int3\n\t"
		     ".globl step_start, step_call, step_behind, step_end\n"
		     "step_start:\n\tnop\n\tnop\n\tmov $39, %%eax\n"
		     "step_call:\n\tsyscall\n"
		     "step_behind:\n\tnop\n\tnop\n\tint3\n"
		     "step_end:\n\tnop" ::
			     : "rax", "rcx", "r11", "r15", "memory");
	syscall(SYS_getppid);
	_exit(7);
}

static void __attribute__((noinline, noclone)) broken_into(void)
{
	asm volatile("nop\n\tnop");
}

static volatile int usr1;

static void handler(int sig)
{
	usr1 = sig;
}

static void tracee_more(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	signal(SIGUSR1, handler);
	raise(SIGSTOP);
	broken_into();
	raise(SIGUSR1);
	_exit(usr1 == SIGUSR1 ? 3 : 4);
}

static bool stopped_by(int sig)
{
	bool good = WIFSTOPPED(status) && (status >> 8) == sig;

	if (!good)
		note("status %x, wanted a stop by %x", status, sig);
	return good;
}

/* Lets the tracee go on until its next stop or end; then its registers. */
static void resume(int request, int sig)
{
	status = -1;
	if (ptrace(request, tracee, 0, sig))
		note("request %d: %s", request, strerror(errno));
	waitpid(tracee, &status, 0);
	if (WIFSTOPPED(status))
		ptrace(PTRACE_GETREGS, tracee, 0, &regs);
}

static void begin(void (*fn)(void))
{
	tracee = fork();
	if (!tracee) {
		fn();
		_exit(99);
	}
	waitpid(tracee, &status, 0);
	ptrace(PTRACE_GETREGS, tracee, 0, &regs);
}

static bool at(const char *place)
{
	if (regs.rip == (uintptr_t)place)
		return true;
	note("rip %llx, wanted %p", regs.rip, place);
	return false;
}

static void first_stop(void)
{
	check(stopped_by(SIGSTOP), "a tracee stops");
	check(regs.cs == 0x33 && regs.ss == 0x2b && regs.orig_rax == SYS_tgkill &&
		      (regs.eflags & 0x200),
	      "GETREGS: segments, orig_rax, flags");
	check(regs.fs_base == (unsigned long)__builtin_thread_pointer(), "GETREGS: fs_base");
}

static void single_step(void)
{
	siginfo_t si = { 0 };
	int steps = 0;

	while (regs.rip != (uintptr_t)step_start && steps++ < 5000) {
		resume(PTRACE_SINGLESTEP, 0);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
	}
	check(stopped_by(SIGTRAP) && at(step_start), "steps lead from the stop to a place");
	ptrace(PTRACE_GETSIGINFO, tracee, 0, &si);
	check(si.si_signo == SIGTRAP && si.si_code == SI_KERNEL, "over an int3: its own si_code");
	resume(PTRACE_SINGLESTEP, 0);
	ptrace(PTRACE_GETSIGINFO, tracee, 0, &si);
	check(at(step_start + 1) && si.si_signo == SIGTRAP && si.si_code == TRAP_TRACE,
	      "a step is one instruction, with TRAP_TRACE");
	resume(PTRACE_SINGLESTEP, 0);
	resume(PTRACE_SINGLESTEP, 0);
	check(at(step_call), "to the system call");
	resume(PTRACE_SINGLESTEP, 0);
	check(stopped_by(SIGTRAP) && at(step_behind) && (pid_t)regs.rax == tracee,
	      "over the system call");
	check(!(regs.eflags & 0x100), "the trap flag is not seen");
	resume(PTRACE_SINGLESTEP, 0);
	check(at(step_behind + 1), "and on");
}

static void fp_registers(void)
{
	struct user_fpregs_struct fp;
	uint32_t mxcsr;

	check(!ptrace(PTRACE_GETFPREGS, tracee, 0, &fp) && fp.cwd == 0x37f && fp.mxcsr == 0x1f80,
	      "GETFPREGS");
	fp.xmm_space[12] = 0xdeadbeef;
	check(!ptrace(PTRACE_SETFPREGS, tracee, 0, &fp), "SETFPREGS");
	memset(&fp, 0, sizeof(fp));
	ptrace(PTRACE_GETFPREGS, tracee, 0, &fp);
	check(fp.xmm_space[12] == 0xdeadbeef, "is seen by GETFPREGS");
	mxcsr = fp.mxcsr;
	fp.mxcsr = ~0U;
	errno = 0;
	check(ptrace(PTRACE_SETFPREGS, tracee, 0, &fp) == -1 && errno == EINVAL,
	      "SETFPREGS with a bad mxcsr is refused");
	fp.mxcsr = mxcsr;
	check(!ptrace(PTRACE_SETFPREGS, tracee, 0, &fp), "and with a good one is not");
}

static void xstate(void)
{
	static char buf[16384] __attribute__((aligned(64)));
	struct iovec io = { buf, sizeof(buf) }, small = { buf, 512 };
	bool avx;

	__builtin_cpu_init();
	avx = __builtin_cpu_supports("avx");
	check(!ptrace(PTRACE_GETREGSET, tracee, NT_X86_XSTATE, &io) && io.iov_len >= 576 &&
		      io.iov_len < sizeof(buf),
	      "the xstate regset");
	check((*(uint64_t *)(buf + 464) & 3) == 3 &&
		      !(*(uint64_t *)(buf + 512) & ~*(uint64_t *)(buf + 464)),
	      "with its features");
	check(!memcmp(buf + 160 + 48, "\xef\xbe\xad\xde", 4), "has what SETFPREGS has set");
	buf[512] |= 3;
	if (avx) {
		buf[512] |= 4;
		buf[576 + 16 * 3] = 0x5a;
	}
	check(!ptrace(PTRACE_SETREGSET, tracee, NT_X86_XSTATE, &io), "can be set");
	memset(buf, 0, sizeof(buf));
	ptrace(PTRACE_GETREGSET, tracee, NT_X86_XSTATE, &io);
	check(!avx || buf[576 + 16 * 3] == 0x5a, "and has the upper half of a ymm then");
	buf[520] = 1;
	errno = 0;
	check(ptrace(PTRACE_SETREGSET, tracee, NT_X86_XSTATE, &io) == -1 && errno == EINVAL,
	      "a compacted xstate is refused");
	buf[520] = 0;
	errno = 0;
	check(ptrace(PTRACE_SETREGSET, tracee, NT_X86_XSTATE, &small) == -1 && errno == EFAULT,
	      "one that is too short is");
	memset(&regs, 0, sizeof(regs));
	io = (struct iovec){ &regs, sizeof(regs) };
	check(!ptrace(PTRACE_GETREGSET, tracee, NT_PRSTATUS, &io) && io.iov_len == sizeof(regs) &&
		      regs.rip == (uintptr_t)step_behind + 1,
	      "the regset of general registers");
}

static bool poke_refused(unsigned long offset, unsigned long value)
{
	errno = 0;
	return ptrace(PTRACE_POKEUSER, tracee, offset, value) == -1 && errno == EIO;
}

static void poke(void)
{
	unsigned long fs = 0;

	check(poke_refused(REG(fs_base), 0x800000000000), "POKEUSER: fs_base of the kernel's half");
	check(poke_refused(REG(gs_base), ~0UL), "gs_base of the kernel's half");
	check(poke_refused(REG(cs), 0x10), "the kernel's cs");
	check(poke_refused(REG(ss), 0x18), "the kernel's ss");
	check(poke_refused(1, 0), "an offset that is not aligned");
	check(poke_refused(sizeof(struct user), 0), "an offset behind the end");
	check(!ptrace(PTRACE_POKEUSER, tracee, REG(r15), MARK) &&
		      ptrace(PTRACE_PEEKUSER, tracee, REG(r15), 0) == (long)MARK,
	      "r15 can be set");
	ptrace(PTRACE_GETREGS, tracee, 0, &regs);
	ptrace(PTRACE_POKEUSER, tracee, REG(eflags), regs.eflags | 0x3000);
	check(!(ptrace(PTRACE_PEEKUSER, tracee, REG(eflags), 0) & 0x3000),
	      "privileged flags are not taken");
	check(!ptrace(PTRACE_POKEUSER, tracee, offsetof(struct user, u_debugreg[7]), 0),
	      "dr7 can be cleared");
	check(!ptrace(PTRACE_ARCH_PRCTL, tracee, &fs, ARCH_GET_FS) &&
		      fs == (unsigned long)__builtin_thread_pointer(),
	      "ARCH_PRCTL");
}

/* From behind the steps to the end of the first tracee. */
static void system_calls(void)
{
	struct __ptrace_syscall_info si;
	siginfo_t info = { 0 };

	resume(PTRACE_CONT, 0);
	check(stopped_by(SIGTRAP) && at(step_end) && regs.r15 == MARK, "it has its new r15");
	ptrace(PTRACE_GETSIGINFO, tracee, 0, &info);
	check(info.si_code == SI_KERNEL, "an int3 while traced");

	ptrace(PTRACE_SETOPTIONS, tracee, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	resume(PTRACE_SYSCALL, 0);
	check(stopped_by(SIGTRAP | 0x80) && regs.orig_rax == SYS_getppid &&
		      (long)regs.rax == -ENOSYS,
	      "a stop at the entry of a system call");
	memset(&si, 0, sizeof(si));
	check(ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(si), &si) > 0 &&
	      si.op == PTRACE_SYSCALL_INFO_ENTRY && si.arch == 0xc000003e &&
	      si.entry.nr == SYS_getppid && si.instruction_pointer == regs.rip,
	      "GET_SYSCALL_INFO tells of it");
	ptrace(PTRACE_POKEUSER, tracee, REG(orig_rax), SYS_getpid);
	resume(PTRACE_SYSCALL, 0);
	check(stopped_by(SIGTRAP | 0x80) && (pid_t)regs.rax == tracee,
	      "a stop at its exit; another number was set");
	check(ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(si), &si) > 0 &&
		      si.op == PTRACE_SYSCALL_INFO_EXIT && si.exit.rval == tracee &&
		      !si.exit.is_error,
	      "GET_SYSCALL_INFO tells of that");
	resume(PTRACE_SYSCALL, 0);
	check(regs.orig_rax == SYS_exit_group && regs.rdi == 7, "the next is exit_group");
	ptrace(PTRACE_POKEUSER, tracee, REG(rdi), 8);
	resume(PTRACE_CONT, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 8, "an argument can be changed");
}

static void breakpoint(void)
{
	long word;

	begin(tracee_more);
	word = ptrace(PTRACE_PEEKTEXT, tracee, broken_into, 0);
	check(word == *(long *)broken_into, "PEEKTEXT reads text");
	check(!ptrace(PTRACE_POKETEXT, tracee, broken_into, (word & ~0xffL) | 0xcc),
	      "POKETEXT writes text");
	check(*(long *)broken_into == word, "of the tracee alone");
	resume(PTRACE_CONT, 0);
	check(stopped_by(SIGTRAP) && at((char *)broken_into + 1), "a breakpoint is hit");
	ptrace(PTRACE_POKETEXT, tracee, broken_into, word);
	regs.rip--;
	check(!ptrace(PTRACE_SETREGS, tracee, 0, &regs), "SETREGS steps back over it");
	resume(PTRACE_SINGLESTEP, 0);
	check(stopped_by(SIGTRAP), "it is gone");
}

static void into_handler(void)
{
	siginfo_t si = { 0 };

	resume(PTRACE_CONT, 0);
	check(stopped_by(SIGUSR1), "a signal stops the tracee");
	ptrace(PTRACE_GETSIGINFO, tracee, 0, &si);
	check(si.si_signo == SIGUSR1 && si.si_code == SI_TKILL && si.si_pid == tracee,
	      "GETSIGINFO tells of it");
	resume(PTRACE_SINGLESTEP, SIGUSR1);
	check(stopped_by(SIGTRAP) && at((char *)handler), "a step with it leads to its handler");
	check(regs.rdi == SIGUSR1 && !(regs.eflags & 0x500), "with its arguments");
	resume(PTRACE_CONT, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "the tracee ends as it should");
}

int main(void)
{
	begin(tracee_code);
	first_stop();
	single_step();
	fp_registers();
	xstate();
	poke();
	system_calls();
	breakpoint();
	into_handler();
	return check_end();
}
