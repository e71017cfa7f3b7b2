// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entry to system calls: numbers that are none, registers that survive, the entries that a
 * 64-bit program has besides `syscall`, arch_prctl, the fs and gs bases.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "abi.h"

#define VSYSCALL	0xffffffffff600000UL
#define UPPER_HALF	0xffff888012345678UL

static sigjmp_buf back;
static volatile siginfo_t info;
static volatile greg_t fault_ip, fault_trap;

static void caught(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	info = *si;
	fault_ip = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP];
	fault_trap = ((ucontext_t *)uc)->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(back, 1);
}

static void numbers(void)
{
	static const struct {
		const char *name;
		unsigned long nr;
	} none[] = {
		{ "340, in the table's gap", 340 },
		{ "423, in the table's gap", 423 },
		{ "511, behind the table", 511 },
		{ "512, the first of x32", 512 },
		{ "545, one of x32", 545 },
		{ "4096", 4096 },
		{ "2^30 + 39: the bit of x32", 0x40000027 },
		{ "2^31 + 39: negative", 0x80000027 },
		{ "-1 in 32 bits", 0xffffffff },
		{ "-1 in 64 bits", ~0UL },
		{ "garbage above -1", 0x12345678ffffffff },
		{ "garbage above 2^31", 0xdeadbeef80000000 },
		{ "the least negative number", 0x8000000080000000 },
	};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(*none); i++) {
		long ret = raw_syscall(none[i].nr, 0, 0, 0);

		if (!check(ret == -ENOSYS, "no system call: %s", none[i].name))
			note("returned %ld", ret);
	}
	check(raw_syscall(0xdeadbeef00000000 | SYS_getpid, 0, 0, 0) == getpid() &&
	      raw_syscall(0x100000000 | SYS_getpid, 0, 0, 0) == getpid(),
	      "the upper half of a number does not count");
}

/* All registers before and after; rcx and r11 are the call's. */
static void registers(void)
{
	static unsigned long before[16], after[16];
	unsigned long next, flags;
	int i, bad = 0;

	for (i = 0; i < 16; i++)
		before[i] = 0x0101010101010101UL * (i + 1);
	asm volatile("lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\tpush %%rbx\n\t"
		     "push %[after]\n\tmov %[before], %%rax\n\t"
		     "mov 8(%%rax), %%rbx\n\tmov 16(%%rax), %%rdx\n\tmov 24(%%rax), %%rsi\n\t"
		     "mov 32(%%rax), %%rdi\n\tmov 40(%%rax), %%rbp\n\tmov 48(%%rax), %%r8\n\t"
		     "mov 56(%%rax), %%r9\n\tmov 64(%%rax), %%r10\n\tmov 72(%%rax), %%r12\n\t"
		     "mov 80(%%rax), %%r13\n\tmov 88(%%rax), %%r14\n\tmov 96(%%rax), %%r15\n\t"
		     "mov $39, %%eax\n\tstc\n\tsyscall\n1:\n\t"
		     "pop %%rax\n\tmov %%rbx, 8(%%rax)\n\tmov %%rdx, 16(%%rax)\n\t"
		     "mov %%rsi, 24(%%rax)\n\tmov %%rdi, 32(%%rax)\n\tmov %%rbp, 40(%%rax)\n\t"
		     "mov %%r8, 48(%%rax)\n\tmov %%r9, 56(%%rax)\n\tmov %%r10, 64(%%rax)\n\t"
		     "mov %%r12, 72(%%rax)\n\tmov %%r13, 80(%%rax)\n\tmov %%r14, 88(%%rax)\n\t"
		     "mov %%r15, 96(%%rax)\n\tmov %%rcx, 104(%%rax)\n\tmov %%r11, 112(%%rax)\n\t"
		     "pushfq\n\tpop 120(%%rax)\n\tlea 1b(%%rip), %%rcx\n\tmov %%rcx, (%%rax)\n\t"
		     "pop %%rbx\n\tpop %%rbp\n\tlea 128(%%rsp), %%rsp" ::[before] "r"(before),
		     [after] "r"(after)
		     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
		       "r14", "r15", "memory", "cc");
	for (i = 1; i <= 12; i++)
		bad += before[i] != after[i];
	next = after[0];
	flags = after[15];
	check(!bad, "registers survive a system call");
	check(after[13] == next, "rcx is the address behind it");
	if (!check((after[14] & 1) && (flags & 1) && !((after[14] ^ flags) & 0xcd5),
		   "r11 is the flags, which survive"))
		note("r11 %lx, flags %lx", after[14], flags);
}

static void int80(void)
{
	on_signal(SIGSEGV, caught, 0);
	if (!sigsetjmp(back, 1)) {
		asm volatile("mov $20, %%eax\n\tint $0x80" ::
				     : "rax", "r8", "r9", "r10", "r11", "memory");
		_exit(1);
	}
	_exit(info.si_signo == SIGSEGV && info.si_code == SI_KERNEL && fault_trap == 13 ? 0 : 2);
}

static void int80_dies(void)
{
	asm volatile("mov $20, %%eax\n\tint $0x80" ::: "rax", "r8", "r9", "r10", "r11", "memory");
}

static void sysenter_dies(void)
{
	asm volatile("mov $20, %%eax\n\tsysenter" ::: "rax", "memory");
}

static void vsyscall_call(void)
{
	asm volatile("xor %%edi, %%edi\n\tcall *%0" ::"r"(VSYSCALL)
		     : "rax", "rdi", "rcx", "r11", "memory");
}

