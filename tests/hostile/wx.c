// SPDX-License-Identifier: GPL-2.0-only
/*
 * wrpkru and xrstor of the program's own, brought into executable memory in every way there is.
 * None may let it see the kernel's memory: after each the program tries to read it (its text, which
 * nothing but the key protects from that).
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>

#define IMAGE (KAP_WINDOW + KAP_PHYS_RAM)

/* The code under test: eax, ecx and edx as wrpkru wants them, then a look at the kernel. */
extern const char code_wrpkru[], code_wrpkru_end[], code_xrstor[], code_xrstor_end[];
asm(".text\n"
    "code_wrpkru:\n"
    "	xor %eax, %eax\n"
    "	xor %ecx, %ecx\n"
    "	xor %edx, %edx\n"
    "	.byte 0x0f, 0x01, 0xef\n"
    "	movb (%rdi), %al\n"
    "	ret\n"
    "code_wrpkru_end:\n"
    "code_xrstor:\n"
    "	mov $0x200, %eax\n"
    "	xor %edx, %edx\n"
    "	xrstor64 (%rsi)\n"
    "	movb (%rdi), %al\n"
    "	ret\n"
    "code_xrstor_end:\n");

/* Where the three bytes of wrpkru begin in the code. */
#define WRPKRU_AT 6
#define XRSTOR_AT 7

static unsigned char image[8192] __attribute__((aligned(64)));
static const char *code;
static size_t code_len;

static void open_image(void)
{
	unsigned int a, offset = 2688, c, d;

	memset(image, 0, sizeof(image));
	image[24] = 0x80;
	image[25] = 0x1f;
	*(ulong *)(image + 512) = 0x200;
	if (__get_cpuid_count(13, 9, &a, &offset, &c, &d) && a && offset + 8 <= sizeof(image))
		memset(image + offset, 0, 8);
}

/* Returns the signal that the call ended with; 0: the kernel was read. */
static int call(void *fn)
{
	int sig = sigsetjmp(escape, 1);

	if (sig)
		return sig;
	limit_ms(20000);
	((void (*)(ulong, void *))fn)(IMAGE + 0x1000, image);
	return 0;
}

static int call_and_say(void *fn)
{
	int sig = call(fn);

	limit_ms(0);
	return sig == SIGSEGV || sig == SIGILL || sig == SIGTRAP ? 7 : 8;
}

static int memory_file(void)
{
	int fd = memfd_create("code", 0);

	if (fd < 0 || ftruncate(fd, 4 * PAGE)) {
		perror("memfd");
		exit(2);
	}
	return fd;
}

static char *map_file(int fd, int prot, int flags)
{
	char *p = mmap(NULL, 2 * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap of the file");
		exit(2);
	}
	return p;
}

static int file_mapping(ulong arg)
{
	int fd = memory_file();

	(void)arg;
	catch_faults();
	if (pwrite(fd, code, code_len, 0) != (ssize_t)code_len)
		return 2;
	return call_and_say(map_file(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE));
}

static int jit_page(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW | PROT_EXEC, ANON);

	(void)arg;
	catch_faults();
	memcpy(p, code, code_len);
	return call_and_say(p);
}

/* The page is executed first while it is harmless. */
static int second_mapping(ulong arg)
{
	int fd = memory_file();
	char *write = map_file(fd, RW, MAP_SHARED);
	char *exec = map_file(fd, PROT_READ | PROT_EXEC, MAP_SHARED);

	(void)arg;
	catch_faults();
	write[0] = (char)0xc3;
	if (call(exec))
		return 2;
	memcpy(write, code, code_len);
	return call_and_say(exec);
}

static int file_write(ulong arg)
{
	int fd = memory_file();
	char *exec = map_file(fd, PROT_READ | PROT_EXEC, MAP_SHARED);

	(void)arg;
	catch_faults();
	if (pwrite(fd, "\xc3", 1, 0) != 1 || call(exec) || pwrite(fd, code, code_len, 0) < 0)
		return 2;
	return call_and_say(exec);
}

