// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decoding WRPKRU and XRSTOR, and the checks that XRSTOR makes before it changes anything.
 */
#include <kap/emulate.h>

#define USER_CS 0x33

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

#define FEATURE_SSE (1UL << 1)
#define FEATURE_AVX (1UL << 2)
#define FEATURE_PKRU (1UL << 9)
#define COMPACTED (1UL << 63)

typedef kap_u64 __attribute__((may_alias, aligned(1))) word;

struct cursor {
	const struct kap_regs *regs;
	const kap_u8 *bytes;
	kap_u32 avail, at;
	kap_u32 rex, ends_early, refused, short_addr;
	kap_u64 segment;
};

static kap_u32 next_byte(struct cursor *c)
{
	if (c->at == EMULATE_MAX_LEN) {
		/* A longer one is #GP, whatever it is. */
		c->refused = 1;
		return 0;
	}
	if (c->at == c->avail) {
		c->ends_early = 1;
		return 0;
	}
	return c->bytes[c->at++];
}

static kap_u64 next_signed(struct cursor *c, kap_u32 len)
{
	kap_u64 value = 0;
	kap_u32 i;

	for (i = 0; i < len; i++)
		value |= (kap_u64)next_byte(c) << (8 * i);
	return len == 1 ? (kap_u64)(kap_s64)(signed char)value : (kap_u64)(kap_s64)(kap_s32)value;
}

/* Takes one prefix; 0: the byte is none. */
static kap_u32 is_prefix(struct cursor *c, kap_u32 byte)
{
	if ((byte & 0xf0) == 0x40) {
		c->rex = byte;
		return 1;
	}
	switch (byte) {
	case 0x26: /* es, cs, ss, ds: nothing in 64-bit code */
	case 0x2e:
	case 0x36:
	case 0x3e:
		break;
	case 0x64:
		c->segment = c->regs->fs_base;
		break;
	case 0x65:
		c->segment = c->regs->gs_base;
		break;
	case 0x67:
		c->short_addr = 1;
		break;
	case 0x66:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		c->refused = 1;
		break;
	default:
		return 0;
	}
	/* A REX counts only where it is the last prefix. */
	c->rex = 0;
	return 1;
}

static kap_u64 reg(const struct kap_regs *r, kap_u32 nr)
{
	switch (nr) {
	case 0:
		return r->ax;
	case 1:
		return r->cx;
	case 2:
		return r->dx;
	case 3:
		return r->bx;
	case 4:
		return r->sp;
	case 5:
		return r->bp;
	case 6:
		return r->si;
	case 7:
		return r->di;
	case 8:
		return r->r8;
	case 9:
		return r->r9;
	case 10:
		return r->r10;
	case 11:
		return r->r11;
	case 12:
		return r->r12;
	case 13:
		return r->r13;
	case 14:
		return r->r14;
	default:
		return r->r15;
	}
}

static kap_u64 address(struct cursor *c, kap_u32 modrm)
{
	kap_u32 mod = modrm >> 6, rm = modrm & 7, base = rm, sib;
	kap_u64 addr = 0;

	if (rm == 4) {
		sib = next_byte(c);
		base = sib & 7;
		rm = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
		/* Index 4 is none, index 12 is r12. */
		if (rm != 4)
			addr = reg(c->regs, rm) << (sib >> 6);
		if (base == 5 && !mod)
			addr += next_signed(c, 4);
		else
			addr += reg(c->regs, base | (c->rex & REX_B ? 8 : 0));
	} else if (base == 5 && !mod) {
		/* Of the instruction's end, which is here: XRSTOR has no immediate. */
		addr = next_signed(c, 4);
		addr += c->regs->ip + c->at;
	} else {
		addr = reg(c->regs, base | (c->rex & REX_B ? 8 : 0));
	}
	if (mod == 1)
		addr += next_signed(c, 1);
	else if (mod == 2)
		addr += next_signed(c, 4);
	if (c->short_addr)
		addr = (kap_u32)addr;
	return addr + c->segment;
}

