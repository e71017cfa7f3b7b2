/* SPDX-License-Identifier: GPL-2.0-only */
/* What instructions do, between carry_what.c, which tells it from their bytes, and carry_out.c. */
#ifndef KAP_X86_CARRY_WHAT_H
#define KAP_X86_CARRY_WHAT_H

#include <asm/insn.h>

enum alu { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP };

enum kind {
	UNKNOWN,
	CALL,
	JMP,
	JCC,
	CALL_RM,
	JMP_RM,
	PUSH_RM,
	PUSH_REG,
	PUSH_IMM,
	LEA,
	MOV_TO_REG,
	MOV_TO_RM,
	MOV_IMM_TO_RM,
	MOV_IMM_TO_REG,
	ZERO_EXTEND,
	SIGN_EXTEND,
	CMOV,
	ALU_TO_RM,
	ALU_TO_REG,
	ALU_IMM,
	ALU_IMM_TO_AX,
	TEST_RM,
	TEST_IMM,
	VEC_TO_REG,
	VEC_TO_MEM,
};

/* What is known of an instruction from its bytes alone. */
struct what {
	enum kind kind;
	enum alu alu;
	unsigned int size; /* of the operand that counts: 1, 2, 4, 8; of vectors 16, too */
	unsigned int from; /* size before an extension */
	bool to_zero; /* the rest of the vector register becomes 0 */
	bool aligned;
};

struct what carry_what(const struct insn *insn);

static inline bool has_prefix(const struct insn *insn, u8 prefix)
{
	int i;

	for (i = 0; i < 4; i++)
		if (insn->prefixes.bytes[i] == prefix)
			return true;
	return false;
}

static inline bool rex(const struct insn *insn, u8 bit)
{
	return insn->rex_prefix.nbytes && (insn->rex_prefix.bytes[0] & bit);
}

static inline bool in_memory(const struct insn *insn)
{
	return insn->modrm.nbytes && X86_MODRM_MOD(insn->modrm.bytes[0]) != 3;
}

static inline unsigned int reg_nr(const struct insn *insn)
{
	return X86_MODRM_REG(insn->modrm.bytes[0]) | (rex(insn, 4) ? 8 : 0);
}

static inline unsigned int rm_nr(const struct insn *insn)
{
	return X86_MODRM_RM(insn->modrm.bytes[0]) | (rex(insn, 1) ? 8 : 0);
}

#endif
