/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assembler helpers, and entries of the exception table (asm/extable.h): the relative
 * addresses of an instruction that may fault and of the place to go on.
 */
/* clang-format off */
#ifndef _ASM_KAP_ASM_H
#define _ASM_KAP_ASM_H

#ifdef __ASSEMBLY__
#define _ASM_EXTABLE(from, to)			\
	.pushsection __ex_table, "a" ;		\
	.balign 4 ;				\
	.long (from) - . ;			\
	.long (to) - . ;			\
	.long 0 ;				\
	.popsection
#else
#define _ASM_EXTABLE(from, to)			\
	" .pushsection __ex_table, \"a\"\n"	\
	" .balign 4\n"				\
	" .long (" #from ") - .\n"		\
	" .long (" #to ") - .\n"		\
	" .long 0\n"				\
	" .popsection\n"

/* What x86's shared headers use. */
#define _ASM_PTR	" .quad "
#define _ASM_ALIGN	" .balign 8 "
#define __ASM_SIZE(inst, ...)	" " #inst "q "
#define __ASM_FORM(x, ...)	" " #x " "
#define _ASM_INC	__ASM_SIZE(inc)
#define _ASM_DEC	__ASM_SIZE(dec)
#define _ASM_ADD	__ASM_SIZE(add)
#define _ASM_SUB	__ASM_SIZE(sub)
#define _ASM_XADD	__ASM_SIZE(xadd)
#define _ASM_BX		"rbx"
#define _ASM_SP		"rsp"
#define CC_SET(c)	"\n\t/* output condition code " #c "*/\n"
#define CC_OUT(c)	"=@cc" #c

register unsigned long current_stack_pointer asm("rsp");
#define ASM_CALL_CONSTRAINT "+r" (current_stack_pointer)
#endif

#endif
