/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Debug register bits: x86-64's. */
#ifndef _UAPI_ASM_KAP_DEBUGREG_H
#define _UAPI_ASM_KAP_DEBUGREG_H

#include <x86/include/uapi/asm/debugreg.h>

#endif
