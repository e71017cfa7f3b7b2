// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking WRPKRU and XRSTOR out of copies of text (mm/twin.c), by traps.
 *
 * The dynamic linker and pkey_set() mean one of the two, which becomes UD2. Most often programs
 * mean another instruction: the bytes are part of a distance or a constant, or the end of one
 * instruction and the begin of the next. Then that one gets an invalid opcode, and the bytes are
 * broken up. x86/keys.c does what the program's own bytes say.
 *
 * Which instruction that is, nobody can know for certain. Decoding from nearly any place before
 * it soon falls into step with the program; so many places are tried, and nearly all must agree.
 * A wrong answer would make the program compute something else; it would not let it
 * execute the two, because the copy is searched again afterwards. Data among the code is the risk:
 * so pages that nobody executes have no traps to be read (twin.c), and what decodes as zeroes or as
 * one of the two, without being well known, is left to be stepped through.
 */
#include <linux/kernel.h>
#include <asm/insn.h>
#include <asm/page.h>
#include <kap/scan.h>

#include "carry_out.h"
#include "trap_bytes.h"

/* In place of an opcode: invalid in 64-bit code, told with the address of its first prefix. */
#define INVALID 0x06

/* Places in front of the bytes from which is decoded, and how many have to get there at least. */
#define TRY_FROM 80
#define TRY_TO 16
#define VOTES_ENOUGH 8

/* Each costs some microseconds, with interrupts off. */
#define MOST_TRAPS 6

/* Where the instruction begins that the byte at `at` belongs to, decoded from `from`; else -1. */
static int reach(const u8 *page, int from, int at)
{
	struct insn insn;

	while (from <= at) {
		if (insn_decode(&insn, page + from, PAGE_SIZE - from, INSN_MODE_64) < 0)
			return -1;
		/* Zeroes: these are tables. */
		if (!page[from] && !page[from + 1])
			return -1;
		if (from + insn.length > at)
			return from;
		from += insn.length;
	}
	return -1;
}

/* The same by majority; -1: they don't agree. */
static int find_start(const u8 *page, int at)
{
	unsigned int votes[MAX_INSN_SIZE] = {}, all = 0;
	int from, start, i;

	for (from = max(at - TRY_FROM, 0); from <= at - TRY_TO; from++) {
		start = reach(page, from, at);
		if (start < 0)
			continue;
		votes[at - start]++;
		all++;
	}
	for (i = 0; i < MAX_INSN_SIZE; i++)
		if (votes[i] >= VOTES_ENOUGH && votes[i] * 8 >= all * 7)
			return at - i;
	return -1;
}

/*
 * mov $imm,%eax; xor %edx,%edx; xrstor or xrstor64: the dynamic linker.
 * xor %ecx,%ecx; xor %edx,%edx; wrpkru: pkey_set().
 */
static bool is_well_known(const u8 *page, unsigned int at)
{
	const u8 *p = page + at;

	if (p[1] != 0xae)
		return at >= 4 && p[-4] == 0x31 && p[-3] == 0xc9 && p[-2] == 0x31 && p[-1] == 0xd2;
	if (at >= 8 && p[-1] == 0x48)
		p--;
	return at >= 7 && p[-7] == 0xb8 && p[-2] == 0x31 && p[-1] == 0xd2;
}

static bool trap(u8 *page, int at)
{
	struct insn insn;
	int start, end;

	if (is_well_known(page, at)) {
		page[at + SCAN_TRAP_AT] = SCAN_TRAP_BYTE;
		return true;
	}
	start = find_start(page, at);
	if (start < 0 || insn_decode(&insn, page + start, PAGE_SIZE - start, INSN_MODE_64) < 0)
		return false;
	end = start + insn.length;
	/* Here the bytes are one of the two, or data. */
	if (start + insn_offset_opcode(&insn) == at)
		return false;
	if (end >= at + 3) {
		if (!kap_can_carry_out(&insn))
			return false;
		page[start + insn_offset_opcode(&insn)] = INVALID;
		page[at + SCAN_TRAP_AT] = SCAN_TRAP_BYTE;
		return true;
	}
	/* Two instructions: the second begins within the bytes. */
	if (insn_decode(&insn, page + end, PAGE_SIZE - end, INSN_MODE_64) < 0 ||
	    !kap_can_carry_out(&insn))
		return false;
	page[end] = INVALID;
	return true;
}

bool kap_trap_bytes(u8 *page, bool *changed)
{
	unsigned int traps = 0;
	u32 at;

	*changed = false;
	for (at = scan_next(page, PAGE_SIZE, 0); at < PAGE_SIZE;
	     at = scan_next(page, PAGE_SIZE, at)) {
		if (traps++ == MOST_TRAPS || !trap(page, at))
			return false;
		*changed = true;
	}
	return true;
}
