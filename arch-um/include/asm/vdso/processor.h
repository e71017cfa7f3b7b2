/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting in a loop, for kernel and vDSO. */
#ifndef _ASM_KAP_VDSO_PROCESSOR_H
#define _ASM_KAP_VDSO_PROCESSOR_H

#ifndef __ASSEMBLY__

#ifndef BUILD_VDSO
/* smp.c: gives the host CPU away now and then. kap/machine.h says when that is of use. */
extern int kap_crowded;
extern void kap_crowded_relax(void);
#endif

static __always_inline void cpu_relax(void)
{
	asm volatile("pause" ::: "memory");
#ifndef BUILD_VDSO
	if (__builtin_expect(kap_crowded, 0))
		kap_crowded_relax();
#endif
}

struct getcpu_cache;
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, struct getcpu_cache *unused);

#endif
#endif
