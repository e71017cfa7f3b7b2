/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting in a loop, for kernel and vDSO. */
#ifndef _ASM_KAP_VDSO_PROCESSOR_H
#define _ASM_KAP_VDSO_PROCESSOR_H

#ifndef __ASSEMBLY__

static __always_inline void cpu_relax(void)
{
	asm volatile("pause" ::: "memory");
}

struct getcpu_cache;
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, struct getcpu_cache *unused);

#endif
#endif
