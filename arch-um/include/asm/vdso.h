/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vDSO: code of the kernel that programs call in user mode, and the
 * read-only pages that it looks at. In memory, from low to high:
 *
 *	page 0	the kernel's clock data (in a time namespace: that namespace's offsets)
 *	page 1	in a time namespace: the kernel's clock data; otherwise nothing
 *	page 2	the machine's time page
 *	then	the vDSO itself, from its ELF header on
 */
#ifndef _ASM_KAP_VDSO_H
#define _ASM_KAP_VDSO_H

#define VVAR_PAGE_DATA		0
#define VVAR_PAGE_TIMENS	1
#define VVAR_PAGE_TIME		2
#define VVAR_PAGES		3

/* Offsets in page 0 behind the generic clock data. */
#define VVAR_RNG_OFFSET		1024
#define VVAR_KAP_OFFSET		2048

#ifndef __ASSEMBLY__

#include <linux/types.h>

/* This port's own data for the vDSO, all zero on the page of a time namespace. */
struct kap_vdso_info {
	u32 possible_cpus;
};

/* Maps the vDSO of a process that has none (any more) at addr; its size or -errno. */
extern long kap_map_vdso_at(unsigned long addr);

#endif
#endif
