/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gates: from a patched call site into the guest kernel without the host (include/kap/gate.h).
 *
 * A site has jumped to its stub, with the user's registers. SYSCALL leaves rax, rcx and r11 to the
 * kernel, all others have to be kept, and so have the flags. The stub opens PKRU and checks what it
 * opened it to, because user code can jump to any instruction here; only then does it name its site.
 * Nothing but the limit of the thread's own segment says which vCPU this is, where there are
 * several: user code can't change that. Until in_user is cleared a signal finds user code:
 * gate_unwind() knows each instruction.
 */
#include <kap/abi.h>
#include <kap/gate.h>
#include <kap/getcpu.h>
#include "engine/direct.h"
#include "x86/regs.h"

/* TF, DF, IOPL, NT, AC, which must not stay on in the kernel. */
#define FLAGS_BAD	0x47500
#define FLAG_OF_SHIFT	11

	.macro stub_keys site
	.org	gate_stubs_keys + \site * GATE_STUB_KEYS, 0xcc
	movq	%rdx, %r11
	movl	$DIRECT_PKRU_KERNEL, %eax
	movl	$0, %ecx
	movl	$0, %edx
	wrpkru
	leal	-DIRECT_PKRU_KERNEL(%rax), %ecx
	jecxz	1f
	ud2
1:	movl	$\site, %ecx
	jmp	gate_keys
	.endm

	.macro stub_open site
	.org	gate_stubs_open + \site * GATE_STUB_OPEN, 0xcc
	movl	$\site, %ecx
	jmp	gate_open
	.endm

	.text
	.globl gate_stubs_keys, gate_stubs_open, gate_stubs_end
	.balign	64
gate_stubs_keys:
	.set	n, 0
	.rept	KAP_GATE_SITES
	stub_keys n
	.set	n, n + 1
	.endr
	.org	gate_stubs_keys + KAP_GATE_SITES * GATE_STUB_KEYS, 0xcc
gate_stubs_open:
	.set	n, 0
	.rept	KAP_GATE_SITES
	stub_open n
	.set	n, n + 1
	.endr
	.org	gate_stubs_open + KAP_GATE_SITES * GATE_STUB_OPEN, 0xcc
gate_stubs_end:

	.globl gate_find, gate_find_only
	.globl gate_open, gate_moved, gate_flags, gate_stack, gate_entered
gate_open:
	movq	%rdx, %r11
gate_moved:
gate_keys:
	lahf
	seto	%al
gate_flags:
	jmp	*gate_finder(%rip)
gate_find:
	movl	$KAP_GETCPU_SELECTOR, %edx
	lsl	%edx, %edx
	jnz	direct_bad
	shll	$DIRECT_USER_SHIFT, %edx
	addq	users_at(%rip), %rdx
	jmp	1f
gate_find_only:
	movq	users_at(%rip), %rdx
1:	movq	%rsp, DIRECT_USER_SP(%rdx)
	movq	DIRECT_USER_KSP(%rdx), %rsp
gate_stack:
	movq	DIRECT_USER_IN_USER(%rdx), %rdx
	movl	$0, (%rdx)
gate_entered:
	/* Kernel code from here on; rsp is where direct_enter() left it. */
	pushfq
	testl	$FLAGS_BAD, (%rsp)
	jnz	3f
2:	movq	8(%rsp), %rdx
	movq	DIRECT_USER_REGS(%rdx), %rdx
	movq	%r15, REGS_R15(%rdx)
	movq	%r14, REGS_R14(%rdx)
	movq	%r13, REGS_R13(%rdx)
	movq	%r12, REGS_R12(%rdx)
	movq	%rbp, REGS_BP(%rdx)
	movq	%rbx, REGS_BX(%rdx)
	movq	%r10, REGS_R10(%rdx)
	movq	%r9, REGS_R9(%rdx)
	movq	%r8, REGS_R8(%rdx)
	movq	%r11, REGS_DX(%rdx)
	movq	%rsi, REGS_SI(%rdx)
	movq	%rdi, REGS_DI(%rdx)
	/* The flags as they were: what LAHF and SETO saw, and of the rest what is there now. */
	popq	%r11
	andq	$~FLAGS_SHOWN, %r11
	movzbl	%al, %r8d
	shll	$FLAG_OF_SHIFT, %r8d
	shrl	$8, %eax
	andl	$FLAGS_LAHF, %eax
	orl	%r8d, %eax
	orq	%rax, %r11
	movq	%r11, REGS_FLAGS(%rdx)
	movq	%r11, REGS_R11(%rdx)
	movl	%ecx, %edi
	movq	(%rsp), %rsi
	xorl	%ebp, %ebp
	call	gate_trap
	jmp	direct_left
3:	pushq	$2
	popfq
	jmp	2b

	.section .rodata
	.balign	8
users_at:
	.quad	direct_users

	.section .note.GNU-stack, "", @progbits
