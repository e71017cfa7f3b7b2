// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether an instruction stores to memory. Only a hint that saves a second fault: the common
 * stores are known, everything else counts as a read. A yes must be right, or
 * a page that was only read would become dirty.
 */
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <linux/uaccess.h>

#include "space.h"

struct insn {
	const u8 *p, *end;
};

static int next(struct insn *insn)
{
	return insn->p < insn->end ? *insn->p++ : -1;
}

/* Whether the ModRM byte names memory rather than a register. */
static bool modrm_memory(struct insn *insn, int *reg)
{
	int modrm = next(insn);

	*reg = (modrm >> 3) & 7;
	return modrm >= 0 && modrm < 0xc0;
}

/* clang-format off */

/* Two-byte opcodes 0f xx whose memory operand is written, also in VEX and EVEX form. */
static bool writes_0f(int op, int reg)
{
	switch (op) {
	case 0x11: case 0x13: case 0x17: case 0x29: case 0x2b:	/* movups .. movntps */
	case 0x7f: case 0xd6: case 0xe7:			/* movdqa, movq, movntq */
	case 0x90 ... 0x9f:					/* setcc */
	case 0xab: case 0xb3: case 0xbb:			/* bts, btr, btc */
	case 0xb0: case 0xb1: case 0xc0: case 0xc1: case 0xc3:	/* cmpxchg, xadd, movnti */
		return true;
	case 0xba:
		return reg >= 5;
	case 0xc7:
		return reg == 1;				/* cmpxchg8b/16b */
	case 0xae:
		return reg == 0 || reg == 4 || reg == 6;	/* fxsave, xsave, xsaveopt */
	}
	return false;
}

static bool writes_1(int op, int reg)
{
	switch (op) {
	case 0x00: case 0x01: case 0x08: case 0x09: case 0x10: case 0x11: case 0x18: case 0x19:
	case 0x20: case 0x21: case 0x28: case 0x29: case 0x30: case 0x31:
	case 0x86: case 0x87: case 0x88: case 0x89: case 0x8c: case 0x8f:
	case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3:
		return true;
	case 0x80: case 0x81: case 0x83:
		return reg != 7;				/* all but cmp */
	case 0xc6: case 0xc7:
		return reg == 0;
	case 0xf6: case 0xf7:
		return reg == 2 || reg == 3;			/* not, neg */
	case 0xfe: case 0xff:
		return reg <= 1;				/* inc, dec */
	}
	return false;
}

static bool in_push_range(const struct pt_regs *regs, unsigned long addr)
{
	return addr < regs->sp && regs->sp - addr <= 16;
}

static bool vex_writes(struct insn *insn, int op)
{
	int map = 1, reg;

	if (op == 0xc5) {
		next(insn);
	} else if (op == 0xc4) {
		map = next(insn) & 0x1f;
		next(insn);
	} else {
		map = next(insn) & 7;
		next(insn);
		next(insn);
	}
	op = next(insn);
	return map == 1 && modrm_memory(insn, &reg) && op != 0xae && op != 0xc7 &&
	       !(op >= 0x90 && op <= 0xc3) && writes_0f(op, reg);
}

bool kap_insn_writes(const struct pt_regs *regs, unsigned long addr)
{
	u8 bytes[15];
	struct insn insn = { bytes, bytes + sizeof(bytes) };
	unsigned long left;
	int op, reg;

	pagefault_disable();
	left = __copy_from_user_inatomic(bytes, (void __user *)regs->ip, sizeof(bytes));
	pagefault_enable();
	insn.end -= left;

	do {
		op = next(&insn);
	} while (op == 0x66 || op == 0x67 || op == 0xf0 || op == 0xf2 || op == 0xf3 ||
		 op == 0x2e || op == 0x36 || op == 0x3e || op == 0x26 || op == 0x64 || op == 0x65);
	if (op >= 0x40 && op <= 0x4f)
		op = next(&insn);

	switch (op) {
	case 0xaa: case 0xab: case 0xa4: case 0xa5:		/* stos, movs */
		return addr - regs->di < 8;
	case 0x50 ... 0x57: case 0x68: case 0x6a: case 0x9c: case 0xe8: case 0xc8:
		return in_push_range(regs, addr);
	case 0xa2: case 0xa3:					/* mov to a direct address */
		return true;
	case 0xc4: case 0xc5: case 0x62:
		return vex_writes(&insn, op);
	case 0xff: {
		struct insn peek = insn;

		/* call and push through memory: two accesses, told apart by the address */
		if (modrm_memory(&peek, &reg) ? reg == 2 || reg == 6 : reg == 2)
			return in_push_range(regs, addr);
		break;
	}
	case 0x0f:
		op = next(&insn);
		return modrm_memory(&insn, &reg) && writes_0f(op, reg);
	}
	return op >= 0 && modrm_memory(&insn, &reg) && writes_1(op, reg);
}
