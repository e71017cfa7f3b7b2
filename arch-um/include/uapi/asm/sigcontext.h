/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Registers in a signal frame: x86-64's. */
#ifndef _UAPI_ASM_KAP_SIGCONTEXT_H
#define _UAPI_ASM_KAP_SIGCONTEXT_H

#include <x86/include/uapi/asm/sigcontext.h>

#endif
