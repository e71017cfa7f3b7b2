// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder of WRPKRU and XRSTOR. For each form of an operand, the assembler makes the XRSTOR's
 * bytes and a LEA with the same operand, which the processor executes with random registers: that
 * is the address that is expected.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../kernel-shim/x86/emulate.c"

/* r15 to di in struct kap_regs, and sp: what LEA is executed with. */
struct kap_regs lea_regs;
uint64_t lea_result, lea_sp;
void (*lea_code)(void);
void lea_execute(void);
void lea_done(void);

asm(".text\n"
    "lea_execute:\n"
    "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
    "	mov %rsp, lea_sp(%rip)\n"
    "	mov lea_regs+0(%rip), %r15\n"
    "	mov lea_regs+8(%rip), %r14\n"
    "	mov lea_regs+16(%rip), %r13\n"
    "	mov lea_regs+24(%rip), %r12\n"
    "	mov lea_regs+32(%rip), %rbp\n"
    "	mov lea_regs+40(%rip), %rbx\n"
    "	mov lea_regs+48(%rip), %r11\n"
    "	mov lea_regs+56(%rip), %r10\n"
    "	mov lea_regs+64(%rip), %r9\n"
    "	mov lea_regs+72(%rip), %r8\n"
    "	mov lea_regs+80(%rip), %rax\n"
    "	mov lea_regs+88(%rip), %rcx\n"
    "	mov lea_regs+96(%rip), %rdx\n"
    "	mov lea_regs+104(%rip), %rsi\n"
    "	mov lea_regs+112(%rip), %rdi\n"
    "	mov lea_regs+152(%rip), %rsp\n"
    "	jmp *lea_code(%rip)\n"
    "lea_done:\n"
    "	mov %rax, lea_result(%rip)\n"
    "	mov lea_sp(%rip), %rsp\n"
    "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
    "	ret\n");

/* Operands: each base alone and with displacements, each index and scale, both widths. */
asm(".macro form operand:vararg\n"
    "	.pushsection .text\n"
    "771:	xrstor \\operand\n"
    "772:	xrstor64 \\operand\n"
    "773:	lea \\operand, %rax\n"
    "	jmp lea_done\n"
    "	.popsection\n"
    "	.quad 771b, 772b, 773b\n"
    "	.quad 772b, 773b, 773b\n"
    ".endm\n"
    ".macro bases displacement=0\n"
    "	.irp base, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, "
    "eax, ecx, edx, ebx, esp, ebp, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d\n"
    "	form \\displacement(%\\base)\n"
    "	.endr\n"
    ".endm\n"
    ".macro indices displacement=0\n"
    "	.irp base, rax, rsp, rbp, rdi, r8, r12, r13, r15\n"
    "	.irp index, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"
    "	form \\displacement(%\\base, %\\index, 1)\n"
    "	form \\displacement(%\\base, %\\index, 2)\n"
    "	form \\displacement(%\\base, %\\index, 4)\n"
    "	form \\displacement(%\\base, %\\index, 8)\n"
    "	.endr\n"
    "	.endr\n"
    "	.irp base, eax, esp, ebp, r12d, r13d\n"
    "	.irp index, eax, ebp, r8d, r12d, r13d\n"
    "	form \\displacement(%\\base, %\\index, 8)\n"
    "	.endr\n"
    "	.endr\n"
    ".endm\n"
    ".pushsection .data.rel.local, \"aw\"\n"
    ".balign 8\n"
    ".globl forms\n"
    "forms:\n"
    "	bases\n	bases 1\n	bases -128\n	bases 128\n	bases -129\n	bases 0x7fffffff\n"
    "	indices\n	indices 0x40\n	indices -0x12345678\n"
    "	form 0x12345678\n	form -0x1000\n"
    "	.irp index, rax, rbp, r12, r13, r15, eax, ebp, r12d\n"
    "	form -0x40(, %\\index, 4)\n"
    "	.endr\n"
    ".globl forms_end\n"
    "forms_end:\n"
    ".popsection\n");
/* xrstor and xrstor64 in turn */
extern const struct form {
	const uint8_t *bytes, *end;
	void (*lea)(void);
} forms[], forms_end[];

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void draw_regs(struct kap_regs *regs)
{
	uint64_t *words = (uint64_t *)regs;

	for (size_t i = 0; i < sizeof(*regs) / 8; i++)
		words[i] = draw();
	regs->cs = 0x33;
}

static struct emulate_insn decode(const struct kap_regs *regs, const void *bytes, uint32_t len)
{
	struct emulate_insn insn;

	memset(&insn, 0xa5, sizeof(insn));
	emulate_decode(&insn, regs, bytes, len);
	return insn;
}

static void all_operands(void **state)
{
	const struct form *f;
	uint32_t tried = 0;

	(void)state;
	for (f = forms; f < forms_end; f++) {
		uint32_t len = (uint32_t)(f->end - f->bytes), i;
		struct emulate_insn insn;

		for (i = 0; i < 4; i++) {
			draw_regs(&lea_regs);
			lea_code = f->lea;
			lea_execute();
			insn = decode(&lea_regs, f->bytes, EMULATE_MAX_LEN);
			assert_int_equal(insn.what, EMULATE_XRSTOR);
			assert_int_equal(insn.len, len);
			if (insn.addr != lea_result)
				fail_msg("form %td: 0x%lx is not 0x%lx", f - forms, insn.addr,
					 lea_result);
			assert_int_equal(insn.mask, lea_regs.dx << 32 | (lea_regs.ax & 0xffffffff));
			assert_int_equal(insn.wide, (f - forms) % 2);
			tried++;
		}
		for (i = 0; i < len; i++)
			assert_int_equal(decode(&lea_regs, f->bytes, i).what, EMULATE_SHORT);
		assert_int_equal(decode(&lea_regs, f->bytes, len).what, EMULATE_XRSTOR);
	}
	assert_true(tried > 10000);
}

/* Every ModRM and SIB byte: the first byte says whether it is one, the length is the manual's. */
static void all_modrm(void **state)
{
	struct kap_regs regs;
	uint32_t modrm, sib, rex;

	(void)state;
	draw_regs(&regs);
	for (rex = 0x40; rex < 0x50; rex++) {
		for (modrm = 0; modrm < 256; modrm++) {
			for (sib = 0; sib < 256; sib++) {
				uint8_t bytes[EMULATE_MAX_LEN] = { (uint8_t)rex, 0x0f, 0xae,
								   (uint8_t)modrm, (uint8_t)sib };
				struct emulate_insn insn = decode(&regs, bytes, sizeof(bytes));
				uint32_t mod = modrm / 64, rm = modrm % 8, len = 4;

				if (mod == 3 || modrm / 8 % 8 != 5) {
					assert_int_equal(insn.what, EMULATE_OTHER);
					continue;
				}
				len += rm == 4;
				if (mod == 1)
					len += 1;
				else if (mod == 2 ||
					 (!mod && (rm == 5 || (rm == 4 && sib % 8 == 5))))
					len += 4;
				assert_int_equal(insn.what, EMULATE_XRSTOR);
				assert_int_equal(insn.len, len);
			}
		}
	}
}

#define DECODE(regs, text) decode(regs, text, sizeof(text) - 1)

