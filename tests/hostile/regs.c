// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls and page faults in turn, with a value in every register and flag, all of which are
 * looked at after each; until a line comes on stdin. `regs calls` and `regs faults`: only these.
 * For inject.t, which disturbs the host thread at every instruction on the way.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <poll.h>

#define NR_REGS 15
#define FLAGS 0xcd5UL /* CF PF AF ZF SF DF OF */
#define VECTORS 16
#define BATCH 64

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15 };

struct state {
	ulong reg[NR_REGS], flags, sp;
	unsigned char vector[VECTORS][32];
} __attribute__((aligned(32)));

struct state before, after;
ulong kept_sp, after_call;
unsigned int has_avx;
void one_call(void);
void one_fault(void);

// clang-format off
#define LOAD(n)  "	vmovups before+136+" #n "*32(%rip), %ymm" #n "\n"
#define STORE(n) "	vmovups %ymm" #n ", after+136+" #n "*32(%rip)\n"
#define LOAD_SSE(n)  "	movups before+136+" #n "*32(%rip), %xmm" #n "\n"
#define STORE_SSE(n) "	movups %xmm" #n ", after+136+" #n "*32(%rip)\n"
#define ALL(x) \
	x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define GET(reg, n) "	mov before+" #n "*8(%rip), %" #reg "\n"
#define PUT(reg, n) "	mov %" #reg ", after+" #n "*8(%rip)\n"
#define GPRS(x) \
	x(rax, 0) x(rbx, 1) x(rcx, 2) x(rdx, 3) x(rsi, 4) x(rdi, 5) x(rbp, 6) x(r8, 7) \
	x(r9, 8) x(r10, 9) x(r11, 10) x(r12, 11) x(r13, 12) x(r14, 13) x(r15, 14)

/* Vectors, flags, registers; the instruction; the same the other way round. */
#define TRAP(name, code) \
	asm(".text\n.globl " #name "\n" #name ":\n" \
	    "	push %rbx\n	push %rbp\n	push %r12\n" \
	    "	push %r13\n	push %r14\n	push %r15\n" \
	    "	mov %rsp, kept_sp(%rip)\n" \
	    "	cmpl $0, has_avx(%rip)\n	je 1f\n" ALL(LOAD) "	jmp 2f\n" \
	    "1:\n" ALL(LOAD_SSE) "2:	push before+120(%rip)\n	popfq\n" \
	    GPRS(GET) code "3:\n" GPRS(PUT) "	mov %rsp, after+128(%rip)\n" \
	    "	mov kept_sp(%rip), %rsp\n	pushfq\n	pop after+120(%rip)\n" \
	    "	lea 3b(%rip), %rax\n	mov %rax, after_call(%rip)\n	cld\n" \
	    "	cmpl $0, has_avx(%rip)\n	je 4f\n" ALL(STORE) \
	    "	vzeroupper\n	jmp 5f\n4:\n" ALL(STORE_SSE) \
	    "5:	pop %r15\n	pop %r14\n	pop %r13\n" \
	    "	pop %r12\n	pop %rbp\n	pop %rbx\n	ret\n")
// clang-format on

TRAP(one_call, "	syscall\n");
TRAP(one_fault, "	movb %bpl, (%rbx)\n");

static ulong made[2], wrong;

static void complain(const char *what, const char *which, unsigned int n, ulong is, ulong was)
{
	if (wrong++ < 20)
		printf("# %s: %s %u is %lx, was %lx\n", what, which, n, is, was);
}

static void compare(const char *what, bool call)
{
	unsigned int i;

	if (call) {
		/* What SYSCALL leaves there. */
		before.reg[RAX] = (ulong)getppid();
		before.reg[RCX] = after_call;
		before.reg[R11] = after.flags;
	}
	for (i = 0; i < NR_REGS; i++)
		if (after.reg[i] != before.reg[i])
			complain(what, "register", i, after.reg[i], before.reg[i]);
	if ((after.flags & FLAGS) != (before.flags & FLAGS))
		complain(what, "flags", 0, after.flags, before.flags);
	if (after.sp != kept_sp)
		complain(what, "stack", 0, after.sp, kept_sp);
	for (i = 0; i < VECTORS; i++)
		if (memcmp(after.vector[i], before.vector[i], has_avx ? 32 : 16))
			complain(what, "vector", i, 0, 0);
}

static void one(bool call, unsigned char *page)
{
	static ulong seed = 0x9e3779b97f4a7c15UL;
	ulong *vector = (ulong *)before.vector;
	unsigned int i;

	for (i = 0; i < NR_REGS; i++)
		before.reg[i] = seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	for (i = 0; i < sizeof(before.vector) / sizeof(ulong); i++)
		vector[i] = seed * (i + 1);
	before.flags = (seed >> 20 & FLAGS) | 2;
	if (call) {
		before.reg[RAX] = SYS_getppid;
		one_call();
	} else {
		madvise(page, PAGE, MADV_DONTNEED);
		before.reg[RBX] = (ulong)page + 5;
		one_fault();
		if (page[5] != (unsigned char)before.reg[RBP])
			complain("fault", "byte", 5, page[5], before.reg[RBP]);
	}
	compare(call ? "call" : "fault", call);
	made[call]++;
}

int main(int argc, char **argv)
{
	bool calls = argc < 2 || !strcmp(argv[1], "calls");
	bool faults = argc < 2 || !strcmp(argv[1], "faults");
	struct pollfd line = { .fd = 0, .events = POLLIN };
	unsigned char *page;
	int i;

	start_as_nobody();
	has_avx = __builtin_cpu_supports("avx") != 0;
	page = must_map(NULL, PAGE, RW, ANON);
	printf("regs begins\n");
	fflush(stdout);
	while (poll(&line, 1, 0) == 0) {
		for (i = 0; i < BATCH; i++) {
			if (calls)
				one(true, page);
			if (faults)
				one(false, page);
		}
	}
	check(!wrong && made[0] + made[1], "%lu calls, %lu faults: %lu registers were wrong",
	      made[1], made[0], wrong);
	return comes_to_its_end();
}
