/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing stacks between tasks, and the first instruction of a new one. */
#include <linux/linkage.h>
#include <generated/asm-offsets.h>

/* struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next) */
SYM_FUNC_START(__switch_to)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, TASK_thread_sp(%rdi)
	movq	TASK_thread_sp(%rsi), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	movq	%rdi, %rax
	ret
SYM_FUNC_END(__switch_to)

/* A new task starts here: prev in rax; rbx, r12 as copy_thread left them. */
SYM_FUNC_START(kap_task_start)
	xorl	%ebp, %ebp
	movq	%rax, %rdi
	movq	%rbx, %rsi
	movq	%r12, %rdx
	call	kap_ret_from_fork
	ud2
SYM_FUNC_END(kap_task_start)

	.section .note.GNU-stack, "", @progbits