static void prefixes(void **state)
{
	struct kap_regs regs;
	struct emulate_insn insn;

	(void)state;
	draw_regs(&regs);
	regs.ip = 0x401000;
	regs.di = 0xffffffff12345678;
	regs.r15 = 0x7f0000001000;
	regs.fs_base = 0x700000000000;
	regs.gs_base = 0x123450000;
	/* rip: of the next instruction, with everything that belongs to this one */
	insn = DECODE(&regs, "\x0f\xae\x2d\x10\x00\x00\x00");
	assert_int_equal(insn.addr, 0x401017);
	insn = DECODE(&regs, "\x2e\x49\x0f\xae\x2d\xf0\xff\xff\xff");
	assert_int_equal(insn.addr, 0x400ff9);
	assert_int_equal(insn.len, 9);
	insn = DECODE(&regs, "\x67\x0f\xae\x2d\x00\x00\x00\x80");
	assert_int_equal(insn.addr, 0x80401008);
	/* fs and gs count, the last of them; the others don't */
	assert_int_equal(DECODE(&regs, "\x64\x0f\xae\x2f").addr, 0x6fff12345678);
	assert_int_equal(DECODE(&regs, "\x65\x0f\xae\x2f").addr, regs.di + regs.gs_base);
	assert_int_equal(DECODE(&regs, "\x64\x65\x0f\xae\x2f").addr, regs.di + regs.gs_base);
	assert_int_equal(DECODE(&regs, "\x26\x36\x3e\x2e\x0f\xae\x2f").addr, regs.di);
	assert_int_equal(DECODE(&regs, "\x64\x2e\x0f\xae\x2f").addr, regs.di + regs.fs_base);
	/* 67: before the segment's base is added */
	assert_int_equal(DECODE(&regs, "\x64\x67\x0f\xae\x2f").addr, 0x12345678 + regs.fs_base);
	/* A REX counts where it is the last prefix. */
	assert_int_equal(DECODE(&regs, "\x41\x0f\xae\x2f").addr, regs.r15);
	assert_int_equal(DECODE(&regs, "\x41\x2e\x0f\xae\x2f").addr, regs.di);
	assert_int_equal(DECODE(&regs, "\x41\x48\x0f\xae\x2f").addr, regs.di);
	assert_int_equal(DECODE(&regs, "\x48\x2e\x0f\xae\x2f").wide, 0);
	/* #UD */
	assert_int_equal(DECODE(&regs, "\x66\x0f\xae\x2f").what, EMULATE_UD);
	assert_int_equal(DECODE(&regs, "\xf0\x0f\xae\x2f").what, EMULATE_UD);
	assert_int_equal(DECODE(&regs, "\xf2\x48\x0f\xae\x2f").what, EMULATE_UD);
	assert_int_equal(DECODE(&regs, "\xf3\x0f\x01\xef").what, EMULATE_UD);
	/* the longest, and one byte more */
	insn = DECODE(&regs, "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\xae\xad\x01\x00\x00\x00\x90");
	assert_int_equal(insn.what, EMULATE_XRSTOR);
	assert_int_equal(insn.len, 14);
	assert_int_equal(insn.addr, regs.bp + 1);
	insn = DECODE(&regs, "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\xae\xad\x01\x00\x00\x00");
	assert_int_equal(insn.what, EMULATE_UD);
	insn = DECODE(&regs,
		      "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\x01\xef");
	assert_int_not_equal(insn.what, EMULATE_WRPKRU);
	assert_true(insn.len <= EMULATE_MAX_LEN);
}

static void others(void **state)
{
	struct kap_regs regs;

	(void)state;
	draw_regs(&regs);
	assert_int_equal(DECODE(&regs, "\x0f\x01\xef").what, EMULATE_WRPKRU);
	assert_int_equal(DECODE(&regs, "\x0f\x01\xef").len, 3);
	assert_int_equal(DECODE(&regs, "\x48\x0f\x01\xef").len, 4);
	assert_int_equal(DECODE(&regs, "\x0f\x01\xee").what, EMULATE_OTHER); /* rdpkru */
	assert_int_equal(DECODE(&regs, "\x0f\xae\xe8").what, EMULATE_OTHER); /* lfence */
	assert_int_equal(DECODE(&regs, "\x0f\xae\x27").what, EMULATE_OTHER); /* xsave */
	assert_int_equal(DECODE(&regs, "\x0f\x0b").what, EMULATE_OTHER);
	assert_int_equal(DECODE(&regs, "\x90").what, EMULATE_OTHER);
	assert_int_equal(DECODE(&regs, "").what, EMULATE_SHORT);
	assert_int_equal(DECODE(&regs, "\x0f\x01").what, EMULATE_SHORT);
	/* In 32-bit code the same bytes mean other operands. */
	regs.cs = 0x23;
	assert_int_equal(DECODE(&regs, "\x0f\x01\xef").what, EMULATE_OTHER);
}

