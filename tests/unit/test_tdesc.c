// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's registers: where each is in the machine's, and the description that names them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "debug/tdesc.h"

static struct rsp_regs regs;
static uint8_t value[TDESC_REG_MAX];
static const char *error;

static int fresh(void **state)
{
	(void)state;
	memset(&regs, 0, sizeof(regs));
	memset(value, 0, sizeof(value));
	regs.has_xsave = regs.has_avx = true;
	regs.xsave[512] = 7;
	error = NULL;
	return 0;
}

static uint64_t get(unsigned int reg)
{
	uint64_t low;

	assert_true(tdesc__get(&regs, reg, value));
	memcpy(&low, value, sizeof(low));
	return low;
}

static int set(unsigned int reg, uint64_t low)
{
	memset(value, 0, sizeof(value));
	memcpy(value, &low, sizeof(low));
	return tdesc__set(&regs, reg, value, &error);
}

static void sizes(void **state)
{
	unsigned int total = 0;

	(void)state;
	for (unsigned int reg = 0; reg < TDESC_BASE_REGS; reg++)
		total += tdesc__size(reg);
	assert_int_equal(total, 17 * 8 + 7 * 4 + 8 * 10 + 8 * 4 + 16 * 16 + 4 + 2 * 8);
	for (unsigned int reg = TDESC_BASE_REGS; reg < TDESC_AVX_REGS; reg++)
		assert_int_equal(tdesc__size(reg), 16);
	assert_int_equal(tdesc__size(TDESC_AVX_REGS), 0);
	assert_int_equal(tdesc__size(UINT32_MAX), 0);
	assert_int_equal(tdesc__count(false), TDESC_BASE_REGS);
	assert_int_equal(tdesc__count(true), TDESC_AVX_REGS);
}

static void general(void **state)
{
	struct kap_regs *g = &regs.general;
	uint64_t *const order[] = {
		&g->ax, &g->bx,	 &g->cx,  &g->dx,  &g->si,  &g->di,  &g->bp, &g->sp,
		&g->r8, &g->r9,	 &g->r10, &g->r11, &g->r12, &g->r13, &g->r14, &g->r15,
		&g->ip, &g->flags, &g->cs, &g->ss, &g->ds,  &g->es,  &g->fs, &g->gs,
	};

	(void)state;
	for (unsigned int reg = 0; reg < 24; reg++) {
		uint64_t number = 0x1234567800000000 + reg;

		*order[reg] = number;
		assert_true(get(reg) == (tdesc__size(reg) == 8 ? number : reg));
		assert_int_equal(set(reg, ~number), 0);
		assert_true(*order[reg] == (tdesc__size(reg) == 8 ? ~number : (uint32_t)~number));
	}
	assert_int_equal(TDESC_BP, 6);
	assert_ptr_equal(order[TDESC_SP], &g->sp);
	assert_ptr_equal(order[TDESC_IP], &g->ip);
	g->fs_base = 0xffff888812345678;
	g->gs_base = 5;
	assert_true(get(57) == 0xffff888812345678);
	assert_int_equal(get(58), 5);
	assert_int_equal(set(58, 6), 0);
	assert_int_equal(g->gs_base, 6);
}

/* These are there also when the vector state is not. */
static void general_alone(void **state)
{
	(void)state;
	regs.has_xsave = false;
	for (unsigned int reg = 0; reg < TDESC_AVX_REGS; reg++) {
		bool vector = (reg >= 24 && reg < 57) || reg >= 59;

		assert_int_equal(tdesc__get(&regs, reg, value), !vector);
		assert_int_equal(set(reg, 0), vector ? -ENODATA : 0);
		assert_true(!vector || error);
	}
}

static void without_avx(void **state)
{
	(void)state;
	regs.has_avx = false;
	assert_true(tdesc__get(&regs, 58, value));
	assert_false(tdesc__get(&regs, 59, value));
	assert_int_equal(set(74, 1), -ENODATA);
}

static void no_such(void **state)
{
	struct rsp_regs before = regs;

	(void)state;
	assert_false(tdesc__get(&regs, 75, value));
	assert_int_equal(set(75, 1), -EINVAL);
	assert_non_null(error);
	assert_memory_equal(&before, &regs, sizeof(regs));
}

/* Each register has bytes of its own, at the place that the processor's manual names. */
static void vectors(void **state)
{
	static const struct {
		unsigned int first, count, offset, bytes;
	} groups[] = { { 24, 8, 32, 10 }, { 40, 16, 160, 16 }, { 59, 16, 576, 16 } };

	(void)state;
	for (unsigned int g = 0; g < 3; g++) {
		for (unsigned int n = 0; n < groups[g].count; n++) {
			unsigned int reg = groups[g].first + n;
			uint8_t *place = regs.xsave + groups[g].offset + 16 * n;

			memset(place, reg, 16);
			assert_int_equal(tdesc__size(reg), groups[g].bytes);
			assert_true(tdesc__get(&regs, reg, value));
			assert_memory_equal(value, place, groups[g].bytes);
			memset(value, 0x80 + reg, sizeof(value));
			assert_int_equal(tdesc__set(&regs, reg, value, &error), 0);
			assert_memory_equal(value, place, groups[g].bytes);
			if (groups[g].bytes < 16)
				assert_int_equal(place[groups[g].bytes], reg);
		}
	}
}

static void x87_control(void **state)
{
	static const struct {
		unsigned int reg, offset, bytes;
	} control[] = { { 32, 0, 2 },  { 33, 2, 2 },  { 35, 12, 2 }, { 36, 8, 4 },
			{ 37, 20, 2 }, { 38, 16, 4 }, { 39, 6, 2 } };

	(void)state;
	for (unsigned int n = 0; n < sizeof(control) / sizeof(control[0]); n++) {
		unsigned int reg = control[n].reg;
		uint8_t *place = regs.xsave + control[n].offset;
		uint32_t mask = control[n].bytes == 2 ? 0xffff : UINT32_MAX;

		memset(regs.xsave, 0xee, 32);
		assert_int_equal(get(reg), 0xeeeeeeee & mask);
		assert_int_equal(set(reg, 0x12345678), 0);
		assert_int_equal(get(reg), 0x12345678 & mask);
		assert_int_equal(place[control[n].bytes], 0xee);
	}
}

static void put_st(unsigned int n, uint16_t exponent, uint64_t mantissa)
{
	memcpy(regs.xsave + 32 + 16 * n, &mantissa, 8);
	memcpy(regs.xsave + 40 + 16 * n, &exponent, 2);
}

/* gdb wants two bits for each fixed register; the area has one, and values from the top on. */
static void tags(void **state)
{
	(void)state;
	assert_int_equal(get(34), 0xffff);
	regs.xsave[3] = 6 << 3;		/* top of the stack: register 6 */
	regs.xsave[4] = 0xcf;		/* 6, 7, 0, 1, 2, 3 are in use */
	put_st(0, 0x4000, 1ULL << 63);	/* 6: valid */
	put_st(1, 0x8000, 0);		/* 7: -0 */
	put_st(2, 0x7fff, 1ULL << 63);	/* 0: infinity */
	put_st(3, 0, 1);		/* 1: denormal */
	put_st(4, 0x4000, 1);		/* 2: unnormal */
	put_st(5, 0xbfff, 3ULL << 62);	/* 3: valid */
	assert_int_equal(get(34), 0x4f2a);
	assert_int_equal(set(34, 0x4f2a), 0);
	assert_int_equal(regs.xsave[4], 0xcf);
	assert_int_equal(set(34, 0xfffc), 0);
	assert_int_equal(regs.xsave[4], 1);
	assert_int_equal(regs.xsave[5], 0);
}

static void mxcsr(void **state)
{
	(void)state;
	assert_int_equal(set(56, 0x1f80), 0);
	assert_int_equal(get(56), 0x1f80);
	assert_int_equal(set(56, 0x9fc0), -EINVAL);	/* DAZ is not in the mask of 0 */
	assert_non_null(error);
	assert_int_equal(get(56), 0x1f80);
	regs.xsave[28] = regs.xsave[29] = 0xff;
	assert_int_equal(set(56, 0x9fc0), 0);
	assert_int_equal(get(56), 0x9fc0);
	assert_int_equal(set(56, 0x10000), -EINVAL);
}

/* What a component's clear bit says is stronger than stale bytes. */
static void initial_state(void **state)
{
	(void)state;
	memset(regs.xsave, 0xee, 512);
	memset(regs.xsave + 576, 0xee, 256);
	regs.xsave[512] = 0;
	assert_int_equal(get(24), 0);
	assert_int_equal(get(32), 0x37f);
	assert_int_equal(get(33), 0);
	assert_int_equal(get(34), 0xffff);
	assert_int_equal(get(40), 0);
	assert_int_equal(get(59), 0);
	assert_int_equal(get(56), 0xeeeeeeee);
}

