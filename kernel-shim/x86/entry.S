/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the monitor jumps to, where the host returns to from a signal, and
 * the way back into interrupted kernel code.
 */
#include <kap/abi.h>
#include "x86/syscall.h"

#define HOST_WALL_FLAGS	0x60000000	/* __WALL | __WNOTHREAD */
#define FRAME_IP	(16 * 8)	/* kap_regs.ip */
#define FRAME_TRAP	(27 * 8)	/* the trap lies behind kap_regs */

	.section .head.text, "ax", @progbits
	.globl kap_entry
/*
 * The process is still a copy of the monitor, plus the kernel window. Everything
 * but the window goes away; then the kernel's own stack is used.
 */
kap_entry:
	leaq	kap_boot_stack_base(%rip), %rsp
	addq	$(KAP_STACK_SIZE - 512), %rsp
	xorl	%ebp, %ebp

	movl	$HOST_munmap, %eax
	xorl	%edi, %edi
	movabsq	$KAP_HOLE_START, %rsi
	syscall
	movl	$HOST_munmap, %eax
	movabsq	$KAP_HOLE_END, %rdi
	movabsq	$(KAP_USER_END - KAP_HOLE_END), %rsi
	syscall

	call	shim_start
	ud2

	.text
/* The host's signal handlers return here. */
	.globl signal_restorer
signal_restorer:
	movl	$HOST_rt_sigreturn, %eax
	syscall
	ud2

/*
 * The signal handler made the thread go on here, with rsp at the frame that it
 * built on the interrupted kernel stack. A call frame with the
 * interrupted address goes on top, so that a backtrace shows it.
 */
	.macro vector name, fn
	.globl \name
\name:
	movq	%rsp, %rdi
	leaq	FRAME_TRAP(%rsp), %rsi
	movq	%rsp, %rbx
	pushq	FRAME_IP(%rsp)
	pushq	%rbp
	movq	%rsp, %rbp
	call	\fn
	movq	%rbx, %rsp
	jmp	vector_return
	.endm

	vector vector_interrupt, vector_interrupt_c
	vector vector_trap, vector_trap_c

/* ip, cs, flags, sp and ss of struct kap_regs are in the order of an iret frame. */
vector_return:
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$8, %rsp
	iretq

/*
 * long wait_user(int tid, int *status, u32 *pending)
 *
 * wait4() that a doorbell can't slip past: one that rings between the look at
 * pending and the system call makes the signal handler move the thread to wait_user_abort.
 */
	.globl wait_user, wait_user_start, wait_user_end, wait_user_abort
wait_user:
	movq	%rdx, %r8
	movl	$HOST_WALL_FLAGS, %edx
	xorl	%r10d, %r10d
wait_user_start:
	cmpl	$0, (%r8)
	jne	wait_user_abort
	movl	$HOST_wait4, %eax
	syscall
wait_user_end:
	ret
wait_user_abort:
	movq	$-HOST_EINTR, %rax
	ret

	.section .note.GNU-stack, "", @progbits
