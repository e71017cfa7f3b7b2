// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search for WRPKRU and XRSTOR.
 *
 * 0f is frequent in code, ef (the end of one) and ae (the middle of the other) are rare, and they
 * differ in two bits only: one comparison of eight bytes at a time looks for both. What it finds is
 * looked at byte by byte.
 */
#include <kap/scan.h>

#define EACH(byte) (0x0101010101010101UL * (byte))
#define STRIDE 32 /* bytes, four words */

/* How a page ends, in the lower four bits; how one begins, in the upper four in the same order. */
#define ENDS_0F		0x03 /* either may follow */
#define ENDS_0F_01	0x04
#define ENDS_0F_AE	0x08
#define BEGINS_01_EF	0x10
#define BEGINS_AE_RM	0x20
#define BEGINS_EF	0x40
#define BEGINS_RM	0x80

typedef kap_u64 __attribute__((may_alias, aligned(1))) word;

static int is_memory_5(kap_u8 modrm)
{
	return (modrm & 0x38) == 0x28 && modrm < 0xc0;
}

static int begins_at(const kap_u8 *p)
{
	return p[0] == 0x0f &&
	       ((p[1] == 0x01 && p[2] == 0xef) || (p[1] == 0xae && is_memory_5(p[2])));
}

/* The top bit of each byte that may be ae, af, ee or ef: of these always, of others rarely. */
static inline kap_u64 suspects(kap_u64 w)
{
	return (((w | EACH(0x41)) ^ EACH(0xef)) - EACH(0x01)) & w & EACH(0x80);
}

/* The instruction whose second byte (XRSTOR) or third (WRPKRU) is the suspect at p[at], or end. */
static kap_u32 begin_of(const kap_u8 *p, kap_u32 at, kap_u32 from, kap_u32 end)
{
	if (at - 1 >= from && at - 1 < end && begins_at(p + at - 1))
		return at - 1;
	if (at - 2 >= from && at >= 2 && begins_at(p + at - 2))
		return at - 2;
	return end;
}

static inline kap_u64 zero_bytes(kap_u64 w)
{
	return (w - EACH(0x01)) & ~w & EACH(0x80);
}

/* Of the suspects in the word at p those with 0f one or two bytes before, and a few others. */
static inline kap_u64 strong_suspects(const kap_u8 *p)
{
	return suspects(*(const word *)p) & (zero_bytes(*(const word *)(p - 1) ^ EACH(0x0f)) |
					     zero_bytes(*(const word *)(p - 2) ^ EACH(0x0f)));
}

/* The first of those that end in the STRIDE bytes from p[at], or end. */
static kap_u32 first_in(const kap_u8 *p, kap_u32 at, kap_u32 from, kap_u32 end)
{
	kap_u32 found = end, stop = at + STRIDE;
	kap_u64 bits;

	for (; at < stop; at += 8) {
		bits = strong_suspects(p + at);
		for (; bits && found == end; bits &= bits - 1)
			found = begin_of(p, at + (kap_u32)__builtin_ctzl(bits) / 8, from, end);
		if (found < end)
			break;
	}
	return found;
}

kap_u32 scan_next(const void *bytes, kap_u32 len, kap_u32 from)
{
	const kap_u8 *p = bytes;
	kap_u32 end = len < 2 ? 0 : len - 2; /* none begins here or later */
	kap_u32 at, found;

	if (from >= end)
		return len;
	/* The word in front of the first is read, too. */
	found = begin_of(p, from + 1, from, end);
	if (found < end)
		return found;
	for (at = from + 2; len - at >= STRIDE; at += STRIDE) {
		const word *w = (const word *)(p + at);

		if (__builtin_expect(!(suspects(w[0]) | suspects(w[1]) | suspects(w[2]) |
				       suspects(w[3])),
				     1))
			continue;
		found = first_in(p, at, from, end);
		if (found < end)
			return found;
	}
	for (; at < len; at++) {
		found = begin_of(p, at, from, end);
		if (found < end)
			return found;
	}
	return len;
}

kap_u8 scan_borders(const void *page)
{
	const kap_u8 *p = page, *end = p + KAP_PAGE_SIZE;
	kap_u8 borders = 0;

	if (end[-1] == 0x0f)
		borders |= ENDS_0F;
	if (end[-2] == 0x0f && end[-1] == 0x01)
		borders |= ENDS_0F_01;
	if (end[-2] == 0x0f && end[-1] == 0xae)
		borders |= ENDS_0F_AE;
	if (p[0] == 0x01 && p[1] == 0xef)
		borders |= BEGINS_01_EF;
	if (p[0] == 0xae && is_memory_5(p[1]))
		borders |= BEGINS_AE_RM;
	if (p[0] == 0xef)
		borders |= BEGINS_EF;
	if (is_memory_5(p[0]))
		borders |= BEGINS_RM;
	return borders;
}

kap_u32 scan_across(kap_u8 lower, kap_u8 upper)
{
	kap_u32 both = lower & (upper >> 4);

	if (both & (ENDS_0F_01 | ENDS_0F_AE))
		return 2;
	return both ? 1 : 0;
}
