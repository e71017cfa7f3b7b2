// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code in pages that hold the bytes of WRPKRU or XRSTOR somewhere (twin.c), most often in a
 * displacement. User code must not be able to jump to them, so the pages are never shown; each
 * instruction is looked at, and executed alone.
 *
 * What is looked at and what is executed are the same copies, which nobody can write.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/insn.h>
#include <asm/io.h>
#include <asm/ptrace.h>
#include <kap/emulate.h>
#include <kap/step.h>

#include "space.h"
#include "twin.h"

#define MAX_LEN 15

/*
 * The trap after a step does not come behind an instruction that loads ss, but behind the next
 * one; and iret has a trap flag of its own.
 */
static bool hides_the_trap(const struct insn *insn)
{
	const u8 *opcode = insn->opcode.bytes;

	if (insn->vex_prefix.nbytes)
		return false;
	switch (opcode[0]) {
	case 0x8e:
		return X86_MODRM_REG(insn->modrm.value) == 2;
	case 0x17:
	case 0xcf:
		return true;
	case 0x0f:
		return opcode[1] == 0xb2;
	default:
		return false;
	}
}

/* Of the instruction at code, len bytes of which are there: its length; 0: it can't be executed. */
static int may_step(const struct pt_regs *regs, const u8 *code, unsigned int len)
{
	struct emulate_insn keys;
	struct insn insn;

	emulate_decode(&keys, (const struct kap_regs *)regs, code, len);
	if (keys.what != EMULATE_OTHER)
		return 0;
	if (insn_decode(&insn, code, len, INSN_MODE_64) < 0 || hides_the_trap(&insn))
		return 0;
	return insn.length;
}

bool kap_twin_step(struct pt_regs *regs, struct kap_trap *trap)
{
	struct mm_struct *mm = current->mm;
	unsigned long at = regs->ip & PAGE_MASK, rest = PAGE_SIZE - offset_in_page(regs->ip), pfn;
	struct kap_step_page page[2];
	bool refused = false, next_refused = false;
	unsigned int len = min(rest, (unsigned long)MAX_LEN);
	const u8 *text, *next = NULL;
	u8 code[MAX_LEN];
	int used;

	if (regs->cs != __USER_CS)
		return false;
	pfn = kap_exec_pfn(mm, at);
	text = pfn ? kap_twin_text(pfn, true, &refused) : NULL;
	if (!text || (!refused && rest >= MAX_LEN))
		return false;
	memcpy(code, text + offset_in_page(regs->ip), len);
	if (len < MAX_LEN) {
		pfn = kap_exec_pfn(mm, at + PAGE_SIZE);
		next = pfn ? kap_twin_text(pfn, false, &next_refused) : NULL;
		if (next) {
			memcpy(code + len, next, MAX_LEN - len);
			len = MAX_LEN;
		}
	}
	if (!refused && !next_refused)
		return false;
	used = may_step(regs, code, len);
	/* All of it is in a page that is shown; or it goes on in one that is not there yet. */
	if (!refused && used && used <= rest)
		return false;
	if (!used) {
		memset(trap, 0, sizeof(*trap));
		trap->kind = KAP_TRAP_EXCEPTION;
		trap->nr = KAP_EXC_UD;
		if (len < MAX_LEN) {
			trap->kind = KAP_TRAP_FAULT;
			trap->nr = KAP_EXC_PF;
			trap->addr = at + PAGE_SIZE;
			trap->error = KAP_PF_USER | KAP_PF_EXEC;
		}
		return true;
	}
	page[0] = (struct kap_step_page){ at, virt_to_phys((void *)text) };
	page[1] = (struct kap_step_page){ at + PAGE_SIZE, next ? virt_to_phys((void *)next) : 0 };
	kap_step_user(&mm->context.space, (struct kap_regs *)regs, &current->thread.fpu, trap, page,
		      used > rest ? 2 : 1);
	return true;
}
