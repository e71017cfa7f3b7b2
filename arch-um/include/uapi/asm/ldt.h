/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Arguments of modify_ldt: x86-64's. */
#ifndef _UAPI_ASM_KAP_LDT_H
#define _UAPI_ASM_KAP_LDT_H

#include <x86/include/uapi/asm/ldt.h>

#endif
