// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers by gdb's numbers, and the XML that tells gdb of them; see tdesc.h.
 */
#include "debug/tdesc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* gdb's numbers of the groups, beside the general registers from 0 on. */
enum {
	REG_ST		= 24,
	REG_X87		= 32,
	REG_XMM		= 40,
	REG_MXCSR	= 56,
	REG_BASES	= 57,
	REG_YMMH	= TDESC_BASE_REGS,
};

static const struct general {
	const char *name;
	const char *type;
	unsigned int offset;
	unsigned int size;
} general[] = {
#define REG(name, type, member, size) name, type, offsetof(struct kap_regs, member), size
	{ REG("rax", "int64", ax, 8) },	   { REG("rbx", "int64", bx, 8) },
	{ REG("rcx", "int64", cx, 8) },	   { REG("rdx", "int64", dx, 8) },
	{ REG("rsi", "int64", si, 8) },	   { REG("rdi", "int64", di, 8) },
	{ REG("rbp", "data_ptr", bp, 8) },	   { REG("rsp", "data_ptr", sp, 8) },
	{ REG("r8", "int64", r8, 8) },	   { REG("r9", "int64", r9, 8) },
	{ REG("r10", "int64", r10, 8) },	   { REG("r11", "int64", r11, 8) },
	{ REG("r12", "int64", r12, 8) },	   { REG("r13", "int64", r13, 8) },
	{ REG("r14", "int64", r14, 8) },	   { REG("r15", "int64", r15, 8) },
	{ REG("rip", "code_ptr", ip, 8) },	   { REG("eflags", "i386_eflags", flags, 4) },
	{ REG("cs", "int32", cs, 4) },	   { REG("ss", "int32", ss, 4) },
	{ REG("ds", "int32", ds, 4) },	   { REG("es", "int32", es, 4) },
	{ REG("fs", "int32", fs, 4) },	   { REG("gs", "int32", gs, 4) },
}, bases[] = {
	{ REG("fs_base", "int64", fs_base, 8) },
	{ REG("gs_base", "int64", gs_base, 8) },
#undef REG
};

/* Offsets in an XSAVE area (Intel SDM vol. 1, 10.5.1 and 13.4). */
enum {
	XSAVE_FCW	= 0,
	XSAVE_FTW	= 4,
	XSAVE_MXCSR	= 24,
	XSAVE_MXCSR_MASK = 28,
	XSAVE_ST	= 32,
	XSAVE_XMM	= 160,
	XSAVE_BV	= 512,
	XSAVE_YMMH	= 576,
};

#define XSAVE_X87	1
#define XSAVE_SSE	2
#define XSAVE_AVX	4

#define FCW_INIT	0x37f
#define MXCSR_MASK_OLD	0xffbf		/* what a mask of 0 means */

/* Control registers of the x87; size in the area, where the tag word is one byte. */
static const struct {
	const char *name;
	unsigned int offset;
	unsigned int bytes;
} x87[] = {
	{ "fctrl", XSAVE_FCW, 2 }, { "fstat", 2, 2 },  { "ftag", XSAVE_FTW, 1 }, { "fiseg", 12, 2 },
	{ "fioff", 8, 4 },	   { "foseg", 20, 2 }, { "fooff", 16, 4 },	 { "fop", 6, 2 },
};

#define FTAG	(REG_X87 + 2)

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static const struct general *find_general(unsigned int reg)
{
	if (reg < REG_ST)
		return &general[reg];
	if (reg >= REG_BASES && reg < REG_YMMH)
		return &bases[reg - REG_BASES];
	return NULL;
}

unsigned int tdesc__size(unsigned int reg)
{
	const struct general *found = find_general(reg);

	if (found)
		return found->size;
	if (reg >= TDESC_AVX_REGS)
		return 0;
	if (reg >= REG_ST && reg < REG_X87)
		return 10;
	if (reg == REG_MXCSR || (reg >= REG_X87 && reg < REG_XMM))
		return 4;
	return 16;
}

/* Where a vector register is, and which component it belongs to; 0: none, always there. */
static unsigned int place(unsigned int reg, unsigned int *bytes, unsigned int *component)
{
	*bytes = tdesc__size(reg);
	*component = XSAVE_SSE;
	if (reg >= REG_YMMH) {
		*component = XSAVE_AVX;
		return XSAVE_YMMH + (reg - REG_YMMH) * 16;
	}
	if (reg == REG_MXCSR) {
		*component = 0;
		return XSAVE_MXCSR;
	}
	if (reg >= REG_XMM)
		return XSAVE_XMM + (reg - REG_XMM) * 16;
	*component = XSAVE_X87;
	if (reg < REG_X87)
		return XSAVE_ST + (reg - REG_ST) * 16;
	*bytes = x87[reg - REG_X87].bytes;
	return x87[reg - REG_X87].offset;
}

