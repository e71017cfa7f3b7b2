/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* File status: x86-64's. */
#ifndef _UAPI_ASM_KAP_STAT_H
#define _UAPI_ASM_KAP_STAT_H

#include <x86/include/uapi/asm/stat.h>

#endif
