// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions whose distances and constants look like WRPKRU or XRSTOR, as compilers make them,
 * against the same ones with the value in a register. And stores of code to its own page.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#define PAGE 4096
/* 0f ae 28 00: xrstor (%rax). No constant: this program's own code is not to have it. */
static volatile uint32_t bytes_value = ~0xffd751f0u;
#define BYTES ((long)bytes_value)
#define AT 0x10000000UL
#define CODE (AT + 128)
#define FAR(len) (CODE + at + (len) + BYTES) /* what a distance at CODE + at leads to */
#define SPAN 0x290000UL

static uint8_t *page;
static unsigned int at;

static void put(const void *bytes, unsigned int len)
{
	memcpy(page + (CODE - AT) + at, bytes, len);
	at += len;
}

#define CODE_BYTES(...)                                         \
	do {                                                    \
		static const uint8_t bytes[] = { __VA_ARGS__ }; \
		put(bytes, sizeof(bytes));                      \
	} while (0)

static void put_constant(void)
{
	uint32_t value = BYTES;

	put(&value, 4);
}

static void begin(void)
{
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	memset(page, 0x90, PAGE);
	at = 0;
}

struct result {
	uint64_t value, flags;
};

/* rdi: where the result goes; rsi, rdx: two values; returns rax. */
static uint64_t call(struct result *r, uint64_t a, uint64_t b)
{
	mprotect(page, PAGE, PROT_READ | PROT_EXEC);
	return ((uint64_t(*)(struct result *, uint64_t, uint64_t))CODE)(r, a, b);
}

/* pushfq; pop 8(%rdi); mov %rax,(%rdi); ret */
static void end(void)
{
	CODE_BYTES(0x9c, 0x8f, 0x47, 0x08, 0x48, 0x89, 0x07, 0xc3);
}

#define FLAGS 0x8d5UL /* all that arithmetic sets */

/* mov %rsi,%rax; OP $BYTES,%rax | OP %rdx,%rax */
static bool same_alu(unsigned int op, unsigned int wide, uint64_t a)
{
	/* The auxiliary carry is not defined after AND, OR and XOR. */
	uint64_t flags = op == 1 || op == 4 || op == 6 ? FLAGS & ~0x10UL : FLAGS;
	struct result r[2];
	uint8_t rm;

	begin();
	CODE_BYTES(0x48, 0x89, 0xf0);
	/* The carry is set: ADC and SBB. */
	CODE_BYTES(0xf9);
	if (wide)
		CODE_BYTES(0x48);
	CODE_BYTES(0x81);
	rm = 0xc0 | op << 3;
	put(&rm, 1);
	put_constant();
	end();
	call(&r[0], a, 0);
	begin();
	CODE_BYTES(0x48, 0x89, 0xf0, 0xf9);
	if (wide)
		CODE_BYTES(0x48);
	rm = op << 3 | 1;
	put(&rm, 1);
	CODE_BYTES(0xd0);
	end();
	call(&r[1], a, BYTES);
	return r[0].value == r[1].value && !((r[0].flags ^ r[1].flags) & flags);
}

static void arithmetic(void)
{
	const uint64_t values[] = { 0,
				    1,
				    BYTES,
				    BYTES + 1,
				    BYTES - 1,
				    ~BYTES,
				    -BYTES,
				    ~0UL,
				    0x7fffffff,
				    0x80000000,
				    0x7fffffffffffffff,
				    0x8000000000000000,
				    0x5555555555555555 };
	unsigned int op, i, wide;

	for (op = 0; op < 8; op++) {
		int good = 0;

		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			for (wide = 0; wide < 2; wide++)
				good += same_alu(op, wide, values[i]);
		check(good == 26, "arithmetic with a constant, operation %u", op);
	}
}

/* A function far away: returns 77 + rsi. */
static void put_far(uint64_t where)
{
	static const uint8_t code[] = { 0x48, 0x8d, 0x46, 0x4d, 0xc3 };

	mprotect((void *)(where & -PAGE), 2 * PAGE, PROT_READ | PROT_WRITE);
	memcpy((void *)where, code, sizeof(code));
	mprotect((void *)(where & -PAGE), 2 * PAGE, PROT_READ | PROT_EXEC);
}