static int proc_mem(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW, ANON);
	int fd = open("/proc/self/mem", O_RDWR);

	(void)arg;
	catch_faults();
	p[0] = (char)0xc3;
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	if (fd < 0 || call(p) || pwrite(fd, code, code_len, (off_t)p) < 0)
		return 2;
	return call_and_say(p);
}

static int vm_writev(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW | PROT_EXEC, ANON);
	struct iovec from = { (void *)(ulong)code, code_len }, to = { p, code_len };

	(void)arg;
	catch_faults();
	p[0] = (char)0xc3;
	if (call(p) || process_vm_writev(getpid(), &from, 1, &to, 1, 0) != (ssize_t)code_len)
		return 2;
	return call_and_say(p);
}

/* arg: how many bytes of the instruction are in the first page */
static int two_pages(ulong arg)
{
	char *p = must_map(NULL, 2 * PAGE, RW, ANON);
	char *at = p + PAGE - WRPKRU_AT - arg;

	catch_faults();
	memcpy(at, code, code_len);
	/* One after the other, each harmless alone. */
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC);
	return call_and_say(at);
}

static int mprotect_later(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW, ANON);

	(void)arg;
	catch_faults();
	p[0] = (char)0xc3;
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	if (call(p))
		return 2;
	mprotect(p, PAGE, RW);
	memcpy(p, code, code_len);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	return call_and_say(p);
}

/* The code at p + at, with other bytes before its WRPKRU or XRSTOR; NOPs are all around. */
static void put_with(char *p, ulong at, const char *bytes, size_t len)
{
	size_t before = code == code_wrpkru ? WRPKRU_AT : XRSTOR_AT;

	memset(p, 0x90, PAGE);
	memcpy(p + at, code, before);
	memcpy(p + at + before, bytes, len);
	memcpy(p + at + before + len, code + before, code_len - before);
}

/*
 * The instruction is the constant of another one, from which nothing tells it apart; the program
 * jumps into that. arg: bytes in front, which are executed before. The page was executed before.
 */
static int in_a_constant(ulong arg)
{
	static const char over[] = { (char)0xeb, 0x01, (char)0xb8 }; /* jmp 1f; mov $..,%eax */
	char *p = must_map(NULL, PAGE, RW, ANON);

	catch_faults();
	put_with(p, arg, over, sizeof(over));
	p[PAGE - 1] = (char)0xc3;
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	if (call(p + PAGE - 1))
		return 2;
	return call_and_say(p);
}

/* The end of one instruction and the begin of the next: rol $15,%esi; add %ebp,%edi */
static int of_two(ulong arg)
{
	static const char two[] = { (char)0xeb, 0x02, (char)0xc1, (char)0xc6 };
	char *p = must_map(NULL, PAGE, RW, ANON);

	catch_faults();
	put_with(p, arg, two, sizeof(two));
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	return call_and_say(p);
}

/* Fifty of them: whoever gives up counting must not let the rest be. */
static int many(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW, ANON), *at = p + arg;
	int i;

	catch_faults();
	memset(p, 0x90, PAGE);
	for (i = 0; i < 50; i++)
		memcpy(p + 64 * i, "\xb8\x0f\x01\xef", 5);
	memcpy(at, code, code_len);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	return call_and_say(at);
}

static int mov_ss(ulong arg)
{
	/* mov %ss,%r8d; mov %r8d,%ss: the trap after a step does not come behind this one */
	static const char hide[] = "\x41\x8c\xd0\x41\x8e\xd0";
	char *p = must_map(NULL, PAGE, RW, ANON), *at = p + arg;
	size_t before = code == code_wrpkru ? WRPKRU_AT : XRSTOR_AT;

	catch_faults();
	memset(p, 0x90, PAGE);
	memcpy(at, code, before);
	memcpy(at + before, hide, sizeof(hide) - 1);
	memcpy(at + before + sizeof(hide) - 1, code + before, code_len - before);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	return call_and_say(at);
}