static bool here(const struct rsp_regs *regs, unsigned int reg)
{
	return regs->has_xsave && reg < tdesc__count(regs->has_avx);
}

/* The area only says which are empty; the rest is in the value (Intel SDM vol. 1, 8.1.7). */
static unsigned int tag_of(const uint8_t st[10])
{
	unsigned int exponent = (st[9] & 0x7f) << 8 | st[8];
	uint64_t mantissa;

	memcpy(&mantissa, st, sizeof(mantissa));
	if (exponent == 0 && mantissa == 0)
		return TAG_ZERO;
	if (exponent == 0 || exponent == 0x7fff || !(mantissa >> 63))
		return TAG_SPECIAL;
	return TAG_VALID;
}

static unsigned int tag_word(const uint8_t *xsave)
{
	unsigned int top = xsave[3] >> 3 & 7, word = 0;

	for (unsigned int n = 0; n < 8; n++) {
		unsigned int tag = TAG_EMPTY;

		if (xsave[XSAVE_FTW] >> n & 1)
			tag = tag_of(xsave + XSAVE_ST + ((n - top) & 7) * 16);
		word |= tag << 2 * n;
	}
	return word;
}

static uint8_t short_tag_word(const uint8_t value[2])
{
	unsigned int word = value[0] | value[1] << 8, bits = 0;

	for (unsigned int n = 0; n < 8; n++)
		if ((word >> 2 * n & 3) != TAG_EMPTY)
			bits |= 1u << n;
	return bits;
}

static void initial(unsigned int reg, uint8_t value[TDESC_REG_MAX])
{
	unsigned int word = reg == REG_X87 ? FCW_INIT : reg == FTAG ? 0xffff : 0;

	memcpy(value, &word, sizeof(word));
}

bool tdesc__get(const struct rsp_regs *regs, unsigned int reg, uint8_t value[TDESC_REG_MAX])
{
	const struct general *found = find_general(reg);
	unsigned int offset, bytes, component, word;

	memset(value, 0, TDESC_REG_MAX);
	if (found) {
		memcpy(value, (const uint8_t *)&regs->general + found->offset, found->size);
		return true;
	}
	if (!here(regs, reg))
		return false;
	offset = place(reg, &bytes, &component);
	if (component && !(regs->xsave[XSAVE_BV] & component)) {
		initial(reg, value);
	} else if (reg == FTAG) {
		word = tag_word(regs->xsave);
		memcpy(value, &word, sizeof(word));
	} else {
		memcpy(value, regs->xsave + offset, bytes);
	}
	return true;
}

/* Makes a component's bytes say what they mean before one of its registers is changed. */
static void fill_in(uint8_t *xsave, unsigned int component)
{
	if (xsave[XSAVE_BV] & component)
		return;
	xsave[XSAVE_BV] |= component;
	if (component == XSAVE_SSE) {
		memset(xsave + XSAVE_XMM, 0, 256);
	} else if (component == XSAVE_AVX) {
		memset(xsave + XSAVE_YMMH, 0, 256);
	} else {
		memset(xsave, 0, XSAVE_MXCSR);
		memset(xsave + XSAVE_ST, 0, XSAVE_XMM - XSAVE_ST);
		xsave[XSAVE_FCW] = FCW_INIT & 0xff;
		xsave[XSAVE_FCW + 1] = FCW_INIT >> 8;
	}
}

static bool good_mxcsr(const uint8_t *xsave, const uint8_t *value)
{
	uint32_t mask, mxcsr;

	memcpy(&mask, xsave + XSAVE_MXCSR_MASK, sizeof(mask));
	memcpy(&mxcsr, value, sizeof(mxcsr));
	if (!mask)
		mask = MXCSR_MASK_OLD;
	return !(mxcsr & ~mask);
}

int tdesc__set(struct rsp_regs *regs, unsigned int reg, const uint8_t *value, const char **error)
{
	const struct general *found = find_general(reg);
	unsigned int offset, bytes, component;

	if (!tdesc__size(reg)) {
		*error = "no such register";
		return -EINVAL;
	}
	if (found) {
		uint64_t word = 0;

		memcpy(&word, value, found->size);
		memcpy((uint8_t *)&regs->general + found->offset, &word, sizeof(word));
		return 0;
	}
	if (!here(regs, reg)) {
		*error = "this vCPU has no vector state that could be changed now";
		return -ENODATA;
	}
	offset = place(reg, &bytes, &component);
	if (reg == REG_MXCSR && !good_mxcsr(regs->xsave, value)) {
		*error = "mxcsr: a bit that the processor does not have";
		return -EINVAL;
	}
	if (component)
		fill_in(regs->xsave, component);
	if (reg == FTAG)
		regs->xsave[offset] = short_tag_word(value);
	else
		memcpy(regs->xsave + offset, value, bytes);
	return 0;
}

