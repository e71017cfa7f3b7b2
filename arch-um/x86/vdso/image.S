/* SPDX-License-Identifier: GPL-2.0-only */
/* The vDSO in whole pages of the kernel image, from where they are mapped into programs. */
#include <linux/linkage.h>
#include <asm/page.h>

	.section .rodata, "a", @progbits
	.balign PAGE_SIZE
	.globl kap_vdso_start, kap_vdso_end
kap_vdso_start:
	.incbin "arch/kap/x86/vdso/vdso.so"
	.balign PAGE_SIZE
kap_vdso_end:

	.section .note.GNU-stack, "", @progbits
