// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of programs that the kernel carries out: those whose constants happen to look like
 * WRPKRU or XRSTOR, for which an exec twin has a trap, and stores of code into its own page.
 *
 * What compilers make with a 32-bit constant or distance is known here: jumps and calls, LEA, moves,
 * arithmetic, moves of vector registers. Everything is done with the program's own rights.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <kap/machine.h>
#include <uapi/asm/sigcontext.h>

#include "../mm/uaccess.h"
#include "carry_out.h"

#define FLAGS_ALU \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | \
	 X86_EFLAGS_OF)

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

struct user {
	struct pt_regs *regs;
	struct insn *insn;
	struct what what;
	unsigned long next; /* instruction */
	unsigned long addr; /* of the operand in memory */
	unsigned long *bad;
};

static bool has_prefix(const struct insn *insn, u8 prefix)
{
	int i;

	for (i = 0; i < 4; i++)
		if (insn->prefixes.bytes[i] == prefix)
			return true;
	return false;
}

static bool rex(const struct insn *insn, u8 bit)
{
	return insn->rex_prefix.nbytes && (insn->rex_prefix.bytes[0] & bit);
}

static bool in_memory(const struct insn *insn)
{
	return insn->modrm.nbytes && X86_MODRM_MOD(insn->modrm.bytes[0]) != 3;
}

static unsigned int reg_nr(const struct insn *insn)
{
	return X86_MODRM_REG(insn->modrm.bytes[0]) | (rex(insn, 4) ? 8 : 0);
}

static unsigned int rm_nr(const struct insn *insn)
{
	return X86_MODRM_RM(insn->modrm.bytes[0]) | (rex(insn, 1) ? 8 : 0);
}

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
			return (struct what){ ext == 2 ? CALL_RM : ext == 4 ? JMP_RM : PUSH_RM, 0, 8 };
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
	unsigned int prefix = has_prefix(insn, 0xf3) ? 0xf3 : has_prefix(insn, 0xf2) ? 0xf2 :
			      has_prefix(insn, 0x66) ? 0x66 : 0;
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
			return (struct what){ op & 1 ? VEC_TO_MEM : VEC_TO_REG, 0, 16, 0, false,
					      true };
		break;
	case 0x6f:
	case 0x7f:
		if (prefix == 0x66 || prefix == 0xf3)
			return (struct what){ op == 0x7f ? VEC_TO_MEM : VEC_TO_REG, 0, 16, 0,
					      false, prefix == 0x66 };
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

static struct what what_is(const struct insn *insn)
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
	return what_is(insn).kind != UNKNOWN;
}

/* ---- registers, memory, flags ---- */

static unsigned long *reg_of(struct pt_regs *r, unsigned int nr)
{
	unsigned long *const regs[] = {
		&r->ax, &r->cx, &r->dx,	 &r->bx,  &r->sp,  &r->bp,  &r->si,  &r->di,
		&r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
	};

	return regs[nr & 15];
}

static u64 cut(u64 value, unsigned int size)
{
	return size == 8 ? value : value & ((1UL << (8 * size)) - 1);
}

static bool is_high_byte(const struct user *u, unsigned int nr, unsigned int size)
{
	return size == 1 && nr >= 4 && nr < 8 && !u->insn->rex_prefix.nbytes;
}

static u64 read_reg(const struct user *u, unsigned int nr, unsigned int size)
{
	if (is_high_byte(u, nr, size))
		return cut(*reg_of(u->regs, nr - 4) >> 8, 1);
	return cut(*reg_of(u->regs, nr), size);
}

static void write_reg(struct user *u, unsigned int nr, unsigned int size, u64 value)
{
	unsigned long *reg;

	value = cut(value, size);
	if (is_high_byte(u, nr, size)) {
		reg = reg_of(u->regs, nr - 4);
		*reg = (*reg & ~0xff00UL) | value << 8;
		return;
	}
	reg = reg_of(u->regs, nr);
	/* Of 4 bytes the upper half becomes 0, of fewer the rest stays. */
	*reg = size >= 4 ? value : (*reg & ~cut(~0UL, size)) | value;
}

