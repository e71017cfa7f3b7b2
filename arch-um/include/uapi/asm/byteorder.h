/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Byte order: x86-64's. */
#ifndef _UAPI_ASM_KAP_BYTEORDER_H
#define _UAPI_ASM_KAP_BYTEORDER_H

#include <x86/include/uapi/asm/byteorder.h>

#endif