/* Bytes of all kinds: the decoder reads none beyond `avail` and always says something sensible. */
static void random_bytes(void **state)
{
	static const uint8_t some[] = { 0x0f, 0xae, 0x2c, 0x6c, 0xac, 0x01, 0xef, 0x48, 0x67 };
	struct kap_regs regs;

	(void)state;
	draw_regs(&regs);
	for (uint32_t round = 0; round < 2000000; round++) {
		uint32_t len = (uint32_t)(draw() % 16);
		uint8_t bytes[16], again[16];
		struct emulate_insn insn, other;

		for (uint32_t i = 0; i < len; i++)
			bytes[i] = draw() % 4 ? some[draw() % sizeof(some)] : (uint8_t)draw();
		memset(bytes + len, 0x0f, sizeof(bytes) - len);
		memcpy(again, bytes, len);
		memset(again + len, 0x67, sizeof(again) - len);
		insn = decode(&regs, bytes, len);
		other = decode(&regs, again, len);
		assert_memory_equal(&insn, &other, sizeof(insn));
		assert_true(insn.len <= len);
		assert_true(insn.what <= EMULATE_XRSTOR);
	}
}

static void wrpkru(void **state)
{
	struct kap_regs regs;

	(void)state;
	draw_regs(&regs);
	regs.ax = 0x1234567855555564;
	regs.cx = regs.dx = 0xffffffff00000000; /* the upper halves don't count */
	assert_int_equal(emulate_wrpkru(&regs, 0x55555564), EMULATE_GO_ON);
	regs.ax = 0;
	assert_int_equal(emulate_wrpkru(&regs, 0x55555564), EMULATE_SIGILL);
	regs.ax = 0x55555540;
	assert_int_equal(emulate_wrpkru(&regs, 0x55555564), EMULATE_SIGILL);
	regs.ax = 0x55555564;
	regs.cx = 1;
	assert_int_equal(emulate_wrpkru(&regs, 0x55555564), EMULATE_SIGSEGV);
	regs.cx = 0;
	regs.dx = 1;
	assert_int_equal(emulate_wrpkru(&regs, 0x55555564), EMULATE_SIGSEGV);
}

/* Features 0-2, 5-7, 9, 17 and 18, as a server's processor has them. */
static const struct emulate_layout layout = {
	.features = 0x602e7,
	.mxcsr_mask = 0x2ffff,
	.compacts = 1,
	.size = { [2] = 256, [5] = 64, [6] = 512, [7] = 1024, [9] = 8, [17] = 64, [18] = 8192 },
	.offset = { [2] = 576, [5] = 832, [6] = 896, [7] = 1408, [9] = 2432, [18] = 2816 },
	.aligned = { [6] = 1, [7] = 1, [17] = 1 },
};

static uint32_t size_of(uint64_t mask, uint64_t features, uint64_t comp, uint64_t more,
			uint32_t mxcsr)
{
	struct emulate_insn insn = { .what = EMULATE_XRSTOR, .addr = 0x1000, .mask = mask };
	uint64_t image[EMULATE_XSAVE_MIN / 8];

	memset(image, 0xff, sizeof(image));
	memset(image + 64, 0, 64);
	image[3] = 0xffffffff00000000 | mxcsr;
	image[64] = features;
	image[65] = comp;
	image[66] = more;
	return emulate_xrstor_size(&layout, &insn, image);
}

#define COMP(features) ((1UL << 63) | (features))