static void copy_whole(void *to, const void *from, unsigned int size)
{
	switch (size) {
	case 1:
		*(u8 *)to = READ_ONCE(*(const u8 *)from);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)to, READ_ONCE(*(const u16 *)from));
		break;
	case 4:
		WRITE_ONCE(*(u32 *)to, READ_ONCE(*(const u32 *)from));
		break;
	case 8:
		WRITE_ONCE(*(u64 *)to, READ_ONCE(*(const u64 *)from));
		break;
	}
}

/* What is aligned is read and written at once, as other threads expect it. */
static int use_memory(struct user *u, unsigned long addr, void *buf, unsigned int size, bool write)
{
	unsigned long flags;
	bool done;
	void *p;

	*u->bad = addr;
	if (size > 8 || (addr & (size - 1))) {
		if (write)
			return copy_to_user((void __user *)addr, buf, size) ? -EFAULT : 0;
		return copy_from_user(buf, (const void __user *)addr, size) ? -EFAULT : 0;
	}
	do {
		local_irq_save(flags);
		p = kap_user_ptr(addr, write);
		if (p && write)
			copy_whole(p, buf, size);
		else if (p)
			copy_whole(buf, p, size);
		done = p;
		kap_user_done();
		local_irq_restore(flags);
	} while (!done && kap_fault_in(addr, write));
	return done ? 0 : -EFAULT;
}

static int read_mem(struct user *u, unsigned long addr, void *to, unsigned int size)
{
	return use_memory(u, addr, to, size, false);
}

static int write_mem(struct user *u, unsigned long addr, void *from, unsigned int size)
{
	return use_memory(u, addr, from, size, true);
}

static unsigned long address(const struct user *u)
{
	const struct insn *insn = u->insn;
	struct pt_regs *r = u->regs;
	u8 modrm = insn->modrm.bytes[0], sib = insn->sib.bytes[0];
	unsigned int mod = X86_MODRM_MOD(modrm), rm = X86_MODRM_RM(modrm), index;
	unsigned long addr = insn->displacement.nbytes ? (long)insn->displacement.value : 0;

	if (has_prefix(insn, 0x64))
		addr += r->fs_base;
	else if (has_prefix(insn, 0x65))
		addr += r->gs_base;
	if (rm == 4) {
		index = X86_SIB_INDEX(sib) | (rex(insn, 2) ? 8 : 0);
		if (index != 4)
			addr += *reg_of(r, index) << X86_SIB_SCALE(sib);
		if (X86_SIB_BASE(sib) != 5 || mod)
			addr += *reg_of(r, X86_SIB_BASE(sib) | (rex(insn, 1) ? 8 : 0));
	} else if (rm == 5 && !mod) {
		addr += u->next;
	} else {
		addr += *reg_of(r, rm_nr(insn));
	}
	return addr;
}

static int read_rm(struct user *u, unsigned int size, u64 *value)
{
	*value = 0;
	if (in_memory(u->insn))
		return read_mem(u, u->addr, value, size);
	*value = read_reg(u, rm_nr(u->insn), size);
	return 0;
}

static int write_rm(struct user *u, unsigned int size, u64 value)
{
	if (in_memory(u->insn))
		return write_mem(u, u->addr, &value, size);
	write_reg(u, rm_nr(u->insn), size, value);
	return 0;
}

static int push(struct user *u, u64 value)
{
	int err = write_mem(u, u->regs->sp - 8, &value, 8);

	if (!err)
		u->regs->sp -= 8;
	return err;
}

static u64 calculate(enum alu op, u64 a, u64 b, unsigned int size, unsigned long *flags)
{
	unsigned int top = 8 * size - 1;
	u64 carry = op == ADC || op == SBB ? *flags & X86_EFLAGS_CF : 0;
	u64 r = 0, carries = 0, overflows = 0;

	a = cut(a, size);
	b = cut(b, size);
	switch (op) {
	case ADD:
	case ADC:
		r = a + b + carry;
		carries = (a & b) | ((a | b) & ~r);
		overflows = (a ^ r) & (b ^ r);
		break;
	case SUB:
	case CMP:
	case SBB:
		r = a - b - carry;
		carries = (~a & b) | ((~a | b) & r);
		overflows = (a ^ b) & (a ^ r);
		break;
	case AND:
		r = a & b;
		break;
	case OR:
		r = a | b;
		break;
	case XOR:
		r = a ^ b;
		break;
	}
	*flags &= ~(unsigned long)FLAGS_ALU;
	*flags |= (carries >> top & 1) ? X86_EFLAGS_CF : 0;
	*flags |= (overflows >> top & 1) ? X86_EFLAGS_OF : 0;
	if (op != AND && op != OR && op != XOR)
		*flags |= (a ^ b ^ r) & X86_EFLAGS_AF;
	r = cut(r, size);
	*flags |= (r >> top & 1) ? X86_EFLAGS_SF : 0;
	*flags |= r ? 0 : X86_EFLAGS_ZF;
	*flags |= hweight8((u8)r) & 1 ? 0 : X86_EFLAGS_PF;
	return r;
}