void emulate_decode(struct emulate_insn *insn, const struct kap_regs *regs, const kap_u8 *bytes,
		    kap_u32 avail)
{
	struct cursor c = { .regs = regs, .bytes = bytes, .avail = avail };
	enum emulate_what what = EMULATE_OTHER;
	kap_u32 byte, second;

	insn->len = 0;
	insn->addr = 0;
	insn->mask = 0;
	insn->wide = 0;
	insn->what = EMULATE_OTHER;
	if (regs->cs != USER_CS)
		return;
	do {
		byte = next_byte(&c);
	} while (!c.ends_early && c.at < EMULATE_MAX_LEN && is_prefix(&c, byte));
	if (byte != 0x0f && !c.ends_early)
		return;
	second = next_byte(&c);
	if (second == 0x01 || second == 0xae) {
		byte = next_byte(&c);
		if (second == 0x01 && byte == 0xef) {
			what = EMULATE_WRPKRU;
		} else if (second == 0xae && (byte & 0x38) == 0x28 && byte < 0xc0) {
			what = EMULATE_XRSTOR;
			insn->addr = address(&c, byte);
			insn->mask = (regs->dx << 32) | (kap_u32)regs->ax;
			insn->wide = !!(c.rex & REX_W);
		}
	}
	if (c.ends_early)
		what = EMULATE_SHORT;
	else if (what != EMULATE_OTHER && c.refused)
		what = EMULATE_UD;
	insn->what = what;
	insn->len = c.at;
}

enum emulate_verdict emulate_wrpkru(const struct kap_regs *regs, kap_u32 pkru)
{
	if ((kap_u32)regs->cx || (kap_u32)regs->dx)
		return EMULATE_SIGSEGV;
	return (kap_u32)regs->ax == pkru ? EMULATE_GO_ON : EMULATE_SIGILL;
}

static kap_u64 word_at(const void *image, kap_u32 offset)
{
	return *(const word *)((const kap_u8 *)image + offset);
}

static kap_u32 zero_between(const void *image, kap_u32 from, kap_u32 end)
{
	for (; from < end; from += 8)
		if (word_at(image, from))
			return 0;
	return 1;
}

kap_u64 emulate_xrstor_mask(const struct emulate_layout *layout, const struct emulate_insn *insn)
{
	return insn->mask & layout->features & ~FEATURE_PKRU;
}

/* Would the processor take this header? */
static kap_u32 header_is_good(const struct emulate_layout *layout, const void *image, kap_u64 mask)
{
	kap_u64 state = word_at(image, 512), comp = word_at(image, 520), mxcsr;
	kap_u32 reads_mxcsr;

	if (comp & COMPACTED) {
		comp &= ~COMPACTED;
		if (!layout->compacts || (comp & ~layout->features) || (state & ~comp) ||
		    !zero_between(image, 528, 576))
			return 0;
		reads_mxcsr = !!(mask & state & FEATURE_SSE);
	} else {
		if ((state & ~layout->features) || !zero_between(image, 520, 536))
			return 0;
		reads_mxcsr = !!(mask & (FEATURE_SSE | FEATURE_AVX));
	}
	mxcsr = (kap_u32)word_at(image, 24);
	return !reads_mxcsr || !(mxcsr & ~(kap_u64)layout->mxcsr_mask);
}

kap_u32 emulate_xrstor_size(const struct emulate_layout *layout, const struct emulate_insn *insn,
			    const void *image)
{
	kap_u64 mask = emulate_xrstor_mask(layout, insn), state = word_at(image, 512);
	kap_u64 comp = word_at(image, 520);
	kap_u32 size = EMULATE_XSAVE_MIN, at = EMULATE_XSAVE_MIN, i;

	if (insn->addr & 63 || !header_is_good(layout, image, mask))
		return 0;
	for (i = 2; i < 63; i++) {
		if (comp & COMPACTED) {
			if (!(comp & (1UL << i)))
				continue;
			if (layout->aligned[i])
				at = (at + 63) & ~63u;
		} else {
			at = layout->offset[i];
		}
		at += layout->size[i];
		if ((mask & state & (1UL << i)) && at > size)
			size = at;
	}
	return size;
}