static void sizes(void **state)
{
	(void)state;
	/* standard: what is asked for and there */
	assert_int_equal(size_of(~0UL, 0, 0, 0, 0x1f80), 576);
	assert_int_equal(size_of(~0UL, 7, 0, 0, 0x1f80), 832);
	assert_int_equal(size_of(3, 7, 0, 0, 0x1f80), 576);
	assert_int_equal(size_of(0xe7, 0xe7, 0, 0, 0x1f80), 2432);
	assert_int_equal(size_of(0x47, 0xe7, 0, 0, 0x1f80), 1408);
	/* PKRU is never asked for, wherever it may lie */
	assert_int_equal(size_of(~0UL, 0x2e7, 0, 0, 0x1f80), 2432);
	assert_int_equal(size_of(0x200, 0x200, 0, 0, 0x1f80), 576);
	/* compacted: one behind the other, what is not there takes its place, too */
	assert_int_equal(size_of(0xe7, 0x87, COMP(0x87), 0, 0x1f80), 832 + 1024);
	assert_int_equal(size_of(0xe7, 0x80, COMP(0x80), 0, 0x1f80), 576 + 1024);
	assert_int_equal(size_of(0xe7, 0x80, COMP(0x84), 0, 0x1f80), 832 + 1024);
	assert_int_equal(size_of(0xe7, 0x40, COMP(0x60), 0, 0x1f80), 640 + 512);
	assert_int_equal(size_of(0xee, 0x04, COMP(0xe7), 0, 0x1f80), 832);
	/* 8 bytes of PKRU in front: one that is aligned, one that is not */
	assert_int_equal(size_of(~0UL, 1 << 17, COMP(0x20200), 0, 0x1f80), 640 + 64);
	assert_int_equal(size_of(~0UL, 1 << 18, COMP(0x40200), 0, 0x1f80), 584 + 8192);
	assert_int_equal(size_of(~0UL, 1 << 18, 0, 0, 0x1f80), 2816 + 8192);
	/* #GP: what the processor has not, bytes that must be zero, MXCSR */
	assert_int_equal(size_of(3, 0x10, 0, 0, 0x1f80), 0);
	assert_int_equal(size_of(3, 1UL << 62, 0, 0, 0x1f80), 0);
	assert_int_equal(size_of(3, 3, 1, 0, 0x1f80), 0);
	assert_int_equal(size_of(3, 3, 0, 1, 0x1f80), 0);
	assert_int_equal(size_of(3, 3, COMP(3), 1, 0x1f80), 0);
	assert_int_equal(size_of(3, 7, COMP(3), 0, 0x1f80), 0);
	assert_int_equal(size_of(3, 3, COMP(0x13), 0, 0x1f80), 0);
	assert_int_equal(size_of(3, COMP(3), COMP(3), 0, 0x1f80), 0);
	assert_int_equal(size_of(2, 0, 0, 0, 0x80000000), 0);
	assert_int_equal(size_of(4, 0, 0, 0, 0x80000000), 0);
	assert_int_equal(size_of(1, 0, 0, 0, 0x80000000), 576);
	assert_int_equal(size_of(2, 0, COMP(2), 0, 0x80000000), 576);
	assert_int_equal(size_of(2, 2, COMP(2), 0, 0x80000000), 0);
}

static void restores(void **state)
{
	struct emulate_insn insn = { .what = EMULATE_XRSTOR, .addr = 0x1020, .mask = ~0UL };
	struct emulate_layout old = layout;
	uint64_t image[EMULATE_XSAVE_MIN / 8] = { 0 };

	(void)state;
	assert_int_equal(emulate_xrstor_mask(&layout, &insn), 0x600e7);
	insn.mask = 0x200;
	assert_int_equal(emulate_xrstor_mask(&layout, &insn), 0);
	assert_int_equal(emulate_xrstor_size(&layout, &insn, image), 0); /* not aligned */
	insn.addr = 0x1040;
	assert_int_equal(emulate_xrstor_size(&layout, &insn, image), 576);
	image[65] = COMP(3);
	assert_int_equal(emulate_xrstor_size(&layout, &insn, image), 576);
	old.compacts = 0;
	assert_int_equal(emulate_xrstor_size(&old, &insn, image), 0);
}

/* ---- against the processor ---- */

#define ROOM 16384

static struct emulate_layout real;
static sigjmp_buf refused;

static int learn_layout(void)
{
	uint8_t fx[512] __attribute__((aligned(16))) = { 0 };
	uint32_t a, b, c, d, i;

	__cpuid(1, a, b, c, d);
	if (!(c & (1U << 27)))
		return 0;
	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	real.features = (uint64_t)d << 32 | a;
	asm volatile("fxsave (%0)" : : "r"(fx) : "memory");
	memcpy(&real.mxcsr_mask, fx + 28, 4);
	if (!real.mxcsr_mask)
		real.mxcsr_mask = 0xffbf;
	__cpuid_count(13, 1, a, b, c, d);
	real.compacts = a >> 1 & 1;
	for (i = 2; i < 63; i++) {
		__cpuid_count(13, i, a, b, c, d);
		if (!(real.features >> i & 1))
			continue;
		real.size[i] = a;
		real.offset[i] = b;
		real.aligned[i] = c >> 1 & 1;
	}
	return 1;
}

static void on_fault(int sig)
{
	siglongjmp(refused, sig);
}

/*
 * Whether the processor restores from the image; after it, `state` is what it has. The test's own
 * state is what it was before.
 */
