/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Shared memory status: x86-64's. */
#ifndef _UAPI_ASM_KAP_SHMBUF_H
#define _UAPI_ASM_KAP_SHMBUF_H

#include <x86/include/uapi/asm/shmbuf.h>

#endif
