/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing special: 4 KiB mappings in the vmalloc area. */
#ifndef _ASM_KAP_VMALLOC_H
#define _ASM_KAP_VMALLOC_H
#endif