static void *data(uint64_t where)
{
	mprotect((void *)(where & -PAGE), 2 * PAGE, PROT_READ | PROT_WRITE);
	return (void *)where;
}

static void jumps(void)
{
	struct timespec from, to;
	int i, good = 0;

	begin();
	CODE_BYTES(0xe8);
	put_far(FAR(4));
	put_constant();
	CODE_BYTES(0x48, 0xff, 0xc0, 0xc3); /* inc %rax; ret */
	check(call(NULL, 5, 0) == 83, "call");
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 20000; i++)
		good += ((uint64_t(*)(void *, uint64_t))CODE)(NULL, i) == (uint64_t)i + 78;
	clock_gettime(CLOCK_MONOTONIC, &to);
	check(good == 20000, "many calls");
	note("%ld ns each",
	     ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / i);

	begin();
	CODE_BYTES(0xe9);
	put_far(FAR(4));
	put_constant();
	check(call(NULL, 6, 0) == 83, "jmp");

	begin();
	CODE_BYTES(0x31, 0xc0, 0x48, 0x85, 0xd2, 0x0f, 0x84); /* test %rdx,%rdx; jz */
	put_far(FAR(4));
	put_constant();
	CODE_BYTES(0xc3);
	check(call(NULL, 6, 0) == 83 && call(NULL, 6, 1) == 0, "jz");
}

static void distances(void)
{
	uint64_t *word;
	double *number;
	struct result r;

	begin();
	CODE_BYTES(0x48, 0x8d, 0x05); /* lea */
	word = (uint64_t *)FAR(4);
	put_constant();
	CODE_BYTES(0xc3);
	check(call(NULL, 0, 0) == (uint64_t)word, "lea");

	begin();
	CODE_BYTES(0x48, 0x8b, 0x05); /* mov to rax */
	word = data(FAR(4));
	put_constant();
	CODE_BYTES(0xc3);
	*word = 0x123456789abcdef0;
	check(call(NULL, 0, 0) == *word, "mov from memory");

	begin();
	CODE_BYTES(0x48, 0x89, 0x35); /* mov from rsi */
	word = data(FAR(4));
	put_constant();
	CODE_BYTES(0xc3);
	call(NULL, 0xfedcba98, 0);
	check(*word == 0xfedcba98, "mov to memory");

	begin();
	CODE_BYTES(0x83, 0x3d); /* cmpl $0 */
	word = data(FAR(5));
	put_constant();
	CODE_BYTES(0x00, 0x0f, 0x94, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3); /* sete %al; movzbl */
	*word = 0;
	check(call(NULL, 0, 0) == 1, "cmpl, equal");
	*word = 1;
	check(call(NULL, 0, 0) == 0, "cmpl, not equal");

	begin();
	CODE_BYTES(0x0f, 0xb6, 0x05); /* movzbl */
	word = data(FAR(4));
	put_constant();
	CODE_BYTES(0xc3);
	*word = 0xfff0;
	check(call(NULL, 0, 0) == 0xf0, "movzbl");

	begin();
	CODE_BYTES(0xff, 0x15); /* call through memory */
	word = data(FAR(4));
	put_constant();
	CODE_BYTES(0xc3);
	put_far(CODE + 0x1000);
	*word = CODE + 0x1000;
	check(call(NULL, 4, 0) == 81, "call through memory");

	begin();
	CODE_BYTES(0xf2, 0x0f, 0x10, 0x0d); /* movsd to xmm1 */
	number = data(FAR(4));
	put_constant();
	CODE_BYTES(0xf2, 0x0f, 0x11, 0x0f, 0xc3); /* movsd %xmm1,(%rdi) */
	*number = 2.5;
	call(&r, 0, 0);
	check(!memcmp(&r.value, number, 8), "movsd from memory");
}

