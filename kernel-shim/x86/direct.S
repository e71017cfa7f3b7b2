/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The direct engine's ways between the guest kernel and user code, which share a host thread.
 *
 * Down: direct_enter() saves the kernel's registers on its stack, and an exit sequence loads the
 * user's from the vCPU's block. Up: the host's signal arrives at direct_signal_entry on the
 * vCPU's stack for signals, and direct_resume() returns to who called direct_enter().
 *
 * Memory of the kernel is behind protection key 1, the blocks are behind key 2: user code may
 * read them, not write. Both ways change PKRU, and check what they changed it to, because user code can
 * jump to any instruction here. Hosts without keys use the variants _open, which protect nothing.
 */
#include <kap/abi.h>
#include <kap/getcpu.h>
#include "engine/direct.h"
#include "x86/syscall.h"

#define FLAG_TF		0x100
#define FLAG_RF		0x10000
#define USER_CS		0x33
#define USER_SS		0x2b
#define STACK_SHIFT	14
	.if KAP_STACK_SIZE != 1 << STACK_SHIFT
	.error "STACK_SHIFT"
	.endif

/* Where things are when rsp is at ax of the block's registers. */
#define AT_AX(n)	(((n) - 10) * 8)(%rsp)

	.macro set_pkru value
	movl	$\value, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	wrpkru
	cmpl	$\value, %eax
	jne	direct_bad
	.endm

/* What a C function keeps for its caller; direct_resume() takes it back. */
	.macro push_kept
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	.text
/* void direct_enter(u32 *pending, struct direct_user *user, void *exit, u32 *in_user) */
	.globl direct_enter, direct_check, direct_check_end, direct_left
	.balign 64
direct_enter:
	push_kept
	pushq	%rsi
	movq	%rsp, DIRECT_USER_KSP(%rsi)
/*
 * From here to the user's first instruction a signal is taken as if that instruction had been
 * interrupted: so a doorbell that rings after the look at pending is not missed.
 */
direct_check:
	movl	$DIRECT_IS_USER, (%rcx)
	cmpl	$0, (%rdi)
	jne	2f
	jmp	*%rdx
2:	movl	$0, (%rcx)
direct_check_end:
direct_left:
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret

/* void direct_resume(u64 ksp): returns from direct_enter() or direct_switch() */
	.globl direct_resume
direct_resume:
	movq	%rdi, %rsp
	jmp	direct_left

/* void direct_switch(u64 *ksp, void *stack, void (*fn)(void *), void *arg): calls fn on stack */
	.globl direct_switch
direct_switch:
	push_kept
	pushq	$0
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	movq	%rcx, %rdi
	xorl	%ebp, %ebp
	call	*%rdx
	ud2

/*
 * int direct_set_selectors(ds, es, fs, gs), int direct_set_fs_base(base), ..._gs_base(base): 1, or 0
 * when the processor refuses: direct_signal() goes to the end of this part then.
 */
	.globl direct_set_selectors, direct_set_fs_base, direct_set_gs_base, direct_set_descriptor
	.globl direct_segments, direct_segments_end
direct_set_selectors:
	movl	$1, %eax
direct_segments:
	movl	%edi, %ds
	movl	%esi, %es
	movl	%edx, %fs
	movl	%ecx, %gs
	ret
direct_set_fs_base:
	movl	$1, %eax
	wrfsbase %rdi
	ret
direct_set_gs_base:
	movl	$1, %eax
	wrgsbase %rdi
	ret
/* The same, of a descriptor in the low 4 GiB: set_thread_area(2), a 32-bit call only. Changes rbx. */
direct_set_descriptor:
	movl	%edi, %ebx
	movl	$HOST32_set_thread_area, %eax
	int	$0x80
	cmpl	$1, %eax
	sbbl	%eax, %eax
	negl	%eax
	ret
direct_segments_end:
	xorl	%eax, %eax
	ret

/* void direct_take_keys(void): opens PKRU, once. User code that comes here later gets no further. */
	.globl direct_take_keys
direct_take_keys:
	set_pkru DIRECT_PKRU_KERNEL
	cmpl	$0, direct_keys_taken(%rip)
	jne	direct_bad
	ret

/* The first code of a runner; the keeper's clone() has given it its stack. */
	.globl direct_runner_entry
direct_runner_entry:
	xorl	%ebp, %ebp
	call	direct_runner_start
	ud2

