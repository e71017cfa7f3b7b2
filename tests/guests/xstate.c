// SPDX-License-Identifier: GPL-2.0-only
/* All vector registers that the host has survive traps, interrupts and other users. */
#include "lib.h"

#define ROUNDS 6

/* rdi: 2 KiB of patterns; loads all, then after each call stores all behind them */
#define EACH(insn) ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n" insn "\n.endr\n"
#define HIGH(insn) \
	".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n" insn "\n.endr\n"

/* clang-format off */
USER_PROGRAM(sse,
	     EACH("movdqu \\n * 64(%rdi), %xmm\\n")
	     "1: syscall\n"
	     EACH("movdqu %xmm\\n, \\n * 64(%rsi)")
	     "jmp 1b");
USER_PROGRAM(avx,
	     EACH("vmovdqu \\n * 64(%rdi), %ymm\\n")
	     "1: syscall\n"
	     EACH("vmovdqu %ymm\\n, \\n * 64(%rsi)")
	     "jmp 1b");
USER_PROGRAM(avx512,
	     EACH("vmovdqu64 \\n * 64(%rdi), %zmm\\n")
	     HIGH("vmovdqu64 \\n * 64(%rdi), %zmm\\n")
	     ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n kmovw \\n * 64 + 8(%rdi), %k\\n\n .endr\n"
	     "1: syscall\n"
	     EACH("vmovdqu64 %zmm\\n, \\n * 64(%rsi)")
	     HIGH("vmovdqu64 %zmm\\n, \\n * 64(%rsi)")
	     ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n kmovw %k\\n, 2048 + \\n * 2(%rsi)\n .endr\n"
	     "jmp 1b");
/* clang-format on */

/* A data area of two pages for each: patterns, then results. */
#define PATTERNS	0x300000000000UL

static struct user users[3];
static kap_u8 *areas[3];

static void fill(kap_u8 *area, kap_u64 seed)
{
	for (int i = 0; i < 512; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		area[i * 4] = seed >> 56;
		area[i * 4 + 1] = seed >> 48;
		area[i * 4 + 2] = seed >> 40;
		area[i * 4 + 3] = seed >> 33;
	}
}

/* Registers lie 64 bytes apart; width of each is what the program moves. */
static int same(const kap_u8 *area, int regs, int width)
{
	const kap_u8 *got = area + PAGE;

	for (int n = 0; n < regs; n++)
		if (memcmp(area + n * 64, got + n * 64, width))
			return 0;
	for (int n = 0; regs == 32 && n < 8; n++)
		if (memcmp(area + n * 64 + 8, got + 2048 + n * 2, 2))
			return 0;
	return 1;
}

static void survive(const char *name, const char *start, const char *end, int regs, int width)
{
	int good = 0, saved = 0;

	/* Two users in one space, one in another. */
	for (int i = 0; i < 3; i++) {
		user_create(&users[i], i == 1 ? &users[0] : NULL);
		areas[i] = pages(2);
		fill(areas[i], 17 + i);
		kap_space_map(users[i].space, PATTERNS + i * 0x10000, kap_phys(areas[i]), 2 * PAGE,
			      KAP_PROT_READ | KAP_PROT_WRITE);
		user_load_range(&users[i], start, end);
		users[i].regs.di = PATTERNS + i * 0x10000;
		users[i].regs.si = users[i].regs.di + PAGE;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 3; i++) {
			if (round % 2)
				kap_set_deadline(0, 1);
			if (user_run(&users[i]) != KAP_TRAP_SYSCALL)
				give_up("%s: trap kind %u nr %u", name, users[i].trap.kind,
					users[i].trap.nr);
			good += round && same(areas[i], regs, width);
			memset(areas[i] + PAGE, 0, PAGE);
			/* Saved, thrown away in the runner, and loaded again. */
			if (round == 3) {
				kap_fpu_save(&users[i].fpu);
				kap_fpu_changed(&users[i].fpu);
				saved++;
			}
		}
	if (!check_eq(good, 3 * (ROUNDS - 1), "registers survive"))
		say("# %s: %d of %d rounds\n", name, good, 3 * (ROUNDS - 1));
	check_eq(saved, 3, "also by way of memory");
	user_destroy(&users[1]);
	user_destroy(&users[0]);
	user_destroy(&users[2]);
}

#define survive(name, regs, width) survive(#name, name, name##_end, regs, width)

/* The area of a user that moves to another space brings its state along. */
static void moving(void)
{
	struct user *a = &users[0], *b = &users[2];

	user_create(a, NULL);
	user_create(b, NULL);
	areas[0] = pages(2);
	fill(areas[0], 99);
	for (int i = 0; i < 2; i++)
		kap_space_map(i ? b->space : a->space, PATTERNS, kap_phys(areas[0]), 2 * PAGE,
			      KAP_PROT_READ | KAP_PROT_WRITE);
	user_load(b, sse);
	user_load(a, sse);
	a->regs.di = PATTERNS;
	a->regs.si = PATTERNS + PAGE;
	user_run(a);
	/* As exec does: the thread goes on in a new space, the old one goes. */
	kap_run_user(b->space, &a->regs, &a->fpu, &a->trap);
	check_eq(a->trap.kind, KAP_TRAP_SYSCALL, "a user goes on in another space");
	check(same(areas[0], 16, 16), "with its vector registers");
	memset(areas[0] + PAGE, 0, PAGE);
	kap_space_destroy(&a->own);
	kap_run_user(b->space, &a->regs, &a->fpu, &a->trap);
	check(same(areas[0], 16, 16), "also when the first space is gone");

	fill(areas[0], 1234);
	user_load(a, sse);
	a->regs.di = PATTERNS;
	a->regs.si = PATTERNS + PAGE;
	kap_run_user(b->space, &a->regs, &a->fpu, &a->trap);
	/* Destroying the space that holds the live state saves it first. */
	memset(areas[0] + PAGE, 0, PAGE);
	kap_space_destroy(&b->own);
	user_create(b, NULL);
	user_load(b, sse);
	kap_space_map(b->space, PATTERNS, kap_phys(areas[0]), 2 * PAGE,
		      KAP_PROT_READ | KAP_PROT_WRITE);
	kap_run_user(b->space, &a->regs, &a->fpu, &a->trap);
	check(same(areas[0], 16, 16), "also when the space ends with its state in it");
	user_destroy(b);
}

void test(void)
{
	kap_u64 mask = kap_xsave_mask();

	check((mask & 3) == 3, "the host has x87 and SSE (mask %lx)", mask);
	check(kap_xsave_size() >= 576, "%u bytes of xstate", kap_xsave_size());
	survive(sse, 16, 16);
	if (mask & 4)
		survive(avx, 16, 32);
	else
		skip("AVX registers", "this host has none");
	if ((mask & 0xe0) == 0xe0)
		survive(avx512, 32, 64);
	else
		skip("AVX-512 registers", "this host has none");
	moving();
}
