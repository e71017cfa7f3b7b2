/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Registers as ptrace knows them: x86-64's. */
#ifndef _UAPI_ASM_KAP_PTRACE_H
#define _UAPI_ASM_KAP_PTRACE_H

#include <x86/include/uapi/asm/ptrace.h>

#endif
