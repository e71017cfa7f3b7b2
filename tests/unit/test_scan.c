// SPDX-License-Identifier: GPL-2.0-only
/* The search for WRPKRU and XRSTOR in the pages of programs, against one that is plain to see. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "../../kernel-shim/x86/scan.c"

#define PAGE 4096

/* What the processor's manual has: 0f 01 ef; 0f ae with a ModRM byte of reg 5 and not mod 3. */
static int is_one(const uint8_t *p)
{
	int mod = p[2] / 64, reg_field = p[2] / 8 % 8;

	if (p[0] != 0x0f)
		return 0;
	return (p[1] == 0x01 && p[2] == 0xef) || (p[1] == 0xae && reg_field == 5 && mod != 3);
}

static uint32_t plain_next(const uint8_t *p, uint32_t len, uint32_t from)
{
	for (uint32_t i = from; i + 3 <= len; i++)
		if (is_one(p + i))
			return i;
	return len;
}

static void same(const uint8_t *p, uint32_t len, uint32_t from)
{
	uint32_t found = scan_next(p, len, from), right = plain_next(p, len, from);

	if (found != right)
		fail_msg("%u bytes from %u: found %u, right is %u", len, from, found, right);
}

static uint64_t seed = 88172645463325252;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void every_three_bytes(void **state)
{
	uint8_t bytes[3];
	uint32_t i, found = 0;

	(void)state;
	for (i = 0; i < 1u << 24; i++) {
		bytes[0] = (uint8_t)(i >> 16);
		bytes[1] = (uint8_t)(i >> 8);
		bytes[2] = (uint8_t)i;
		if (scan_next(bytes, 3, 0) != (is_one(bytes) ? 0 : 3))
			fail_msg("%06x", i);
		found += is_one(bytes);
	}
	/* One WRPKRU, and 24 forms of XRSTOR's ModRM byte. */
	assert_int_equal(found, 25);
}

/* Bytes before which and behind which there is nothing to be read. */
static uint8_t *guarded(size_t len)
{
	uint8_t *p = mmap(NULL, len + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p + PAGE, len, PROT_READ | PROT_WRITE), 0);
	return p + PAGE;
}

static void every_offset(void **state)
{
	static const uint8_t fill[] = { 0x00, 0x90, 0x0f, 0xae, 0xef, 0x01, 0xee, 0xff, 0x2c };
	static const uint8_t one[][3] = { { 0x0f, 0x01, 0xef }, { 0x0f, 0xae, 0x2c } };
	uint8_t *page = guarded(PAGE);
	uint32_t at, from, i, kind;

	(void)state;
	for (i = 0; i < sizeof(fill); i++) {
		for (kind = 0; kind < 2; kind++) {
			for (at = 0; at + 3 <= PAGE; at++) {
				memset(page, fill[i], PAGE);
				memcpy(page + at, one[kind], 3);
				assert_int_equal(scan_next(page, PAGE, 0), at);
				assert_int_equal(scan_next(page, PAGE, at), at);
				same(page, PAGE, at + 1);
				for (from = at < 70 ? 0 : at - 70; from < at; from++)
					if (scan_next(page, PAGE, from) != at)
						fail_msg("at %u from %u", at, from);
			}
		}
	}
	munmap(page - PAGE, 3 * PAGE);
}

/* Short ranges at the very end and the very start of what may be read. */
static void every_length(void **state)
{
	uint8_t *page = guarded(PAGE);
	uint32_t len, from, i;

	(void)state;
	for (len = 0; len < 200; len++) {
		for (i = 0; i < PAGE; i++)
			page[i] = draw() % 3 ? "\x0f\x01\xef\xae\x2c"[draw() % 5] : 0x90;
		for (from = 0; from <= len + 3; from++) {
			if (from <= len) {
				same(page + PAGE - len, len, from);
				same(page, len, from);
			} else {
				assert_int_equal(scan_next(page, len, from), len);
			}
		}
	}
	munmap(page - PAGE, 3 * PAGE);
}

