/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Branches that are decided rarely and taken often: five bytes of text, a no-operation
 * or a jump, and an entry in a table that says where they are.
 */
/* clang-format off */
#ifndef _ASM_KAP_JUMP_LABEL_H
#define _ASM_KAP_JUMP_LABEL_H

#define JUMP_LABEL_NOP_SIZE	5

#ifndef __ASSEMBLY__

#include <linux/types.h>
#include <linux/stringify.h>
#include <asm/nops.h>

#define KAP_JUMP_ENTRY(key, branch)				\
	".pushsection __jump_table, \"aw\"\n\t"			\
	".balign 8\n\t"						\
	".long 1b - .\n\t"					\
	".long %l[l_yes] - .\n\t"				\
	".quad " key " + " branch " - .\n\t"			\
	".popsection\n\t"

static __always_inline bool arch_static_branch(struct static_key * const key, const bool branch)
{
	asm goto("1:\n\t"
		 ".byte " __stringify(BYTES_NOP5) "\n\t"
		 KAP_JUMP_ENTRY("%c0", "%c1")
		 : : "i" (key), "i" (branch) : : l_yes);
	return false;
l_yes:
	return true;
}

static __always_inline bool arch_static_branch_jump(struct static_key * const key,
						    const bool branch)
{
	asm goto("1:\n\t"
		 ".byte 0xe9\n\t"
		 ".long %l[l_yes] - . - 4\n\t"
		 KAP_JUMP_ENTRY("%c0", "%c1")
		 : : "i" (key), "i" (branch) : : l_yes);
	return false;
l_yes:
	return true;
}

#endif
#endif