/*
 * One exit for each vCPU, because there is no register left to say whose block it is. The order:
 * off the kernel's stack, so that no signal uses it any more; what is not needed for PKRU; BLOCK
 * in the selector; PKRU; the rest. flags with TF or RF, code that is not 64-bit, and
 * a stack segment of the program's own need iretq.
 */
	.macro exit_code cpu, keys
	.set	block, KAP_DIRECT_BLOCKS + \cpu * KAP_DIRECT_BLOCK - KAP_WINDOW - KAP_PHYS_RAM
	.balign	16
	leaq	kap_entry + block + DIRECT_REGS(%rip), %rsp
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
	movq	AT_AX(13), %rsi
	movq	AT_AX(14), %rdi
	movb	$DIRECT_BLOCK, kap_entry + block + DIRECT_SELECTOR(%rip)
	.if \keys
	set_pkru DIRECT_PKRU_USER
	.endif
	testl	$(FLAG_TF | FLAG_RF), AT_AX(18)
	jnz	2f
	cmpl	$USER_CS, AT_AX(17)
	jne	2f
	cmpl	$USER_SS, AT_AX(20)
	jne	2f
	leaq	AT_AX(18), %rsp
	popfq
	movq	-56(%rsp), %rdx
	movq	-64(%rsp), %rcx
	movq	-72(%rsp), %rax
	movq	(%rsp), %rsp
	jmp	*kap_entry + block + DIRECT_REGS + 16 * 8(%rip)
2:	movq	AT_AX(12), %rdx
	movq	AT_AX(11), %rcx
	movq	AT_AX(10), %rax
	leaq	AT_AX(16), %rsp
	iretq
	.balign	16
	.endm

	.macro exits keys
	.set	n, 0
	.rept	KAP_MAX_VCPUS
	exit_code n, \keys
	.set	n, n + 1
	.endr
	.endm

	.globl direct_exits_keys, direct_exits_keys_end, direct_exits_open, direct_exits_open_end
	.balign 64
direct_exits_keys:
	exits	1
direct_exits_keys_end:
direct_exits_open:
	exits	0
direct_exits_open_end:

/*
 * From the host: rsp is at the frame, of which the first word is what the host was told to return
 * to. User code that jumps here gets no further than the checks: the stack must be this thread's own
 * one for signals, and the word the secret one, which is there only until it is taken. Nobody else
 * can tell which thread this is but its segment (engine/gate.c); a thread without one is at home,
 * where there is no user code, or the only one that executes some.
 */
	.macro signal_entry keys
	.if \keys
	set_pkru DIRECT_PKRU_KERNEL
	movabsq	$-KAP_DIRECT_STACKS, %rax
	addq	%rsp, %rax
	cmpq	$(KAP_DIRECT_STACKS_END - KAP_DIRECT_STACKS - 1024), %rax
	jae	direct_bad
	shrl	$STACK_SHIFT, %eax
	movl	$KAP_GETCPU_SELECTOR, %ecx
	lsl	%ecx, %ecx
	jnz	1f
	cmpl	%eax, %ecx
	jne	direct_bad
1:	movq	(%rsp), %rax
	xorq	direct_secret(%rip), %rax
	jnz	direct_bad
	.globl direct_taken
direct_taken:
	movq	%rax, (%rsp)
	.endif
	/*
	 * 1 becomes 2: who comes in between gives it back, see direct_signal(). Only this thread
	 * changes it: no lock.
	 */
	movq	%rsp, %rcx
	andq	$-KAP_STACK_SIZE, %rcx
	movl	$DIRECT_IS_USER, %eax
	movl	$DIRECT_IS_TRAPPED, %edx
	cmpxchgl %edx, DIRECT_IN_USER(%rcx)
	.if \keys
	.globl direct_prologue_keys_end
direct_prologue_keys_end:
	.else
	.globl direct_prologue_open_end
direct_prologue_open_end:
	.endif
	sete	%dl
	movzbl	%dl, %edx
	/* The host clears DF and TF, but neither AC nor NT. */
	pushq	$2
	popfq
	movq	%rsp, %rbx
	leaq	8(%rbx), %rdi
	leaq	DIRECT_FRAME_INFO(%rbx), %rsi
	/* The frame is aligned as for a call. */
	subq	$8, %rsp
	xorl	%ebp, %ebp
	call	direct_signal
	/* Kernel code was interrupted. */
	leaq	8(%rbx), %rsp
	movl	$HOST_rt_sigreturn, %eax
	syscall
	ud2
	.endm

	.globl direct_signal_keys, direct_signal_open, direct_bad
	.balign 64
direct_signal_keys:
	signal_entry 1
	.balign 64
direct_signal_open:
	signal_entry 0
direct_bad:
	ud2

	.section .note.GNU-stack, "", @progbits