static void initial_state_changed(void **state)
{
	initial_state(state);
	assert_int_equal(set(41, 5), 0);
	assert_int_equal(regs.xsave[512], 2);
	assert_int_equal(get(40), 0);
	assert_int_equal(get(41), 5);
	assert_int_equal(get(55), 0);
	assert_int_equal(set(59, 6), 0);
	assert_int_equal(regs.xsave[512], 6);
	assert_int_equal(get(74), 0);
	assert_int_equal(set(25, 7), 0);
	assert_int_equal(regs.xsave[512], 7);
	assert_int_equal(get(24), 0);
	assert_int_equal(get(32), 0x37f);
	assert_int_equal(get(34), 0xffff);
	assert_int_equal(get(41), 5);
	assert_int_equal(get(56), 0xeeeeeeee);
}

static unsigned int count(const char *text, const char *word)
{
	unsigned int n = 0;

	while ((text = strstr(text, word))) {
		text++;
		n++;
	}
	return n;
}

/* Every register once, in order, with the size that it has in a g packet. */
static void description(void **state)
{
	static char text[TDESC_XML_MAX];

	(void)state;
	for (int avx = 0; avx < 2; avx++) {
		size_t len = tdesc__xml(avx, text);
		const char *at = text;

		assert_int_equal(len, strlen(text));
		assert_true(len < TDESC_XML_MAX - 1000);
		assert_int_equal(strncmp(text, "<?xml version=\"1.0\"?>\n", 22), 0);
		assert_string_equal(text + len - 10, "</target>\n");
		assert_int_equal(count(text, "<reg "), tdesc__count(avx));
		assert_int_equal(count(text, "org.gnu.gdb.i386.avx"), avx);
		assert_int_equal(count(text, "<feature "), count(text, "</feature>"));
		for (unsigned int reg = 0; reg < tdesc__count(avx); reg++) {
			char expected[64];

			snprintf(expected, sizeof(expected), "bitsize=\"%u\"",
				 tdesc__size(reg) * 8);
			at = strstr(at, "<reg ");
			assert_non_null(at);
			at = strstr(at, "bitsize");
			assert_int_equal(strncmp(at, expected, strlen(expected)), 0);
			snprintf(expected, sizeof(expected), " regnum=\"%u\"", reg);
			at = strstr(at, " regnum");
			assert_int_equal(strncmp(at, expected, strlen(expected)), 0);
		}
	}
}

static void names(void **state)
{
	static const char *const expected[] = {
		"\"rax\" bitsize=\"64\" type=\"int64\" regnum=\"0\"",
		"\"rip\" bitsize=\"64\" type=\"code_ptr\" regnum=\"16\"",
		"\"eflags\" bitsize=\"32\" type=\"i386_eflags\" regnum=\"17\"",
		"\"gs\" bitsize=\"32\" type=\"int32\" regnum=\"23\"",
		"\"st7\" bitsize=\"80\" type=\"i387_ext\" regnum=\"31\"",
		"\"ftag\" bitsize=\"32\" type=\"int\" regnum=\"34\"",
		"\"fop\" bitsize=\"32\" type=\"int\" regnum=\"39\"",
		"\"xmm15\" bitsize=\"128\" type=\"vec128\" regnum=\"55\"",
		"\"gs_base\" bitsize=\"64\" type=\"int64\" regnum=\"58\"",
		"\"ymm15h\" bitsize=\"128\" type=\"uint128\" regnum=\"74\"",
		"<field name=\"IF\" start=\"9\" end=\"9\"/>",
		"<field name=\"ID\" start=\"21\" end=\"21\"/>",
		"<field name=\"FZ\" start=\"15\" end=\"15\"/>",
	};
	static char text[TDESC_XML_MAX];

	(void)state;
	tdesc__xml(true, text);
	for (unsigned int n = 0; n < sizeof(expected) / sizeof(expected[0]); n++)
		assert_int_equal(count(text, expected[n]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sizes, fresh),
		cmocka_unit_test_setup(general, fresh),
		cmocka_unit_test_setup(general_alone, fresh),
		cmocka_unit_test_setup(without_avx, fresh),
		cmocka_unit_test_setup(no_such, fresh),
		cmocka_unit_test_setup(vectors, fresh),
		cmocka_unit_test_setup(x87_control, fresh),
		cmocka_unit_test_setup(tags, fresh),
		cmocka_unit_test_setup(mxcsr, fresh),
		cmocka_unit_test_setup(initial_state, fresh),
		cmocka_unit_test_setup(initial_state_changed, fresh),
		cmocka_unit_test(description),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("tdesc", tests, NULL, NULL);
}
