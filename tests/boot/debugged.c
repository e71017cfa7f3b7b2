// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest program to be debugged from outside of the guest. `debugged loop` goes round until
 * stop_now is set, and prints what a debugger has changed; `debugged spin` makes no system call;
 * `debugged fast` makes nothing else; `debugged vectors` has known values in the vector registers;
 * `debugged paged` has code in a page that is swapped out, and then taken away.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile int stop_now;
volatile unsigned long counter;
volatile int answer = 7;

/* getppid(2) at an address that has a name. */
__attribute__((noinline, noclone)) long ask(void)
{
	long result;

	asm volatile(".globl the_call\n"
		     "the_call:\n\t"
		     "syscall"
		     : "=a"(result)
		     : "0"((long)SYS_getppid)
		     : "rcx", "r11", "memory");
	return result;
}

__attribute__((noinline, noclone)) void touched(unsigned long n)
{
	counter = n;
	asm volatile("" ::: "memory");
}

__attribute__((noinline, noclone)) double half(double x)
{
	asm volatile("" : "+x"(x));
	return x / 2;
}

static void look(long parent)
{
	static int told, halved, answered;
	double h = half(3);
	long got = ask();

	if (got != parent && !told++)
		printf("told %ld\n", got);
	if (h != 1.5 && !halved++)
		printf("half %g\n", h);
	if (answer != 7 && !answered++)
		printf("answer %d\n", answer);
	fflush(stdout);
}

/* ---- vector registers ------------------------------------------------------- */

#define ALL16 "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"

static int vectors(void)
{
	static uint64_t in[16][4] __attribute__((aligned(32)));
	static uint64_t out[16][4] __attribute__((aligned(32)));

	if (!__builtin_cpu_supports("avx"))
		return puts("none") < 0;
	while (!stop_now) {
		for (int reg = 0; reg < 16; reg++)
			for (int i = 0; i < 4; i++)
				in[reg][i] = 0x1000 * reg + i + 1;
		asm volatile(".irp r," ALL16 "\n\tvmovdqa 32*\\r(%0), %%ymm\\r\n\t.endr\n"
			     ".globl the_vectors\n"
			     "the_vectors:\n\t"
			     "nop\n\t"
			     ".irp r," ALL16 "\n\tvmovdqa %%ymm\\r, 32*\\r(%1)\n\t.endr\n\t"
			     "vzeroupper"
			     :
			     : "r"(in), "r"(out)
			     : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			       "xmm15");
		for (int reg = 0; reg < 16; reg++)
			if (memcmp(in[reg], out[reg], sizeof(in[reg])))
				printf("ymm%d %#lx %#lx %#lx %#lx\n", reg, out[reg][0], out[reg][1],
				       out[reg][2], out[reg][3]);
		fflush(stdout);
		usleep(2000);
	}
	return 0;
}

/* ---- a page that goes away --------------------------------------------------- */

#define PLACE ((uint8_t *)0x10000000)

static void place(void)
{
	/* inc %rax; ret */
	static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0xc3 };

	if (mmap(PLACE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != PLACE)
		exit(3);
	memcpy(PLACE, code, sizeof(code));
}

static long call(long value)
{
	asm volatile("call *%1" : "+a"(value) : "r"(PLACE) : "memory", "cc");
	return value;
}

/* Each line of stdin takes it one step further; it says what comes now. */
static void say(const char *what)
{
	char line[64];

	puts(what);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(4);
}

/* Bit 62 of its word in the pagemap; it may still be in memory then, but nothing maps it. */
static bool is_swapped(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word = 0;

	if (pread(fd, &word, sizeof(word), (uintptr_t)PLACE / 4096 * 8) != sizeof(word))
		exit(6);
	close(fd);
	return word >> 62 == 1;
}

static int paged(void)
{
	if (system("mkswap /dev/vda >/dev/null") || swapon("/dev/vda", 0))
		return 5;
	place();
	for (int i = 0; i < 1000 && !is_swapped(); i++) {
		if (madvise(PLACE, 4096, MADV_PAGEOUT))
			return 8;
		usleep(1000);
	}
	say(is_swapped() ? "swapped out" : "still there");
	printf("called %ld\n", call(41));
	munmap(PLACE, 4096);
	say("taken away");
	place();
	printf("called %ld\n", call(42));
	say("once more");
	return 7;
}

int main(int argc, char **argv)
{
	long parent = getppid();
	unsigned long n = 0;

	if (argc < 2)
		return 2;
	printf("%s %d\n", argv[1], getpid());
	fflush(stdout);
	if (!strcmp(argv[1], "vectors"))
		return vectors();
	if (!strcmp(argv[1], "paged"))
		return paged();
	if (!strcmp(argv[1], "spin"))
		while (!stop_now)
			counter++;
	if (!strcmp(argv[1], "fast"))
		while (!stop_now)
			ask();
	while (!stop_now) {
		touched(++n);
		look(parent);
		usleep(2000);
	}
	printf("stopped by hand\n");
	return 6;
}
