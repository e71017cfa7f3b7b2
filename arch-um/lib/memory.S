/* SPDX-License-Identifier: GPL-2.0-only */
/* memcpy, memmove, memset with string instructions. */
#include <linux/linkage.h>
#include <linux/export.h>

	.text

/* void *memcpy(void *to, const void *from, size_t len) */
SYM_FUNC_START(__memcpy)
	movq	%rdi, %rax
	movq	%rdx, %rcx
	cmpq	$16, %rdx
	jb	1f
	shrq	$3, %rcx
	andl	$7, %edx
	rep movsq
	movl	%edx, %ecx
1:	rep movsb
	ret
SYM_FUNC_END(__memcpy)
SYM_FUNC_ALIAS(memcpy, __memcpy)
EXPORT_SYMBOL(__memcpy)
EXPORT_SYMBOL(memcpy)

/* void *memset(void *s, int c, size_t n) */
SYM_FUNC_START(__memset)
	movq	%rdi, %r9
	movq	%rdx, %rcx
	movzbl	%sil, %eax
	cmpq	$16, %rdx
	jb	1f
	movabsq	$0x0101010101010101, %rsi
	imulq	%rsi, %rax
	shrq	$3, %rcx
	andl	$7, %edx
	rep stosq
	movl	%edx, %ecx
1:	rep stosb
	movq	%r9, %rax
	ret
SYM_FUNC_END(__memset)
SYM_FUNC_ALIAS(memset, __memset)
EXPORT_SYMBOL(__memset)
EXPORT_SYMBOL(memset)

/* void *memmove(void *dest, const void *src, size_t count) */
SYM_FUNC_START(__memmove)
	movq	%rdi, %rax
	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx
	jae	__memcpy
	/* dest lies inside the source: last byte first */
	leaq	-1(%rsi,%rdx), %rsi
	leaq	-1(%rdi,%rdx), %rdi
	movq	%rdx, %rcx
	std
	andl	$7, %ecx
	rep movsb
	movq	%rdx, %rcx
	subq	$7, %rsi
	subq	$7, %rdi
	shrq	$3, %rcx
	rep movsq
	cld
	ret
SYM_FUNC_END(__memmove)
SYM_FUNC_ALIAS(memmove, __memmove)
EXPORT_SYMBOL(__memmove)
EXPORT_SYMBOL(memmove)

	.section .note.GNU-stack, "", @progbits
