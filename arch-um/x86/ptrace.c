// SPDX-License-Identifier: GPL-2.0-only
/*
 * ptrace and core files: the general registers as x86-64's struct
 * user_regs_struct, the register sets, and single stepping.
 *
 * struct pt_regs has that layout already. Only what a tracer may not see or not
 * set stands between the two.
 */
#include <linux/elf.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/regset.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <asm/sys_x86.h>
#include <asm/user.h>
#include <uapi/asm/debugreg.h>
#include <uapi/asm/ptrace.h>

#include "debugreg.h"

#define SELECTOR_RPL	3

/* Flags that a tracer may set. */
#define TRACER_FLAGS                                                                     \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | \
	 X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_RF | X86_EFLAGS_AC | \
	 X86_EFLAGS_NT)

static_assert(sizeof(struct pt_regs) == sizeof(struct user_regs_struct));
static_assert(offsetof(struct pt_regs, orig_ax) == offsetof(struct user_regs_struct, orig_ax));
static_assert(offsetof(struct pt_regs, ss) == offsetof(struct user_regs_struct, ss));
static_assert(offsetof(struct pt_regs, gs) == offsetof(struct user_regs_struct, gs));

enum {
	REGS_GENERAL,
	REGS_FP,
	REGS_XSTATE,
};

static const struct user_regset_view view_x86_64;

static unsigned long *reg_at(struct task_struct *task, unsigned long offset)
{
	return (unsigned long *)((char *)task_pt_regs(task) + offset);
}

static unsigned long get_reg(struct task_struct *task, unsigned long offset)
{
	unsigned long value = *reg_at(task, offset);

	switch (offset) {
	case offsetof(struct user_regs_struct, flags):
		if (test_tsk_thread_flag(task, TIF_FORCED_TF))
			value &= ~X86_EFLAGS_TF;
		return value;
	case offsetof(struct user_regs_struct, cs):
	case offsetof(struct user_regs_struct, ss):
	case offsetof(struct user_regs_struct, ds):
	case offsetof(struct user_regs_struct, es):
	case offsetof(struct user_regs_struct, fs):
	case offsetof(struct user_regs_struct, gs):
		return (u16)value;
	}
	return value;
}

static void set_flags(struct task_struct *task, unsigned long value)
{
	struct pt_regs *regs = task_pt_regs(task);

	/* From now on TF is the program's, unless it is set only because we step. */
	if (value & X86_EFLAGS_TF)
		clear_tsk_thread_flag(task, TIF_FORCED_TF);
	else if (test_tsk_thread_flag(task, TIF_FORCED_TF))
		value |= X86_EFLAGS_TF;

	regs->flags = (regs->flags & ~TRACER_FLAGS) | (value & TRACER_FLAGS);
}

static int set_reg(struct task_struct *task, unsigned long offset, unsigned long value)
{
	switch (offset) {
	case offsetof(struct user_regs_struct, cs):
	case offsetof(struct user_regs_struct, ss):
		if (!(u16)value)
			return -EIO;
		fallthrough;
	case offsetof(struct user_regs_struct, ds):
	case offsetof(struct user_regs_struct, es):
	case offsetof(struct user_regs_struct, fs):
	case offsetof(struct user_regs_struct, gs):
		value = (u16)value;
		if (value && (value & SELECTOR_RPL) != SELECTOR_RPL)
			return -EIO;
		break;
	case offsetof(struct user_regs_struct, fs_base):
	case offsetof(struct user_regs_struct, gs_base):
		if (value >= TASK_SIZE_MAX)
			return -EIO;
		break;
	case offsetof(struct user_regs_struct, flags):
		set_flags(task, value);
		return 0;
	default:
		*reg_at(task, offset) = value;
		return 0;
	}
	*reg_at(task, offset) = value;
	kap_clean_user_regs(task_pt_regs(task));
	return 0;
}

static int genregs_get(struct task_struct *task, const struct user_regset *set, struct membuf to)
{
	unsigned long offset;

	for (offset = 0; to.left; offset += sizeof(long))
		membuf_store(&to, get_reg(task, offset));
	return 0;
}