static bool condition(u8 op, unsigned long flags)
{
	bool sign_differs = !(flags & X86_EFLAGS_SF) != !(flags & X86_EFLAGS_OF);
	bool yes = false;

	switch (op >> 1 & 7) {
	case 0:
		yes = flags & X86_EFLAGS_OF;
		break;
	case 1:
		yes = flags & X86_EFLAGS_CF;
		break;
	case 2:
		yes = flags & X86_EFLAGS_ZF;
		break;
	case 3:
		yes = flags & (X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		yes = flags & X86_EFLAGS_SF;
		break;
	case 5:
		yes = flags & X86_EFLAGS_PF;
		break;
	case 6:
		yes = sign_differs;
		break;
	case 7:
		yes = sign_differs || (flags & X86_EFLAGS_ZF);
		break;
	}
	return yes != (op & 1);
}

/* ---- the kinds ---- */

static s64 immediate(const struct user *u)
{
	const struct insn *insn = u->insn;

	/* Only a move has 8 bytes; the decoder keeps those in two halves. */
	if (insn->immediate2.nbytes)
		return (u64)(u32)insn->immediate2.value << 32 | (u32)insn->immediate1.value;
	return insn->immediate.value;
}

static s64 extended(u64 value, unsigned int from)
{
	unsigned int shift = 64 - 8 * from;

	return (s64)(value << shift) >> shift;
}

static int vector(struct user *u)
{
	struct _xstate *x = fpu_sync(current);
	unsigned int size = u->what.size;
	u8 *reg = (u8 *)x->fpstate.xmm_space + 16 * reg_nr(u->insn), bytes[16] = {};
	int err;

	if (u->what.aligned && (u->addr & 15)) {
		*u->bad = 0;
		return -EFAULT;
	}
	if (u->what.kind == VEC_TO_MEM) {
		memcpy(bytes, reg, 16);
		return write_mem(u, u->addr, bytes, size);
	}
	err = read_mem(u, u->addr, bytes, size);
	if (err)
		return err;
	/* It may have gone to the processor again while the memory was got. */
	x = fpu_sync(current);
	fpu_replace_begin(current);
	memcpy((u8 *)x->fpstate.xmm_space + 16 * reg_nr(u->insn), bytes,
	       u->what.to_zero ? 16 : size);
	fpu_replace_end(current);
	return 0;
}

static int arithmetic(struct user *u, u64 value, u64 other, bool to_reg)
{
	unsigned int size = u->what.size;
	unsigned long flags = u->regs->flags;
	u64 result = calculate(u->what.alu, value, other, size, &flags);
	int err = 0;

	if (to_reg && u->what.alu != CMP)
		write_reg(u, reg_nr(u->insn), size, result);
	else if (u->what.alu != CMP)
		err = write_rm(u, size, result);
	if (!err)
		u->regs->flags = flags;
	return err;
}

static int jump(struct user *u)
{
	u64 target = u->next + immediate(u);
	int err = 0;

	switch (u->what.kind) {
	case JCC:
		if (condition(u->insn->opcode.bytes[1], u->regs->flags))
			u->next = target;
		return 0;
	case JMP:
		u->next = target;
		return 0;
	case CALL:
		break;
	default:
		err = read_rm(u, 8, &target);
	}
	if (!err && u->what.kind != JMP_RM)
		err = push(u, u->next);
	if (!err)
		u->next = target;
	return err;
}

static int move(struct user *u)
{
	unsigned int size = u->what.size, reg = reg_nr(u->insn);
	u64 value;
	int err;

	switch (u->what.kind) {
	case LEA:
		write_reg(u, reg, size, u->addr);
		return 0;
	case MOV_TO_RM:
		return write_rm(u, size, read_reg(u, reg, size));
	case MOV_IMM_TO_RM:
		return write_rm(u, size, immediate(u));
	case MOV_IMM_TO_REG:
		write_reg(u, (u->insn->opcode.bytes[0] & 7) | (rex(u->insn, 1) ? 8 : 0), size,
			  immediate(u));
		return 0;
	case ZERO_EXTEND:
	case SIGN_EXTEND:
		err = read_rm(u, u->what.from, &value);
		if (!err)
			write_reg(u, reg, size,
				  u->what.kind == SIGN_EXTEND ? extended(value, u->what.from) :
								value);
		return err;
	case CMOV:
		err = read_rm(u, size, &value);
		if (!err && condition(u->insn->opcode.bytes[1], u->regs->flags))
			write_reg(u, reg, size, value);
		else if (!err)
			write_reg(u, reg, size, read_reg(u, reg, size));
		return err;
	default:
		err = read_rm(u, size, &value);
		if (!err)
			write_reg(u, reg, size, value);
		return err;
	}
}

static int test_and_calculate(struct user *u)
{
	unsigned int size = u->what.size;
	bool has_rm = u->insn->modrm.nbytes;
	u64 value;
	int err;

	if (!has_rm)
		value = read_reg(u, 0, size);
	err = has_rm ? read_rm(u, size, &value) : 0;
	if (err)
		return err;
	switch (u->what.kind) {
	case ALU_TO_RM:
		return arithmetic(u, value, read_reg(u, reg_nr(u->insn), size), false);
	case ALU_TO_REG:
		return arithmetic(u, read_reg(u, reg_nr(u->insn), size), value, true);
	case ALU_IMM:
		return arithmetic(u, value, immediate(u), false);
	case TEST_RM:
		calculate(AND, value, read_reg(u, reg_nr(u->insn), size), size, &u->regs->flags);
		return 0;
	case TEST_IMM:
		calculate(AND, value, immediate(u), size, &u->regs->flags);
		return 0;
	default:
		value = calculate(u->what.alu, value, immediate(u), size, &u->regs->flags);
		if (u->what.alu != CMP)
			write_reg(u, 0, size, value);
		return 0;
	}
}

int kap_carry_out(struct pt_regs *regs, struct insn *insn, unsigned long *bad)
{
	struct user u = { .regs = regs, .insn = insn, .bad = bad };
	u64 value;
	int err;

	u.what = what_is(insn);
	u.next = regs->ip + insn->length;
	if (in_memory(insn))
		u.addr = address(&u);
	switch (u.what.kind) {
	case UNKNOWN:
		return -EINVAL;
	case CALL:
	case JMP:
	case JCC:
	case CALL_RM:
	case JMP_RM:
		err = jump(&u);
		break;
	case PUSH_REG:
		err = push(&u, read_reg(&u, (insn->opcode.bytes[0] & 7) | (rex(insn, 1) ? 8 : 0),
					8));
		break;
	case PUSH_IMM:
		err = push(&u, immediate(&u));
		break;
	case PUSH_RM:
		err = read_rm(&u, 8, &value);
		if (!err)
			err = push(&u, value);
		break;
	case VEC_TO_REG:
	case VEC_TO_MEM:
		err = vector(&u);
		break;
	case ALU_TO_RM ... TEST_IMM:
		err = test_and_calculate(&u);
		break;
	default:
		err = move(&u);
		break;
	}
	if (!err)
		regs->ip = u.next;
	return err;
}

bool kap_read_insn(const struct pt_regs *regs, struct insn *insn, u8 bytes[MAX_INSN_SIZE])
{
	unsigned long left;

	if (regs->cs != __USER_CS)
		return false;
	left = copy_from_user(bytes, (const void __user *)regs->ip, MAX_INSN_SIZE);
	return left < MAX_INSN_SIZE &&
	       insn_decode(insn, bytes, MAX_INSN_SIZE - left, INSN_MODE_64) >= 0;
}
