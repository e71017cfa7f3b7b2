/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Auxiliary vector entries: x86-64's. */
#ifndef _UAPI_ASM_KAP_AUXVEC_H
#define _UAPI_ASM_KAP_AUXVEC_H

#include <x86/include/uapi/asm/auxvec.h>

#endif