static int genregs_set(struct task_struct *task, const struct user_regset *set, unsigned int pos,
		       unsigned int count, const void *kbuf, const void __user *ubuf)
{
	int ret = 0;

	while (count >= sizeof(long) && !ret) {
		unsigned int offset = pos;
		unsigned long value;

		ret = user_regset_copyin(&pos, &count, &kbuf, &ubuf, &value, offset,
					 offset + sizeof(value));
		if (!ret)
			ret = set_reg(task, offset, value);
	}
	return ret;
}

static int fpregs_active(struct task_struct *task, const struct user_regset *set)
{
	return set->n;
}

static struct user_regset regsets[] __ro_after_init = {
	[REGS_GENERAL] = {
		.core_note_type	= NT_PRSTATUS,
		.n		= sizeof(struct user_regs_struct) / sizeof(long),
		.size		= sizeof(long),
		.align		= sizeof(long),
		.regset_get	= genregs_get,
		.set		= genregs_set,
	},
	[REGS_FP] = {
		.core_note_type	= NT_PRFPREG,
		.n		= FXSAVE_SIZE / sizeof(long),
		.size		= sizeof(long),
		.align		= sizeof(long),
		.active		= fpregs_active,
		.regset_get	= fpregs_get,
		.set		= fpregs_set,
	},
	[REGS_XSTATE] = {
		.core_note_type	= NT_X86_XSTATE,
		.size		= sizeof(u64),
		.align		= sizeof(u64),
		.active		= fpregs_active,
		.regset_get	= xstateregs_get,
		.set		= xstateregs_set,
	},
};

static const struct user_regset_view view_x86_64 = {
	.name		= "x86_64",
	.e_machine	= EM_X86_64,
	.regsets	= regsets,
	.n		= ARRAY_SIZE(regsets),
};

static int __init xstate_regset_init(void)
{
	regsets[REGS_XSTATE].n = fpu_user_size() / sizeof(u64);
	return 0;
}
core_initcall(xstate_regset_init);

const struct user_regset_view *task_user_regset_view(struct task_struct *task)
{
	return &view_x86_64;
}

static bool is_debugreg(unsigned long offset)
{
	return offset >= offsetof(struct user, u_debugreg[0]) &&
	       offset <= offsetof(struct user, u_debugreg[7]);
}

static unsigned int debugreg_nr(unsigned long offset)
{
	return (offset - offsetof(struct user, u_debugreg[0])) / sizeof(long);
}

static int peek_user(struct task_struct *child, unsigned long offset, unsigned long __user *out)
{
	unsigned long value = 0;

	if (offset % sizeof(long) || offset >= sizeof(struct user))
		return -EIO;
	if (offset < sizeof(struct user_regs_struct))
		value = get_reg(child, offset);
	else if (is_debugreg(offset))
		value = kap_get_debugreg(child, debugreg_nr(offset));
	return put_user(value, out);
}

static int poke_user(struct task_struct *child, unsigned long offset, unsigned long value)
{
	if (offset % sizeof(long) || offset >= sizeof(struct user))
		return -EIO;
	if (offset < sizeof(struct user_regs_struct))
		return set_reg(child, offset, value);
	if (!is_debugreg(offset))
		return -EIO;
	if (offset == offsetof(struct user, u_debugreg[4]) ||
	    offset == offsetof(struct user, u_debugreg[5]))
		return -EIO;
	return kap_set_debugreg(child, debugreg_nr(offset), value);
}

