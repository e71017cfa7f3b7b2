/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What runs in a space beside user code: the keeper, and a runner until it is
 * traced for the first time. No stack and no writable memory is relied on, because
 * user code of the space could change both.
 */
#include <kap/abi.h>
#include "stub.h"
#include "x86/syscall.h"

#define CTL_SEQ		0(%r15)
#define CTL_NR_OPS	4(%r15)
#define CTL_REPLY_FD	8(%r15)
#define CTL_CHILD_CTL	16(%r15)
#define CTL_RUNNER	STUB_RUNNER_OFF(%r15)
#define SHARED_FIXED	(HOST_MAP_SHARED | HOST_MAP_FIXED)

	.section .kap.stub, "ax", @progbits
	.balign 4096
stub:

/* Zygote, step 2: the kernel window goes away. */
stub_zygote:
	movl	$HOST_munmap, %eax
	movabsq	$KAP_STUB_END, %rdi
	movabsq	$(KAP_HOLE_END - KAP_STUB_END), %rsi
	syscall

/* r15: control page, r13: scratch page, r14d: last request seen, rsp: number of the host call */
stub_keeper:
	movabsq	$KAP_STUB_CTL, %r15
	movabsq	$KAP_STUB_SCRATCH, %r13
	xorl	%r14d, %r14d

.Lwait:
	cmpl	%r14d, CTL_SEQ
	jne	.Lrequest
	movl	$HOST_futex, %eax
	movq	%r15, %rdi
	xorl	%esi, %esi			/* FUTEX_WAIT, shared */
	movl	%r14d, %edx
	xorl	%r10d, %r10d
	syscall
	jmp	.Lwait

.Lrequest:
	movl	CTL_SEQ, %r14d
	movl	CTL_NR_OPS, %ebp
	leaq	STUB_OPS_OFF(%r15), %rbx
	leaq	STUB_RESULT_OFF(%r13), %r12
.Lop:
	subl	$1, %ebp
	js	.Lok
	movq	(%rbx), %rsp
	movq	%rsp, %rax
	movq	8(%rbx), %rdi
	movq	16(%rbx), %rsi
	movq	24(%rbx), %rdx
	movq	32(%rbx), %r10
	movq	40(%rbx), %r8
	movq	48(%rbx), %r9
	syscall
	testq	%rax, %rax
	jz	.Lzero
.Lresult:
	movq	%rax, (%r12)
	cmpq	$-4095, %rax
	jae	.Lfailed
	addq	$64, %rbx
	addq	$8, %r12
	jmp	.Lop

/*
 * Zero is success, but for clone it means: this is the child. It looks at registers only,
 * because by now the control page may hold the next request.
 */
.Lzero:
	cmpq	$HOST_clone, %rsp
	jne	.Lresult
	testq	$HOST_CLONE_VM, %rdi
	jz	.Lshell

/*
 * On the direct engine clone's fifth argument, which the host does not look at, is the stack. Else
 * a runner waits here until a vCPU traces it and gives it registers.
 */
	testq	%r8, %r8
	jz	.Lrunner
	movq	%r8, %rsp
	jmp	*CTL_RUNNER
.Lrunner:
	movl	$HOST_pause, %eax
	syscall
	jmp	.Lrunner

/* A new shell: its own control page in place of the zygote's, then it is a keeper. */
.Lshell:
	movl	$HOST_mmap, %eax
	movq	%r15, %rdi
	movl	$KAP_PAGE_SIZE, %esi
	movl	$HOST_PROT_READ, %edx
	movl	$SHARED_FIXED, %r10d
	movl	$KAP_FD_RAM, %r8d
	movq	CTL_CHILD_CTL, %r9
	syscall
	cmpq	%r15, %rax
	je	stub_keeper
	movl	$HOST_exit_group, %eax
	movl	$1, %edi
	syscall
	ud2

.Lfailed:
	movl	%r14d, 4(%r13)
	leaq	STUB_FAILED_OFF(%r15), %rsi
	jmp	.Lreply
.Lok:
	leaq	STUB_OK_OFF(%r15), %rsi
.Lreply:
	movl	CTL_REPLY_FD, %edi
	testl	%edi, %edi
	js	.Lflag
	movl	$8, %edx
	movl	$HOST_write, %eax
	syscall
	jmp	.Lwait
.Lflag:
	movl	%r14d, (%r13)
	movl	$HOST_futex, %eax
	movq	%r13, %rdi
	movl	$HOST_FUTEX_WAKE, %esi
	movl	$1, %edx
	syscall
	jmp	.Lwait

/*
 * A seccomp filter (seccomp(2)) for all that runs in spaces: system calls from the host's vsyscall page,
 * which ptrace does not see, become SIGSYS. Everything else is allowed here.
 */
	.balign 8
	.globl stub_filter_prog
stub_filter_prog:
	.short	(filter_end - filter) / 8, 0, 0, 0
	.quad	KAP_STUB_CODE + (filter - stub)
filter:
	.short	0x20; .byte 0, 0; .long 12		/* A = upper half of the ip */
	.short	0x15; .byte 0, 3; .long 0xffffffff
	.short	0x20; .byte 0, 0; .long 8		/* A = lower half */
	.short	0x35; .byte 0, 1; .long 0xff600000	/* 0xffffffffff600000 and above */
	.short	0x06; .byte 0, 0; .long 0x00030000	/* SECCOMP_RET_TRAP */
	.short	0x06; .byte 0, 0; .long 0x7fff0000	/* SECCOMP_RET_ALLOW */
filter_end:

/* A runner sets bases that its tracer can't set; the call tells that it is done. */
	.globl stub_set_bases
stub_set_bases:
	wrfsbase %rax
	wrgsbase %rdx
	syscall
	ud2

	.text
/*
 * long stub_make_zygote(u64 ctl, u64 scratch, u64 code, u64 window)
 *
 * The child shares the kernel's memory, stack included: it uses registers
 * only, and goes on in its own mapping of the stub page.
 */
	.globl stub_make_zygote
stub_make_zygote:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	movq	%rdi, %rbx
	movq	%rsi, %r12
	movq	%rdx, %r13
	movq	%rcx, %rbp
	movl	$HOST_clone, %eax
	movl	$HOST_SIGCHLD, %edi
	xorl	%esi, %esi
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	xorl	%r8d, %r8d
	syscall
	testq	%rax, %rax
	jz	1f
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret

	.macro show at, prot, phys
	movl	$HOST_mmap, %eax
	movabsq	$\at, %rdi
	movl	$KAP_PAGE_SIZE, %esi
	movl	$\prot, %edx
	movl	$SHARED_FIXED, %r10d
	movl	$KAP_FD_RAM, %r8d
	movq	\phys, %r9
	syscall
	movabsq	$\at, %rdi
	cmpq	%rdi, %rax
	jne	2f
	.endm

1:	show	KAP_STUB_CODE, HOST_PROT_READ|HOST_PROT_EXEC, %r13
	show	KAP_STUB_CTL, HOST_PROT_READ, %rbx
	show	KAP_STUB_SCRATCH, HOST_PROT_READ|HOST_PROT_WRITE, %r12
	movabsq	$KAP_STUB_CODE + (stub_zygote - stub), %rax
	testq	%rbp, %rbp
	jz	3f
	movabsq	$KAP_STUB_CODE + (stub_keeper - stub), %rax
3:	jmp	*%rax
2:	movl	$HOST_exit_group, %eax
	movl	$1, %edi
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits
