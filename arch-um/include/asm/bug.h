/* SPDX-License-Identifier: GPL-2.0-only */
/* BUG and WARN are an undefined instruction with an entry in a table. */
/* clang-format off */
#ifndef _ASM_KAP_BUG_H
#define _ASM_KAP_BUG_H

#include <linux/stringify.h>
#include <linux/instrumentation.h>
#include <linux/objtool.h>

#define INSN_UD2	0x0b0f
#define LEN_UD2		2

#ifdef CONFIG_GENERIC_BUG

#ifdef CONFIG_DEBUG_BUGVERBOSE
#define __KAP_BUG_FILE	"\t.long %c0 - .\n\t.word %c1\n"
#else
#define __KAP_BUG_FILE
#endif

#define __KAP_BUG(flags)						\
	asm volatile("1:\tud2\n"					\
		     "\t.pushsection __bug_table,\"aw\"\n"		\
		     "2:\t.long 1b - .\n"				\
		     __KAP_BUG_FILE					\
		     "\t.word %c2\n"					\
		     "\t.org 2b + %c3\n"				\
		     "\t.popsection\n"					\
		     : : "i" (__FILE__), "i" (__LINE__), "i" (flags),	\
			 "i" (sizeof(struct bug_entry)))

#define HAVE_ARCH_BUG
#define BUG()					\
do {						\
	instrumentation_begin();		\
	__KAP_BUG(0);				\
	__builtin_unreachable();		\
} while (0)

#define __WARN_FLAGS(flags)			\
do {						\
	instrumentation_begin();		\
	__KAP_BUG(BUGFLAG_WARNING | (flags));	\
	instrumentation_end();			\
} while (0)

#endif

#include <asm-generic/bug.h>

struct pt_regs;
extern void __noreturn die(const char *what, struct pt_regs *regs);

#endif
