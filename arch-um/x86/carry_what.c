// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions the kernel can carry out for a program: what compilers make with a 32-bit
 * constant or distance. Jumps and calls, LEA, moves, arithmetic, moves of vector registers.
 */
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <asm/insn.h>

#include "carry_out.h"
#include "carry_what.h"

static struct what what_one_byte(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[0];
	unsigned int ext = insn->modrm.nbytes ? X86_MODRM_REG(insn->modrm.bytes[0]) : 0;
	unsigned int word = rex(insn, 8) ? 8 : has_prefix(insn, 0x66) ? 2 : 4;
	unsigned int size = op & 1 ? word : 1;
	bool short_form = has_prefix(insn, 0x66);

	if (op < 0x40) {
		enum alu alu = op >> 3;

		switch (op & 7) {
		case 0:
		case 1:
			return (struct what){ ALU_TO_RM, alu, size };
		case 2:
		case 3:
			return (struct what){ ALU_TO_REG, alu, size };
		case 4:
		case 5:
			return (struct what){ ALU_IMM_TO_AX, alu, size };
		}
	}
	switch (op) {
	case 0x50 ... 0x57:
		return (struct what){ short_form ? UNKNOWN : PUSH_REG, 0, 8 };
	case 0x63:
		return (struct what){ SIGN_EXTEND, 0, word, 4 };
	case 0x68:
		return (struct what){ short_form ? UNKNOWN : PUSH_IMM, 0, 8 };
	case 0x80:
	case 0x81:
	case 0x83:
		return (struct what){ ALU_IMM, ext, size };
	case 0x84:
	case 0x85:
		return (struct what){ TEST_RM, AND, size };
	case 0x88:
	case 0x89:
		return (struct what){ MOV_TO_RM, 0, size };
	case 0x8a:
	case 0x8b:
		return (struct what){ MOV_TO_REG, 0, size };
	case 0x8d:
		return (struct what){ in_memory(insn) ? LEA : UNKNOWN, 0, word };
	case 0xa8:
	case 0xa9:
		return (struct what){ TEST_IMM, AND, size };
	case 0xb8 ... 0xbf:
		return (struct what){ MOV_IMM_TO_REG, 0, word };
	case 0xc6:
	case 0xc7:
		return (struct what){ ext ? UNKNOWN : MOV_IMM_TO_RM, 0, size };
	case 0xe8:
		return (struct what){ short_form ? UNKNOWN : CALL, 0, 8 };
	case 0xe9:
		return (struct what){ short_form ? UNKNOWN : JMP, 0, 8 };
	case 0xf6:
	case 0xf7:
		return (struct what){ ext < 2 ? TEST_IMM : UNKNOWN, AND, size };
	case 0xff:
		if (short_form)
			break;
		if (ext == 2 || ext == 4 || ext == 6)
			return (struct what){ ext == 2 ? CALL_RM :
					      ext == 4 ? JMP_RM :
							 PUSH_RM,
					      0, 8 };
		break;
	}
	return (struct what){ UNKNOWN };
}

static bool is_vector(u8 op)
{
	switch (op) {
	case 0x10:
	case 0x11:
	case 0x28:
	case 0x29:
	case 0x6f:
	case 0x7e:
	case 0x7f:
	case 0xd6:
		return true;
	}
	return false;
}

/* Moves between memory and a vector register that is 16 bytes. */
static struct what what_vector(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[1];
	unsigned int prefix = has_prefix(insn, 0xf3) ? 0xf3 :
			      has_prefix(insn, 0xf2) ? 0xf2 :
			      has_prefix(insn, 0x66) ? 0x66 :
						       0;
	unsigned int scalar = prefix == 0xf3 ? 4 : 8;

	if (!in_memory(insn) || (prefix >= 0xf2 && has_prefix(insn, 0x66)))
		return (struct what){ UNKNOWN };
	switch (op) {
	case 0x10:
	case 0x11:
		return (struct what){ op & 1 ? VEC_TO_MEM : VEC_TO_REG, 0,
				      prefix >= 0xf2 ? scalar : 16, 0, prefix >= 0xf2 };
	case 0x28:
	case 0x29:
		if (prefix < 0xf2)
			return (struct what){
				op & 1 ? VEC_TO_MEM : VEC_TO_REG, 0, 16, 0, false, true
			};
		break;
	case 0x6f:
	case 0x7f:
		if (prefix == 0x66 || prefix == 0xf3)
			return (struct what){ op == 0x7f ? VEC_TO_MEM : VEC_TO_REG,
					      0,
					      16,
					      0,
					      false,
					      prefix == 0x66 };
		break;
	case 0x7e:
		if (prefix == 0xf3)
			return (struct what){ VEC_TO_REG, 0, 8, 0, true };
		break;
	case 0xd6:
		if (prefix == 0x66)
			return (struct what){ VEC_TO_MEM, 0, 8 };
		break;
	}
	return (struct what){ UNKNOWN };
}

static struct what what_two_bytes(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[1];
	unsigned int word = rex(insn, 8) ? 8 : has_prefix(insn, 0x66) ? 2 : 4;

	switch (op) {
	case 0x40 ... 0x4f:
		return (struct what){ CMOV, 0, word };
	case 0x80 ... 0x8f:
		return (struct what){ word == 2 ? UNKNOWN : JCC, 0, 8 };
	case 0xb6:
	case 0xb7:
		return (struct what){ ZERO_EXTEND, 0, word, op & 1 ? 2 : 1 };
	case 0xbe:
	case 0xbf:
		return (struct what){ SIGN_EXTEND, 0, word, op & 1 ? 2 : 1 };
	}
	return (struct what){ UNKNOWN };
}

struct what carry_what(const struct insn *insn)
{
	bool vector = insn->opcode.nbytes == 2 && is_vector(insn->opcode.bytes[1]);

	if (insn->vex_prefix.nbytes || insn->prefixes.nbytes > 4 || has_prefix(insn, 0xf0) ||
	    has_prefix(insn, 0x67) ||
	    (!vector && (has_prefix(insn, 0xf2) || has_prefix(insn, 0xf3))))
		return (struct what){ UNKNOWN };
	if (vector)
		return what_vector(insn);
	if (insn->opcode.nbytes == 1)
		return what_one_byte(insn);
	if (insn->opcode.nbytes == 2 && insn->opcode.bytes[0] == 0x0f)
		return what_two_bytes(insn);
	return (struct what){ UNKNOWN };
}

bool kap_can_carry_out(struct insn *insn)
{
	return carry_what(insn).kind != UNKNOWN;
}
