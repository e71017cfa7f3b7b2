/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Codes of arch_prctl: x86-64's. */
#ifndef _UAPI_ASM_KAP_PRCTL_H
#define _UAPI_ASM_KAP_PRCTL_H

#include <x86/include/uapi/asm/prctl.h>

#endif
