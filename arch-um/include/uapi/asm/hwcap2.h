/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Bits of AT_HWCAP2: x86-64's. */
#ifndef _UAPI_ASM_KAP_HWCAP2_H
#define _UAPI_ASM_KAP_HWCAP2_H

#include <x86/include/uapi/asm/hwcap2.h>

#endif
