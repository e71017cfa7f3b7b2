// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads, writes and executes all over the hole of the address space, directly and by system calls
 * that take an address. Pages of the stub and of the direct engine's blocks may be read.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/uio.h>

#define IMAGE (KAP_WINDOW + KAP_PHYS_RAM)
/* Text of the kernel, which does what it does when it is executed: that is jump.c's part. */
#define TEXT_END (IMAGE + (8UL << 20))

enum { READ, WRITE, EXEC };
static const char *const what[] = { "read", "written", "executed" };

/* The signal that the access ended with; 0: it was made. */
static int access_byte(ulong addr, int how)
{
	int sig = sigsetjmp(escape, 1);

	if (sig)
		return sig;
	switch (how) {
	case READ:
		*(volatile unsigned char *)addr;
		break;
	case WRITE:
		*(volatile unsigned char *)addr = 0x66;
		break;
	case EXEC:
		limit_ms(addr < KAP_STUB_END ? 100 : 20000);
		((void (*)(void))addr)();
	}
	return 0;
}

struct range {
	const char *name;
	ulong start, end, step;
	bool readable;
};

static const struct range ranges[] = {
	{ "the hole, spread", KAP_HOLE_START + PAGE * 16, KAP_HOLE_END, 0x50000000UL + PAGE,
	  false },
	{ "the window, spread", KAP_WINDOW, KAP_WINDOW + (1UL << 30), 0x100000, false },
	{ "the contract's pages", KAP_WINDOW, KAP_WINDOW + KAP_PHYS_VCPU, PAGE, false },
	{ "the vCPU pages", KAP_WINDOW + KAP_PHYS_VCPU,
	  KAP_WINDOW + KAP_PHYS_VCPU + 4 * KAP_VCPU_STRIDE, PAGE, false },
	{ "the device pages and the log", KAP_WINDOW + KAP_PHYS_DEV, IMAGE, PAGE * 8, false },
	{ "the kernel's image", IMAGE, IMAGE + (12UL << 20), PAGE, false },
	{ "vmalloc", KAP_VMALLOC_START, KAP_VMALLOC_START + (16UL << 20), PAGE * 4, false },
	{ "modules", KAP_MODULES_START, KAP_MODULES_START + (4UL << 20), PAGE * 2, false },
	{ "the direct engine's stacks", KAP_DIRECT_STACKS, KAP_DIRECT_STACKS + 8 * KAP_STACK_SIZE,
	  PAGE, false },
	{ "the direct engine's blocks", KAP_DIRECT_BLOCKS, KAP_DIRECT_BLOCKS + 4 * PAGE, 0x40,
	  true },
	{ "the stub's code and requests", KAP_STUB_CODE, KAP_STUB_SCRATCH, 0x100, true },
};

static ulong made[3], tries, odd;

static int try_range(const struct range *r, int how)
{
	ulong addr;
	int sig;

	made[how] = tries = odd = 0;
	for (addr = r->start; addr < r->end; addr += r->step) {
		if (how == EXEC && addr >= IMAGE && addr < TEXT_END)
			continue;
		tries++;
		sig = access_byte(addr, how);
		if (!sig || sig == SIGALRM)
			made[how]++;
		else if (sig != SIGSEGV || (fault_addr != addr && !r->readable))
			odd++;
	}
	limit_ms(0);
	return !tries || odd || (made[how] && !(r->readable && how == READ));
}

static int spin_in_stub(ulong addr)
{
	catch_faults();
	return access_byte(addr, EXEC);
}

static void accesses(void)
{
	unsigned int i;
	int how;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (how = READ; how <= EXEC; how++) {
			bool bad;

			if (how == EXEC && ranges[i].start == KAP_STUB_CODE)
				continue;
			bad = try_range(&ranges[i], how);
			check(!bad, "%s: none is %s (%lu of %lu were, %lu odd)", ranges[i].name,
			      what[how], made[how], tries, odd);
		}
	}
}

/* The stub's code is there to be executed: what matters is that it can be ended. */
static void stub_code(void)
{
	int i, ended = 0;

	for (i = 0; i < 64; i++)
		ended += attempt(spin_in_stub, KAP_STUB_CODE + i * 16) != 0;
	check(ended == 64, "a program that jumps into the stub's code can be ended");
}

/* ---- addresses given to the kernel ---- */

static const ulong targets[] = { KAP_HOLE_START,
				 KAP_STUB_SCRATCH,
				 KAP_DIRECT_STACKS,
				 KAP_DIRECT_BLOCKS,
				 KAP_WINDOW,
				 KAP_WINDOW + KAP_PHYS_VCPU,
				 IMAGE,
				 IMAGE + (4UL << 20),
				 KAP_VMALLOC_START,
				 KAP_HOLE_END - 8 };
