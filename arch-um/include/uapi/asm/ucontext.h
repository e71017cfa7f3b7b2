/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* User context in a signal frame: x86-64's. */
#ifndef _UAPI_ASM_KAP_UCONTEXT_H
#define _UAPI_ASM_KAP_UCONTEXT_H

#include <x86/include/uapi/asm/ucontext.h>

#endif
