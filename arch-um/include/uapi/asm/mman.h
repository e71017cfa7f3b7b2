/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Flags of mmap: x86-64's. */
#ifndef _UAPI_ASM_KAP_MMAN_H
#define _UAPI_ASM_KAP_MMAN_H

#include <x86/include/uapi/asm/mman.h>

#endif