long arch_ptrace(struct task_struct *child, long request, unsigned long addr, unsigned long data)
{
	void __user *buf = (void __user *)data;

	switch (request) {
	case PTRACE_PEEKUSR:
		return peek_user(child, addr, buf);
	case PTRACE_POKEUSR:
		return poke_user(child, addr, data);
	case PTRACE_GETREGS:
		return copy_regset_to_user(child, &view_x86_64, REGS_GENERAL, 0,
					   sizeof(struct user_regs_struct), buf);
	case PTRACE_SETREGS:
		return copy_regset_from_user(child, &view_x86_64, REGS_GENERAL, 0,
					     sizeof(struct user_regs_struct), buf);
	case PTRACE_GETFPREGS:
		return copy_regset_to_user(child, &view_x86_64, REGS_FP, 0,
					   sizeof(struct user_i387_struct), buf);
	case PTRACE_SETFPREGS:
		return copy_regset_from_user(child, &view_x86_64, REGS_FP, 0,
					     sizeof(struct user_i387_struct), buf);
	case PTRACE_ARCH_PRCTL:
		/* arch_prctl's arguments the other way round */
		return kap_arch_prctl(child, data, addr);
	default:
		return ptrace_request(child, request, addr, data);
	}
}

void ptrace_disable(struct task_struct *child)
{
	user_disable_single_step(child);
}

/* Whether the next instruction loads the flags by itself (popf, iret). */
static bool next_sets_flags(struct task_struct *child, struct pt_regs *regs)
{
	u8 code[15];
	int i, len;

	len = access_process_vm(child, regs->ip, code, sizeof(code), FOLL_FORCE);
	for (i = 0; i < len; i++) {
		switch (code[i]) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e: /* segment prefixes */
		case 0x64:
		case 0x65:
		case 0x66:
		case 0x67: /* size prefixes */
		case 0xf0:
		case 0xf2:
		case 0xf3: /* lock, repeat */
			continue;
		case 0x40 ... 0x4f:				/* REX */
			if (regs->cs != __USER_CS)
				return false;
			continue;
		case 0x9d:
		case 0xcf:
			return true;
		default:
			return false;
		}
	}
	return false;
}

void user_enable_single_step(struct task_struct *child)
{
	struct pt_regs *regs = task_pt_regs(child);
	bool own_tf = (regs->flags & X86_EFLAGS_TF) && !test_tsk_thread_flag(child, TIF_FORCED_TF);

	set_tsk_thread_flag(child, TIF_SINGLESTEP);
	/* A step over a system call ends before the next instruction. */
	set_task_syscall_work(child, SYSCALL_EXIT_TRAP);
	regs->flags |= X86_EFLAGS_TF;

	/* What popf leaves in TF is the program's, and so is a TF that was there before. */
	if (next_sets_flags(child, regs))
		clear_tsk_thread_flag(child, TIF_FORCED_TF);
	else if (!own_tf)
		set_tsk_thread_flag(child, TIF_FORCED_TF);
}

void user_disable_single_step(struct task_struct *child)
{
	clear_tsk_thread_flag(child, TIF_SINGLESTEP);
	clear_task_syscall_work(child, SYSCALL_EXIT_TRAP);
	if (test_and_clear_tsk_thread_flag(child, TIF_FORCED_TF))
		task_pt_regs(child)->flags &= ~X86_EFLAGS_TF;
}

#ifdef ARCH_HAS_USER_SINGLE_STEP_REPORT
void user_single_step_report(struct pt_regs *regs)
{
	current->thread.trap_nr = KAP_EXC_DB;
	current->thread.error_code = 0;
	force_sig_fault(SIGTRAP, TRAP_BRKPT, (void __user *)regs->ip);
}
#endif

/* ---- registers by name, for probes -------------------------------------- */

#define REG(name)	[offsetof(struct pt_regs, name) / sizeof(long)] = #name

static const char *const reg_names[] = {
	REG(r15), REG(r14),	REG(r13), REG(r12), REG(bp),	REG(bx), REG(r11),
	REG(r10), REG(r9),	REG(r8),  REG(ax),  REG(cx),	REG(dx), REG(si),
	REG(di),  REG(orig_ax), REG(ip),  REG(cs),  REG(flags), REG(sp), REG(ss),
};

int regs_query_register_offset(const char *name)
{
	int i = match_string(reg_names, ARRAY_SIZE(reg_names), name);

	return i < 0 ? -EINVAL : i * (int)sizeof(long);
}

const char *regs_query_register_name(unsigned int offset)
{
	if (offset % sizeof(long) || offset / sizeof(long) >= ARRAY_SIZE(reg_names))
		return NULL;
	return reg_names[offset / sizeof(long)];
}
