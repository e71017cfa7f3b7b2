// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where mappings may be. MAP_32BIT means the second GiB; in a guest there is a hole in the
 * address space, which no way of getting memory may reach.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>

#include "../../kernel-shim/include/kap/abi.h"
#include "abi.h"

#define HOLE_START	((unsigned long)KAP_HOLE_START)
#define HOLE_END	((unsigned long)KAP_HOLE_END)
#define STUB_END	((unsigned long)KAP_STUB_END)
#define INSIDE		((HOLE_START + HOLE_END) / 2)
#define PAGE		4096UL
#define MIB		(1UL << 20)
#define RW		(PROT_READ | PROT_WRITE)
#define ANON		(MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

static void *at(unsigned long addr)
{
	return (void *)addr;
}

static bool in_hole(const void *p, size_t len)
{
	return (uintptr_t)p < HOLE_END && (uintptr_t)p + len > HOLE_START;
}

static bool in_second_gib(const void *p, size_t len)
{
	return (uintptr_t)p >= 0x40000000UL && (uintptr_t)p + len <= 0x80000000UL;
}

static void map_32bit(void)
{
	char *first = mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	int i, bad = 0;
	char *p;

	check(first != MAP_FAILED && in_second_gib(first, PAGE), "MAP_32BIT: the second GiB");
	for (i = 0; i < 100; i++) {
		p = mmap(NULL, (i + 1) * PAGE, RW, ANON | MAP_32BIT, -1, 0);
		if (p == MAP_FAILED || !in_second_gib(p, (i + 1) * PAGE)) {
			bad++;
			continue;
		}
		p[i * PAGE] = 1;
	}
	check(!bad, "MAP_32BIT: a hundred mappings, which can be used");
	p = mmap(at(0x200000000000), PAGE, RW, ANON | MAP_32BIT, -1, 0);
	check(p == at(0x200000000000) || in_second_gib(p, PAGE), "MAP_32BIT with a hint elsewhere");
	p = mmap(at(0x200000001000), PAGE, RW, ANON | MAP_32BIT | MAP_FIXED, -1, 0);
	check(p == at(0x200000001000), "MAP_32BIT does not matter to MAP_FIXED");
	errno = 0;
	p = mmap(NULL, 1UL << 30, RW, ANON | MAP_32BIT | MAP_NORESERVE, -1, 0);
	check(p == MAP_FAILED && errno == ENOMEM, "MAP_32BIT ends with the GiB");
}

