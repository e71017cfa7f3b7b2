/* SPDX-License-Identifier: GPL-2.0-only */
/* How the generic vDSO getrandom code gets its data, and asks the kernel. */
/* clang-format off */
#ifndef _ASM_KAP_VDSO_GETRANDOM_H
#define _ASM_KAP_VDSO_GETRANDOM_H

#ifndef __ASSEMBLY__

#include <asm/unistd.h>
#include <vdso/datapage.h>

/* Only in the vDSO: the data in a process of a time namespace. */
extern struct vdso_rng_data kap_vvar_timens_rng __attribute__((visibility("hidden")));

static __always_inline ssize_t getrandom_syscall(void *buffer, size_t len, unsigned int flags)
{
	long ret;

	asm volatile("syscall" : "=a" (ret)
		     : "0" ((long)__NR_getrandom), "D" (buffer), "S" (len), "d" ((long)flags)
		     : "rcx", "r11", "memory");
	return ret;
}

static __always_inline const struct vdso_rng_data *__arch_get_vdso_rng_data(void)
{
	if (IS_ENABLED(CONFIG_TIME_NS) && _vdso_data->clock_mode == VDSO_CLOCKMODE_TIMENS)
		return &kap_vvar_timens_rng;
	return &_vdso_rng_data;
}

#endif
#endif
