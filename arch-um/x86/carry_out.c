// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of programs that the kernel carries out: those whose constants happen to look like
 * WRPKRU or XRSTOR, for which an exec twin has a trap, and stores of code into its own page.
 *
 * Everything is done with the program's own rights.
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
#include "carry_what.h"

#define FLAGS_ALU                                                                        \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | \
	 X86_EFLAGS_OF)

struct user {
	struct pt_regs *regs;
	struct insn *insn;
	struct what what;
	unsigned long next; /* instruction */
	unsigned long addr; /* of the operand in memory */
	unsigned long *bad;
};

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

	u.what = carry_what(insn);
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
		err = push(&u,
			   read_reg(&u, (insn->opcode.bytes[0] & 7) | (rex(insn, 1) ? 8 : 0), 8));
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