static __attribute__((noinline)) int execute(const uint8_t *image, uint64_t mask, uint8_t *state)
{
	static uint8_t kept[ROOM] __attribute__((aligned(64)));
	/* All components as they are after a reset: what the mask leaves alone stays so. */
	static const uint8_t initial[ROOM] __attribute__((aligned(64))) = { [24] = 0x80, 0x1f };
	uint32_t lo = (uint32_t)real.features, hi = (uint32_t)(real.features >> 32);
	uint32_t a = lo, d = hi;
	int sig;

	memset(state, 0, ROOM);
	asm volatile("xsave64 (%0)" : : "r"(kept), "a"(lo), "d"(hi) : "memory");
	sig = sigsetjmp(refused, 1);
	if (!sig)
		asm volatile("xrstor64 (%[initial])\n"
			     "mov %[mask], %%eax\n"
			     "mov 4+%[mask], %%edx\n"
			     "xrstor64 (%[image])\n"
			     "mov %[all], %%eax\n"
			     "mov 4+%[all], %%edx\n"
			     "xsave64 (%[state])"
			     : "+a"(a), "+d"(d)
			     : [initial] "r"(initial), [image] "r"(image), [state] "r"(state),
			       [mask] "m"(mask), [all] "m"(real.features)
			     : "memory");
	/* Which components it takes for unused differs from time to time; their bytes don't. */
	memset(state + 512, 0, 8);
	asm volatile("xrstor64 (%0)" : : "r"(kept), "a"(lo), "d"(hi) : "memory");
	return !sig;
}

/* An image of which one bit or another may be wrong. */
static void draw_image(uint64_t *image)
{
	uint64_t some = draw() & draw() & real.features, r = draw();

	memset(image, 0, EMULATE_XSAVE_MIN);
	image[3] = draw() % 4 ? 0x1f80 : 1UL << draw() % 32;
	image[64] = draw() & some;
	if (r >> 8 & 1 && real.compacts)
		image[65] = 1UL << 63 | some;
	if (r % 8 == 2)
		image[64] |= 1UL << draw() % 64;
	if (r % 8 == 4)
		image[65] |= 1UL << draw() % 64;
	if (r % 8 == 6)
		image[64 + draw() % 8] |= 1UL << draw() % 64;
}

/*
 * What the processor refuses is refused here, and nothing behind the size that is told here makes a
 * difference to what it restores.
 */
static void as_the_processor(void **state)
{
	static uint8_t image[ROOM] __attribute__((aligned(64)));
	static uint8_t got[2][ROOM] __attribute__((aligned(64)));
	struct sigaction sa = { .sa_handler = on_fault }, old;
	uint32_t good = 0, bad = 0, larger = 0, round;

	(void)state;
	if (!learn_layout())
		skip();
	sigaction(SIGSEGV, &sa, &old);
	for (round = 0; round < 20000; round++) {
		struct emulate_insn insn = { .what = EMULATE_XRSTOR, .mask = draw() & draw() };
		uint64_t mask = emulate_xrstor_mask(&real, &insn);
		uint32_t size, done;

		memset(image, (int)draw(), sizeof(image));
		draw_image((uint64_t *)image);
		size = emulate_xrstor_size(&real, &insn, image);
		done = (uint32_t)execute(image, mask, got[0]);
		if (done != !!size)
			fail_msg("round %u: mask %lx features %lx comp %lx mxcsr %x: %u", round,
				 insn.mask, ((uint64_t *)image)[64], ((uint64_t *)image)[65],
				 ((uint32_t *)image)[6], size);
		*(size ? &good : &bad) += 1;
		larger += size > EMULATE_XSAVE_MIN;
		if (!size)
			continue;
		for (uint32_t i = size; i < sizeof(image); i++)
			image[i] = (uint8_t)~image[i];
		assert_true(execute(image, mask, got[1]));
		assert_memory_equal(got[0], got[1], ROOM);
	}
	assert_true(good > 1000 && bad > 1000 && larger > 1000);
	sigaction(SIGSEGV, &old, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_operands),
		cmocka_unit_test(all_modrm),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(others),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(wrpkru),
		cmocka_unit_test(sizes),
		cmocka_unit_test(restores),
		cmocka_unit_test(as_the_processor),
	};

	return cmocka_run_group_tests_name("emulate", tests, NULL, NULL);
}
