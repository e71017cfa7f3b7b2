/* SPDX-License-Identifier: GPL-2.0-only */
/* The 5-byte no-operation that jump labels start from. */
#ifndef _ASM_KAP_NOPS_H
#define _ASM_KAP_NOPS_H

#define BYTES_NOP5	0x0f, 0x1f, 0x44, 0x00, 0x00

#endif
