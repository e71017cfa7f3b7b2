/* SPDX-License-Identifier: GPL-2.0-only */
/* The first instructions of a vCPU's thread. */
#include "x86/syscall.h"

#define FLAGS	(HOST_CLONE_VM | HOST_CLONE_FS | HOST_CLONE_FILES | HOST_CLONE_SIGHAND | \
		 HOST_CLONE_THREAD | HOST_CLONE_SYSVSEM)

	.text
/* long thread_start(void *stack_top, void (*fn)(u32 cpu), u32 cpu) */
	.globl thread_start
thread_start:
	movq	%rsi, %r8
	movl	%edx, %r9d
	movq	%rdi, %rsi
	movl	$FLAGS, %edi
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	movl	$HOST_clone, %eax
	syscall
	testq	%rax, %rax
	jz	1f
	ret
1:	xorl	%ebp, %ebp
	movl	%r9d, %edi
	call	*%r8
	ud2

/* void thread_restart(void *stack_top, void (*fn)(u32 cpu), u32 cpu) */
	.globl thread_restart
thread_restart:
	movq	%rdi, %rsp
	xorl	%ebp, %ebp
	movl	%edx, %edi
	call	*%rsi
	ud2

	.section .note.GNU-stack, "", @progbits
