/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Byte swapping: x86-64's. */
#ifndef _UAPI_ASM_KAP_SWAB_H
#define _UAPI_ASM_KAP_SWAB_H

#include <x86/include/uapi/asm/swab.h>

#endif
