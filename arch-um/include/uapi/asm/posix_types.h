/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Kernel's basic user types: x86-64's. */
#ifndef _UAPI_ASM_KAP_POSIX_TYPES_H
#define _UAPI_ASM_KAP_POSIX_TYPES_H

#include <x86/include/uapi/asm/posix_types_64.h>

#endif
