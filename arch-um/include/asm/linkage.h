/* SPDX-License-Identifier: GPL-2.0-only */
/* Alignment of assembly functions. */
#ifndef _ASM_KAP_LINKAGE_H
#define _ASM_KAP_LINKAGE_H

#define __ALIGN		.p2align 4, 0x90
#define __ALIGN_STR	".p2align 4, 0x90"

#endif
