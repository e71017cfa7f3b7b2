/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernel writes the clock data of the vDSO. */
#ifndef _ASM_KAP_VDSO_VSYSCALL_H
#define _ASM_KAP_VDSO_VSYSCALL_H

#ifndef __ASSEMBLY__

#include <linux/timekeeper_internal.h>
#include <vdso/datapage.h>
#include <asm/vdso.h>

extern union vdso_data_store kap_vvar;

static __always_inline struct vdso_data *kap_k_vdso_data(void)
{
	return kap_vvar.data;
}
#define __arch_get_k_vdso_data kap_k_vdso_data

static __always_inline struct vdso_rng_data *kap_k_vdso_rng_data(void)
{
	return (struct vdso_rng_data *)(kap_vvar.page + VVAR_RNG_OFFSET);
}
#define __arch_get_k_vdso_rng_data kap_k_vdso_rng_data

#include <asm-generic/vdso/vsyscall.h>

#endif
#endif