static void vsyscall_call_inside(void)
{
	asm volatile("xor %%edi, %%edi\n\tcall *%0" ::"r"(VSYSCALL + 0x401)
		     : "rax", "rdi", "rcx", "r11", "memory");
}

static void vsyscall_handled(void)
{
	on_signal(SIGSEGV, caught, 0);
	if (!sigsetjmp(back, 1)) {
		vsyscall_call();
		_exit(1);
	}
	_exit(info.si_addr == (void *)VSYSCALL && fault_ip == (greg_t)VSYSCALL ? 0 : 2);
}

static void vsyscall_read(void)
{
	volatile char *page = (void *)VSYSCALL;

	(void)*page;
}

static void other_entries(bool guest)
{
	int status;

	check(dies_of(SIGSEGV, vsyscall_call_inside), "a call into the vsyscall page kills");
	if (!guest)
		return;
	check(exits_with(0, int80), "int 0x80 is a protection fault");
	check(dies_of(SIGSEGV, int80_dies), "int 0x80 kills");
	status = child_status(sysenter_dies);	/* no such instruction in AMD's 64-bit mode */
	check(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGILL),
	      "sysenter kills");
	check(dies_of(SIGSEGV, vsyscall_call), "a call of the vsyscall page kills");
	check(exits_with(0, vsyscall_handled), "its fault is at its address");
	check(dies_of(SIGSEGV, vsyscall_read), "a read of the vsyscall page kills");
}

static void prctls(void)
{
	unsigned long value = 0;

	check(!syscall(SYS_arch_prctl, ARCH_GET_FS, &value) &&
		      value == (unsigned long)__builtin_thread_pointer(),
	      "ARCH_GET_FS");
	check(!syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345000) &&
	      !syscall(SYS_arch_prctl, ARCH_GET_GS, &value) && value == 0x12345000,
	      "ARCH_SET_GS, ARCH_GET_GS");
	check(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x800000000000) == -1 && errno == EPERM,
	      "ARCH_SET_GS to the kernel's half is refused");
	check(syscall(SYS_arch_prctl, ARCH_SET_FS, ~0UL) == -1 && errno == EPERM,
	      "ARCH_SET_FS too");
	check(syscall(SYS_arch_prctl, ARCH_GET_FS, 8) == -1 && errno == EFAULT,
	      "ARCH_GET_FS to a wrong address is refused");
	check(syscall(SYS_arch_prctl, 0x99, 0) == -1 && errno == EINVAL, "no other is known");
	check(!syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &value) && (value & 3) == 3,
	      "ARCH_GET_XCOMP_SUPP");
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
}

static unsigned long rdgs(void)
{
	unsigned long value;

	asm volatile("rdgsbase %0" : "=r"(value));
	return value;
}

static void wrgs(unsigned long value)
{
	asm volatile("wrgsbase %0" ::"r"(value));
}

static void nothing(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
}

/* What makes a kernel load the bases again: a call, a fault, a switch, a signal, a child. */
static void stir(void)
{
	volatile char *fresh =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	*fresh = 1;
	on_signal(SIGUSR1, nothing, 0);
	raise(SIGUSR1);
	sched_yield();
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void upper_gs(void)
{
	wrgs(UPPER_HALF);
	stir();
	stir();
}

static void upper_gs_fork(void)
{
	int status = -1;
	pid_t pid;

	wrgs(UPPER_HALF);
	pid = fork();
	if (!pid) {
		stir();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(status ? 1 : 0);
}

static void upper_gs_returns(void)
{
	wrgs(UPPER_HALF);
	wrgs(0x1234);
	stir();
	_exit(rdgs() == 0x1234 ? 0 : 1);
}

static void lower_gs(void)
{
	static unsigned long word = 0x5a5a;
	unsigned long got;

	wrgs((unsigned long)&word);
	stir();
	asm volatile("mov %%gs:0, %0" : "=r"(got));
	_exit(got == 0x5a5a && rdgs() == (unsigned long)&word ? 0 : 1);
}

/* No libc while fs is wrong. */
static void upper_fs(void)
{
	unsigned long fs, mid, pid;

	asm volatile("rdfsbase %[fs]\n\twrfsbase %[up]\n\tmov $39, %%eax\n\tsyscall\n\t"
		     "mov %%rax, %[pid]\n\tmov $24, %%eax\n\tsyscall\n\trdfsbase %[mid]\n\t"
		     "wrfsbase %[fs]"
		     : [fs] "=&r"(fs), [mid] "=&r"(mid), [pid] "=&r"(pid)
		     : [up] "r"(UPPER_HALF)
		     : "rax", "rcx", "r11", "memory");
	_exit(pid == (unsigned long)getpid() ? 0 : 1);
}

static void selector_gs(void)
{
	wrgs(0x5000);
	asm volatile("mov %0, %%gs" ::"r"(0));
	stir();
	_exit(0);
}

static void bases(void)
{
	if (!(getauxval(AT_HWCAP2) & 2)) {
		printf("skip - fs and gs bases: no fsgsbase instructions\n");
		return;
	}
	check(exits_with(0, lower_gs), "a gs base set by wrgsbase stays");
	check(exits_with(0, upper_gs), "a gs base in the kernel's half kills nothing");
	check(exits_with(0, upper_gs_fork), "not in a child either");
	check(exits_with(0, upper_gs_returns), "and can be set back");
	check(exits_with(0, upper_fs), "a fs base in the kernel's half kills nothing");
	check(exits_with(0, selector_gs), "a null selector in gs kills nothing");
}

int main(int argc, char **argv)
{
	bool guest = abi_guest(argc, argv);

	numbers();
	registers();
	other_entries(guest);
	prctls();
	bases();
	return check_end();
}