static void constants(void)
{
	begin();
	CODE_BYTES(0xb8);
	put_constant();
	CODE_BYTES(0xc3);
	check(call(NULL, 0, 0) == BYTES, "mov of a constant");

	begin();
	CODE_BYTES(0x68);
	put_constant();
	CODE_BYTES(0x58, 0xc3);
	check(call(NULL, 0, 0) == BYTES, "push of a constant");

	/* rol $15,%esi; add %ebp,%edi is in libnettle: two instructions; with rbp saved */
	begin();
	CODE_BYTES(0x55, 0x89, 0xd5, 0x31, 0xff, 0xc1, 0xc6, 0x0f, 0x01, 0xef);
	CODE_BYTES(0x8d, 0x04, 0x3e, 0x5d, 0xc3); /* lea (%rsi,%rdi),%eax; pop %rbp; ret */
	check(call(NULL, 3, 1000) == (3 << 15) + 1000, "two instructions");

	/* Of an instruction that the kernel does not know: bts %rsi,BYTES(%rdx) */
	begin();
	CODE_BYTES(0x48, 0x0f, 0xab, 0xb2);
	put_constant();
	CODE_BYTES(0x31, 0xc0, 0xc3);
	memset(data(AT + 0x100000), 0, 8);
	check(call(NULL, 5, AT + 0x100000 - BYTES) == 0 && *(uint8_t *)(AT + 0x100000) == 32,
	      "any other instruction");

	/* Data among the code. */
	begin();
	CODE_BYTES(0x8b, 0x06, 0xc3); /* mov (%rsi),%eax */
	at = 512;
	put_constant();
	check(call(NULL, CODE + 512, 0) == BYTES, "data among the code");
	check(*(volatile uint32_t *)(CODE + 512) == BYTES, "and read from elsewhere");
}

static void own_page(void)
{
	uint64_t i, good = 0;

	begin();
	mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	/* mov %esi,1f+1(%rip); 1: mov $0,%eax; push, pop: with the stack elsewhere */
	CODE_BYTES(0x89, 0x35, 0x01, 0x00, 0x00, 0x00, 0xb8, 0, 0, 0, 0, 0xc3);
	for (i = 0; i < 200; i++)
		good += ((uint64_t(*)(void *, uint64_t))CODE)(NULL, i) == i;
	check(good == 200, "code that writes to its own page");
}

/* A store that nobody carries out for it: it works, or the program gets its signal. */
static void own_page_locked(void)
{
	/* lock add %esi,1f+1(%rip); 1: mov $0,%eax */
	static const uint8_t code[] = { 0xf0, 0x01, 0x35, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3 };
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		void *own = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memcpy(own, code, sizeof(code));
		alarm(20);
		_exit(((uint64_t(*)(void *, uint64_t))own)(NULL, 7) == 7 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	check(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL),
	      "code that writes to its own page with a lock");
}

/* mov $BYTES,%eax across the border of two pages, cut after `cut` of its bytes. */
static void across(unsigned int cut)
{
	uint8_t code[] = { 0xb8, 0x0f, 0xae, 0x28, 0x00, 0xff, 0xc0, 0xc3 };
	uint8_t *p = (uint8_t *)AT + 0x20000;
	unsigned int i;
	int good = 0;

	mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE);
	memset(p, 0x90, 2 * PAGE);
	memcpy(p + PAGE - cut, code, sizeof(code));
	mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC);
	for (i = 0; i < 100; i++)
		good += ((uint64_t(*)(void))(uintptr_t)(p + PAGE - 16))() == (uint64_t)BYTES + 1;
	check(good == 100, "a constant across two pages, after %u bytes", cut);
}

int main(void)
{
	unsigned int cut;

	page = mmap((void *)AT, SPAN, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
	if (page != (void *)AT) {
		perror("mmap");
		return 2;
	}
	arithmetic();
	jumps();
	distances();
	constants();
	own_page();
	own_page_locked();
	for (cut = 1; cut < 5; cut++)
		across(cut);
	return check_end();
}