static void anywhere(void)
{
	char *p;

	p = mmap(at(0x123456789000), PAGE, RW, ANON, -1, 0);
	check(p == at(0x123456789000), "a hint that is free is taken");
	check(mmap(p, PAGE, RW, ANON, -1, 0) != p, "one that is not free is not");
	errno = 0;
	check(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST,
	      "MAP_FIXED_NOREPLACE");
	check(mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p, "MAP_FIXED");
	errno = 0;
	check(mmap(at(0x7ffffffff000), PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED &&
		      errno == ENOMEM,
	      "the last page of the lower half is refused");
	check(mmap(at(0x7fffffffe000), PAGE, RW, ANON | MAP_FIXED, -1, 0) == at(0x7fffffffe000),
	      "the page before is not");
	errno = 0;
	check(mmap(at(1UL << 63), PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED &&
		      errno == ENOMEM,
	      "the kernel's half is refused");
	check(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 0, 7) == MAP_FAILED && errno == EINVAL,
	      "an offset inside a page is refused");
	p = mmap(NULL, 64UL << 40, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	check(p != MAP_FAILED, "64 TiB without memory are given");
	munmap(p, 64UL << 40);
}

/* ---- the hole: mmap and mremap */

static bool refused(unsigned long addr, size_t len, int flags)
{
	void *p;

	errno = 0;
	p = mmap(at(addr), len, RW, ANON | flags, -1, 0);
	if (p == MAP_FAILED && errno == ENOMEM)
		return true;
	note("mmap of %lx: %p, %s", addr, p, strerror(errno));
	return false;
}

static bool moved(unsigned long hint, size_t len)
{
	char *p = mmap(at(hint), len, RW, ANON | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || in_hole(p, len)) {
		note("hint %lx: %p", hint, p);
		return false;
	}
	p[len - 1] = 1;
	munmap(p, len);
	return true;
}

static void hole_mmap(void)
{
	check(refused(INSIDE, PAGE, MAP_FIXED), "MAP_FIXED in the hole is refused");
	check(refused(HOLE_START, PAGE, MAP_FIXED), "at its first page");
	check(refused(HOLE_END - PAGE, PAGE, MAP_FIXED), "at its last page");
	check(refused(HOLE_START - PAGE, 2 * PAGE, MAP_FIXED), "across its start");
	check(refused(HOLE_END - PAGE, 2 * PAGE, MAP_FIXED), "across its end");
	check(refused(HOLE_START - PAGE, HOLE_END - HOLE_START + 2 * PAGE,
		      MAP_FIXED | MAP_NORESERVE),
	      "around it");
	check(refused(INSIDE, PAGE, MAP_FIXED_NOREPLACE), "MAP_FIXED_NOREPLACE too");
	check(refused(INSIDE, PAGE, MAP_FIXED | MAP_32BIT), "and with MAP_32BIT");
	check(refused(INSIDE, MIB, MAP_FIXED | MAP_GROWSDOWN), "and with MAP_GROWSDOWN");
	check(moved(INSIDE, PAGE) && moved(HOLE_START, PAGE) && moved(HOLE_END - PAGE, PAGE) &&
	      moved(HOLE_START - PAGE, 2 * PAGE) && moved(HOLE_END - PAGE, 2 * PAGE),
	      "hints into the hole are moved");
	check(mmap(at(HOLE_START - PAGE), PAGE, RW, ANON | MAP_FIXED, -1, 0) ==
		      at(HOLE_START - PAGE),
	      "the page before the hole is free");
	check(mmap(at(HOLE_END), PAGE, RW, ANON | MAP_FIXED, -1, 0) == at(HOLE_END),
	      "and so is the one behind it");
	*(char *)at(HOLE_START - 1) = 1;
	*(char *)at(HOLE_END) = 1;
	munmap(at(HOLE_START - PAGE), PAGE);
	munmap(at(HOLE_END), PAGE);
}

static bool remap_refused(void *from, size_t old, size_t new, int flags, unsigned long to)
{
	void *p;

	errno = 0;
	p = mremap(from, old, new, flags, to);
	if (p == MAP_FAILED && errno == ENOMEM)
		return true;
	note("mremap to %lx: %p, %s", to, p, strerror(errno));
	return false;
}

static void hole_mremap(void)
{
	void *p = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0);
	int to = MREMAP_MAYMOVE | MREMAP_FIXED;
	void *low;

	check(remap_refused(p, PAGE, PAGE, to, INSIDE), "mremap to the hole is refused");
	check(remap_refused(p, PAGE, 2 * PAGE, to, HOLE_START - PAGE), "across its start");
	check(remap_refused(p, PAGE, 2 * PAGE, to, HOLE_END - PAGE), "across its end");
	check(remap_refused(p, PAGE, PAGE, to | MREMAP_DONTUNMAP, INSIDE), "MREMAP_DONTUNMAP too");
	low = mmap(at(HOLE_START - 4 * PAGE), 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	check(remap_refused(low, 4 * PAGE, 5 * PAGE, 0, 0), "a mapping does not grow into it");
	p = mremap(low, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE);
	check(p != MAP_FAILED && p != low && !in_hole(p, 5 * PAGE), "but moves, if it may");
	munmap(p, 5 * PAGE);
}

/* ---- the hole: everything else that makes memory */

static void hole_shm(void)
{
	int id = shmget(IPC_PRIVATE, MIB, IPC_CREAT | 0600);
	void *p;

	errno = 0;
	p = shmat(id, at(INSIDE), 0);
	check(p == (void *)-1, "shmat in the hole is refused");
	check(shmat(id, at(HOLE_START - PAGE), 0) == (void *)-1, "across its start too");
	check(shmat(id, at(INSIDE), SHM_REMAP) == (void *)-1, "and with SHM_REMAP");
	p = shmat(id, NULL, 0);
	check(p != (void *)-1 && !in_hole(p, MIB), "shmat elsewhere works");
	shmctl(id, IPC_RMID, NULL);
}

/* A mapping that grows downwards, onto the hole. */
static void grow_down(void)
{
	volatile char *p =
		mmap(at(HOLE_END), 16 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);

	p[0] = 1;
	p[-1] = 1;
	_exit(in_hole((char *)p - 1, 1) ? 1 : 2);
}

static void grow_down_by_call(void)
{
	char *p = mmap(at(HOLE_END), 16 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	int fds[2];

	if (pipe(fds) || write(fds[1], "x", 1) != 1)
		_exit(2);
	errno = 0;
	_exit(read(fds[0], p - 1, 1) == -1 && errno == EFAULT ? 0 : 1);
}

static void stack_into_hole(void)
{
	mmap(at(HOLE_END), 16 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	asm volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tpush %%rax\n\tmov %%rbx, %%rsp" ::"r"(
			     HOLE_END)
		     : "rbx", "memory");
	_exit(1);
}

/* All of it at once, for which root lifts the limits. */
static void grow_to_start(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);
	char *p = mmap(at(HOLE_END), 16 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);

	if (fd < 0 || write(fd, "1", 1) != 1 || setrlimit(RLIMIT_STACK, &unlimited) || !p)
		_exit(77);
	*(volatile char *)(p - (HOLE_END - HOLE_START)) = 1;
	_exit(1);
}

/* Moves the program break below the hole; it must not grow into it. */
static void brk_into_hole(void)
{
	char *base = mmap(at(HOLE_START - PAGE), PAGE, RW, ANON | MAP_FIXED, -1, 0);
	long now;

	if (prctl(PR_SET_MM, PR_SET_MM_BRK, base + PAGE, 0, 0) ||
	    prctl(PR_SET_MM, PR_SET_MM_START_BRK, base, 0, 0)) {
		note("PR_SET_MM: %s", strerror(errno));
		_exit(77);
	}
	now = raw_syscall(12, HOLE_START + 16 * PAGE, 0, 0);
	_exit(now == (long)HOLE_START ? 0 : 1);
}

/* A program of one page that wants to be in the hole. */
static void exec_in_hole(void)
{
	static struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr;
		unsigned char code[16];
	} image = {
		.ehdr = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			.e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 1,
		},
		.phdr = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_align = PAGE },
		/* mov $60, %eax; xor %edi, %edi; syscall */
		.code = { 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 },
	};
	static char *const args[] = { (char *)"hole", NULL };
	int fd = memfd_create("hole", MFD_CLOEXEC);
	unsigned long base = getenv("KAP_BASE") ? HOLE_START - 16 * PAGE : INSIDE;

	image.phdr.p_vaddr = base;
	image.phdr.p_filesz = image.phdr.p_memsz = sizeof(image);
	image.ehdr.e_entry = base + offsetof(typeof(image), code);
	if (write(fd, &image, sizeof(image)) != sizeof(image))
		_exit(98);
	fexecve(fd, args, environ);
	_exit(errno == ENOMEM ? 97 : 96);
}