/* /proc/self/mem writes through what is read only. */
static int proc_mem_patch(ulong arg)
{
	char *p = must_map(NULL, PAGE, RW, ANON);
	int fd = open("/proc/self/mem", O_RDWR);
	size_t i;

	catch_faults();
	memset(p, 0x90, PAGE);
	memcpy(p + arg, code, code_len);
	p[0] = (char)0xc3;
	/* One byte is missing at first. */
	i = arg + (code == code_wrpkru ? WRPKRU_AT : XRSTOR_AT) + 1;
	p[i] = (char)0x90;
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	if (fd < 0 || call(p) || pwrite(fd, code + i - arg, 1, (off_t)(p + i)) != 1)
		return 2;
	return call_and_say(p + arg);
}

static int moved(ulong arg)
{
	char *p = must_map(NULL, 4 * PAGE, RW, ANON), *q;
	size_t first = (code == code_wrpkru ? WRPKRU_AT : XRSTOR_AT) + arg;

	catch_faults();
	/* Its two halves are executable apart from each other, then are brought together. */
	p[0] = (char)0xc3;
	p[3 * PAGE - 1] = (char)0xc3;
	memcpy(p + PAGE - first, code, first);
	memcpy(p + 2 * PAGE, code + first, code_len - first);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	if (call(p) || call(p + 3 * PAGE - 1))
		return 2;
	q = mremap(p + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE);
	if (q != p + PAGE)
		return 2;
	return call_and_say(p + PAGE - first);
}

static char *race_page;
static volatile int racing;

static void *write_in_turns(void *arg)
{
	(void)arg;
	while (racing) {
		memcpy(race_page, code, code_len);
		race_page[0] = (char)0xc3;
	}
	return NULL;
}

static int race(ulong arg)
{
	int fd = memory_file(), i, ret = 7;
	char *exec = map_file(fd, PROT_READ | PROT_EXEC, MAP_SHARED);
	pthread_t writer;

	(void)arg;
	catch_faults();
	race_page = map_file(fd, RW, MAP_SHARED);
	race_page[0] = (char)0xc3;
	racing = 1;
	if (pthread_create(&writer, NULL, write_in_turns, NULL))
		return 2;
	for (i = 0; i < 60; i++) {
		/* Harmless at times: only an open PKRU says that it was not. */
		call(exec);
		if (read_pkru() == 0 && has_pkru())
			ret = 8;
	}
	limit_ms(0);
	racing = 0;
	pthread_join(writer, NULL);
	return ret;
}

static void all_ways(const char *name)
{
	static const struct {
		const char *name;
		int (*fn)(ulong);
		ulong arg;
	} ways[] = {
		{ "a file mapping", file_mapping, 0 },
		{ "a page that is writable too", jit_page, 0 },
		{ "a second mapping", second_mapping, 0 },
		{ "a write to the file", file_write, 0 },
		{ "/proc/self/mem", proc_mem, 0 },
		{ "process_vm_writev", vm_writev, 0 },
		{ "two pages, 1 byte in the first", two_pages, 1 },
		{ "two pages, 2 bytes in the first", two_pages, 2 },
		{ "mprotect afterwards", mprotect_later, 0 },
		{ "a constant that is jumped into", in_a_constant, 256 },
		{ "a constant near the begin of a page", in_a_constant, 1 },
		{ "the parts of two instructions", of_two, 256 },
		{ "one of many", many, 2048 },
		{ "one of many, right behind another", many, 5 },
		{ "a load of ss in front", mov_ss, 256 },
		{ "the last byte by /proc/self/mem", proc_mem_patch, 256 },
		{ "pages that are moved together, 1 byte", moved, 1 },
		{ "pages that are moved together, 2 bytes", moved, 2 },
		{ "a race with a writer", race, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status = attempt(ways[i].fn, ways[i].arg);

		check(status == 7 << 8 || died_of(status, SIGSEGV) || died_of(status, SIGILL),
		      "%s by %s (%s)", name, ways[i].name, ending(status));
	}
}

int main(void)
{
	start_as_nobody();
	open_image();
	code = code_wrpkru;
	code_len = (size_t)(code_wrpkru_end - code_wrpkru);
	all_ways("wrpkru");
	code = code_xrstor;
	code_len = (size_t)(code_xrstor_end - code_xrstor);
	all_ways("xrstor");
	return comes_to_its_end();
}