/* ---- the description ---- */

struct text {
	char *at;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	size_t room = TDESC_XML_MAX - text->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->at + text->len, room, format, args);
	va_end(args);
	text->len += (size_t)len < room ? (size_t)len : room - 1;
}

static void add_reg(struct text *text, const char *name, unsigned int reg, const char *type,
		    const char *group)
{
	add(text, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", name,
	    tdesc__size(reg) * 8, type, reg);
	if (group)
		add(text, " group=\"%s\"", group);
	add(text, "/>\n");
}

static void add_regs(struct text *text, const char *stem, const char *tail, unsigned int first,
		     unsigned int count, const char *type, const char *group)
{
	char name[16];

	for (unsigned int n = 0; n < count; n++) {
		snprintf(name, sizeof(name), "%s%u%s", stem, n, tail);
		add_reg(text, name, first + n, type, group);
	}
}

/* Single bits by name, in bit order; "" for one that has none. */
static void add_flags(struct text *text, const char *id, const char *const *names,
		      unsigned int count)
{
	add(text, "<flags id=\"%s\" size=\"4\">\n", id);
	for (unsigned int n = 0; n < count; n++)
		if (names[n][0])
			add(text, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", names[n], n, n);
	add(text, "</flags>\n");
}

static void add_core(struct text *text)
{
	static const char *const flags[] = { "CF", "",	 "PF", "",    "AF",  "",  "ZF", "SF",
					     "TF", "IF", "DF", "OF",  "",    "",  "NT", "",
					     "RF", "VM", "AC", "VIF", "VIP", "ID" };
	unsigned int n;

	add(text, "<feature name=\"org.gnu.gdb.i386.core\">\n");
	add_flags(text, "i386_eflags", flags, sizeof(flags) / sizeof(flags[0]));
	for (n = 0; n < REG_ST; n++)
		add_reg(text, general[n].name, n, general[n].type, NULL);
	add_regs(text, "st", "", REG_ST, 8, "i387_ext", NULL);
	for (n = REG_X87; n < REG_XMM; n++)
		add_reg(text, x87[n - REG_X87].name, n, "int", "float");
	add(text, "</feature>\n");
}

static void add_sse(struct text *text)
{
	static const char *const flags[] = { "IE",  "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM",
					     "DM",  "ZM", "OM", "UM", "PM", "",	  "",	 "FZ" };
	static const struct {
		const char *field;
		const char *type;
		unsigned int count;
	} views[] = {
		{ "v4_float", "ieee_single", 4 }, { "v2_double", "ieee_double", 2 },
		{ "v16_int8", "int8", 16 },	  { "v8_int16", "int16", 8 },
		{ "v4_int32", "int32", 4 },	  { "v2_int64", "int64", 2 },
	};
	unsigned int n;

	add(text, "<feature name=\"org.gnu.gdb.i386.sse\">\n");
	for (n = 0; n < sizeof(views) / sizeof(views[0]); n++)
		add(text, "<vector id=\"vec_%s\" type=\"%s\" count=\"%u\"/>\n", views[n].field,
		    views[n].type, views[n].count);
	add(text, "<union id=\"vec128\">\n");
	for (n = 0; n < sizeof(views) / sizeof(views[0]); n++)
		add(text, "<field name=\"%s\" type=\"vec_%s\"/>\n", views[n].field, views[n].field);
	add(text, "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
	add_flags(text, "i386_mxcsr", flags, sizeof(flags) / sizeof(flags[0]));
	add_regs(text, "xmm", "", REG_XMM, 16, "vec128", NULL);
	add_reg(text, "mxcsr", REG_MXCSR, "i386_mxcsr", "vector");
	add(text, "</feature>\n");
}

size_t tdesc__xml(bool avx, char text[TDESC_XML_MAX])
{
	struct text out = { .at = text };

	add(&out, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
		  "<target>\n<architecture>i386:x86-64</architecture>\n");
	add_core(&out);
	add_sse(&out);
	add(&out, "<feature name=\"org.gnu.gdb.i386.segments\">\n");
	for (unsigned int n = 0; n < sizeof(bases) / sizeof(bases[0]); n++)
		add_reg(&out, bases[n].name, REG_BASES + n, bases[n].type, NULL);
	add(&out, "</feature>\n");
	if (avx) {
		add(&out, "<feature name=\"org.gnu.gdb.i386.avx\">\n");
		add_regs(&out, "ymm", "h", REG_YMMH, 16, "uint128", NULL);
		add(&out, "</feature>\n");
	}
	add(&out, "</target>\n");
	return out.len;
}