static void hole_others(void)
{
	int status;

	check(dies_of(SIGSEGV, grow_down), "a mapping does not grow down into the hole");
	check(exits_with(0, grow_down_by_call), "nor when the kernel writes to it");
	check(dies_of(SIGSEGV, stack_into_hole), "nor as a stack");
	check(dies_of(SIGSEGV, grow_to_start), "nor by its whole length");
	check(exits_with(0, brk_into_hole), "the program break does not grow into the hole");
	status = child_status(exec_in_hole);
	if (!check(status && status != 96 << 8 && status != 98 << 8,
		   "a program that wants to be in the hole does not run"))
		note("status %x", status);
	setenv("KAP_BASE", "low", 1);
	check(exits_with(0, exec_in_hole), "one below it runs");
	unsetenv("KAP_BASE");
}

/* ---- what is behind the hole belongs to nobody */

static unsigned long target;

static void load(void)
{
	(void)*(volatile char *)target;
}

static void store(void)
{
	*(volatile char *)target = 1;
}

static void jump(void)
{
	((void (*)(void))target)();
}

static void hole_access(void)
{
	static const unsigned long places[] = {
		STUB_END,
		INSIDE,
		INSIDE + MIB,
		HOLE_END - PAGE,
	};
	struct iovec local = { &target, 8 }, remote = { NULL, 8 };
	bool loads = true, stores = true, jumps = true, calls = true;
	int fds[2];
	size_t i;

	if (pipe(fds))
		return;
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		target = places[i];
		loads &= dies_of(SIGSEGV, load);
		stores &= dies_of(SIGSEGV, store);
		jumps &= dies_of(SIGSEGV, jump);
		remote.iov_base = at(target);
		calls &= write(fds[1], at(target), 1) == -1 && errno == EFAULT;
		calls &= process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == -1;
		calls &= mprotect(at(target), PAGE, PROT_READ) == -1 && errno == ENOMEM;
		calls &= madvise(at(target), PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM;
	}
	target = HOLE_START;
	stores &= dies_of(SIGSEGV, store);
	calls &= write(fds[1], at(target), 1) == -1 && errno == EFAULT;
	check(loads, "reads of the hole kill");
	check(stores, "writes to the hole kill");
	check(jumps, "jumps into the hole kill");
	check(calls, "system calls find nothing in the hole");
	munmap(at(HOLE_START), HOLE_END - HOLE_START);
	check(refused(INSIDE, PAGE, MAP_FIXED), "unmapping the hole changes nothing");
}

int main(int argc, char **argv)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	map_32bit();
	anywhere();
	if (abi_guest(argc, argv)) {
		hole_mmap();
		hole_mremap();
		hole_shm();
		hole_others();
		hole_access();
	}
	return check_end();
}