#define NR_TARGETS (sizeof(targets) / sizeof(targets[0]))

static int zero_fd, null_pipe[2], mem_fd;

static bool refused(long ret, int err1, int err2)
{
	return ret == -1 && (errno == err1 || errno == err2);
}

static bool system_calls_refuse(ulong a)
{
	struct iovec here = { (void *)&(char[64]){ 0 }, 64 }, there = { (void *)a, 8 };
	void *p = (void *)a;
	bool ok = true;

	ok &= refused(read(zero_fd, p, 8), EFAULT, EFAULT);
	ok &= refused(write(null_pipe[1], p, 8), EFAULT, EFAULT);
	ok &= refused(readv(zero_fd, &there, 1), EFAULT, EFAULT);
	ok &= refused(process_vm_readv(getpid(), &here, 1, &there, 1, 0), EFAULT, EFAULT);
	ok &= refused(process_vm_writev(getpid(), &here, 1, &there, 1, 0), EFAULT, EFAULT);
	ok &= refused(pread(mem_fd, here.iov_base, 8, (off_t)a), EIO, EFAULT);
	ok &= refused(pwrite(mem_fd, here.iov_base, 8, (off_t)a), EIO, EFAULT);
	ok &= refused(syscall(SYS_futex, p, FUTEX_WAKE, 1, 0, 0, 0), EFAULT, EFAULT);
	ok &= refused(syscall(SYS_open, p, 0), EFAULT, EFAULT);
	ok &= refused(syscall(SYS_clock_gettime, 0, p), EFAULT, EFAULT);
	ok &= refused(syscall(SYS_rt_sigaction, SIGUSR1, NULL, p, 8), EFAULT, EFAULT);
	ok &= refused(syscall(SYS_rt_sigprocmask, 0, p, NULL, 8), EFAULT, EFAULT);
	if (!ok)
		printf("# a system call took %lx (errno %d)\n", a, errno);
	return ok;
}

static bool mappings_refuse(ulong a)
{
	void *p = (void *)(a & -PAGE);
	bool ok = true;

	ok &= mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED;
	ok &= mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED;
	ok &= mprotect(p, PAGE, RW | PROT_EXEC) == -1;
	ok &= madvise(p, PAGE, MADV_DONTNEED) == -1;
	ok &= mremap(must_map(NULL, PAGE, RW, ANON), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		     p) == MAP_FAILED;
	munmap(p, PAGE); /* may succeed, of nothing */
	return ok;
}

static void by_system_calls(void)
{
	bool calls = true, maps = true;
	unsigned int i;

	zero_fd = open("/dev/zero", O_RDONLY);
	mem_fd = open("/proc/self/mem", O_RDWR);
	if (zero_fd < 0 || mem_fd < 0 || pipe(null_pipe)) {
		perror("memory: files");
		exit(2);
	}
	for (i = 0; i < NR_TARGETS; i++) {
		calls &= system_calls_refuse(targets[i]);
		maps &= mappings_refuse(targets[i]);
	}
	check(calls, "no system call takes an address in the hole");
	check(maps, "no mapping can be made, changed or moved there");
}

static int clear_tid(ulong addr)
{
	syscall(SYS_set_tid_address, addr);
	return 7;
}

/* The stack of the signal is in the hole. */
static int signal_stack(ulong addr)
{
	stack_t stack = { .ss_sp = (void *)(addr & -PAGE), .ss_size = 1UL << 16 };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	return 0;
}

static int robust_list(ulong addr)
{
	syscall(SYS_set_robust_list, addr, 24);
	return 7;
}

static void by_the_kernel_later(void)
{
	bool tid = true, stack = true, list = true;
	unsigned int i;

	for (i = 0; i < NR_TARGETS; i++) {
		tid &= attempt(clear_tid, targets[i]) == 7 << 8;
		stack &= died_of(attempt(signal_stack, targets[i]), SIGSEGV);
		list &= attempt(robust_list, targets[i]) == 7 << 8;
	}
	check(tid, "set_tid_address there: nothing is cleared");
	check(stack, "a signal's stack there: SIGSEGV");
	check(list, "a robust list there: nothing is followed");
}

int main(int argc, char **argv)
{
	start_as_nobody();
	catch_faults();
	if (argc < 2 || !strcmp(argv[1], "calls")) {
		by_system_calls();
		by_the_kernel_later();
	}
	if (argc < 2 || !strcmp(argv[1], "direct")) {
		accesses();
		stub_code();
	}
	return comes_to_its_end();
}