/* Random bytes, of which more and more are those that matter. */
static void random_bytes(void **state)
{
	static const uint8_t special[] = { 0x0f, 0x0f, 0x01, 0xef, 0xae, 0x28,
					   0x2c, 0x6f, 0xaf, 0xee, 0xe8, 0x10 };
	uint8_t page[PAGE];
	uint32_t round, i, found = 0;

	(void)state;
	for (round = 0; round < 6000; round++) {
		for (i = 0; i < PAGE; i++) {
			uint64_t r = draw();

			page[i] = r % 64 < round % 65 ? special[(r >> 8) % sizeof(special)] :
							(uint8_t)(r >> 16);
		}
		for (i = scan_next(page, PAGE, 0);; i = scan_next(page, PAGE, i + 1)) {
			uint32_t from = found ? (uint32_t)(draw() % PAGE) : 0;

			same(page, PAGE, from);
			if (i == PAGE)
				break;
			if (!is_one(page + i))
				fail_msg("%u is none", i);
			found++;
		}
		for (i = 0; i < PAGE; i = plain_next(page, PAGE, i) + 1)
			same(page, PAGE, i);
	}
	assert_true(found > 1000);
}

static void across(void **state)
{
	static const uint8_t some[] = { 0x0f, 0x01, 0xef, 0xae, 0x28, 0x2c, 0x6c, 0xad, 0xe8,
					0x90, 0x00, 0xff, 0x20, 0x30, 0x66, 0x48, 0xee, 0xaf };
	static uint8_t two[2 * PAGE];
	uint32_t n = sizeof(some), i, right, found[3] = { 0 };
	uint8_t *b = two + PAGE;

	(void)state;
	memset(two, 0x90, sizeof(two));
	for (i = 0; i < n * n * n * n; i++) {
		b[-2] = some[i / n / n / n];
		b[-1] = some[i / n / n % n];
		b[0] = some[i / n % n];
		b[1] = some[i % n];
		right = is_one(b - 2) ? 2 : is_one(b - 1) ? 1 : 0;
		assert_int_equal(scan_across(scan_borders(two), scan_borders(b)), right);
		/* Never fewer where the other is not known. */
		assert_true(scan_across(scan_borders(two), SCAN_BORDERS_UNKNOWN) >= right);
		assert_true(scan_across(SCAN_BORDERS_UNKNOWN, scan_borders(b)) >= right);
		assert_int_equal(scan_across(scan_borders(two), SCAN_BORDERS_NONE), 0);
		assert_int_equal(scan_across(SCAN_BORDERS_NONE, scan_borders(b)), 0);
		/* What is in a page whole is not across. */
		assert_int_equal(scan_next(two, PAGE, PAGE - 2), PAGE);
		found[right]++;
	}
	assert_true(found[1] && found[2]);
	assert_int_equal(scan_across(SCAN_BORDERS_UNKNOWN, SCAN_BORDERS_UNKNOWN), 2);
}

/* Any two bytes at the border, against any ModRM byte and the end of a WRPKRU. */
static void borders_of_all_bytes(void **state)
{
	static uint8_t two[2 * PAGE];
	uint8_t *b = two + PAGE;
	uint32_t i, right;

	(void)state;
	for (i = 0; i < 1u << 16; i++) {
		static const uint8_t before[][2] = { { 0x0f, 0xae },
						     { 0x0f, 0x01 },
						     { 0x90, 0x0f } };

		for (uint32_t k = 0; k < 3; k++) {
			memcpy(b - 2, before[k], 2);
			b[0] = (uint8_t)(i >> 8);
			b[1] = (uint8_t)i;
			right = is_one(b - 2) ? 2 : is_one(b - 1) ? 1 : 0;
			if (scan_across(scan_borders(two), scan_borders(b)) != right)
				fail_msg("%u %04x", k, i);
		}
	}
}

/* After the patch there is none in its place, and none that was not there. */
static void traps(void **state)
{
	uint8_t bytes[64], before[64];
	uint32_t round, i, at;

	(void)state;
	for (round = 0; round < 200000; round++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = "\x0f\x01\xef\xae\x2c\x0b"[draw() % 6];
		memcpy(before, bytes, sizeof(bytes));
		at = scan_next(bytes, sizeof(bytes), 0);
		if (at == sizeof(bytes))
			continue;
		bytes[at + SCAN_TRAP_AT] = SCAN_TRAP_BYTE;
		assert_memory_equal(bytes + at, "\x0f\x0b", 2);
		for (i = 0; i + 3 <= sizeof(bytes); i++)
			assert_true(!is_one(bytes + i) || (i != at && is_one(before + i)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_three_bytes),
		cmocka_unit_test(every_offset),
		cmocka_unit_test(every_length),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(across),
		cmocka_unit_test(borders_of_all_bytes),
		cmocka_unit_test(traps),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
