/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Bits of the flags register: x86-64's. */
#ifndef _UAPI_ASM_KAP_PROCESSOR_FLAGS_H
#define _UAPI_ASM_KAP_PROCESSOR_FLAGS_H

#include <x86/include/uapi/asm/processor-flags.h>

#endif
