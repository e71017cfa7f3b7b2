/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Requests of ptrace: x86-64's. */
#ifndef _UAPI_ASM_KAP_PTRACE_ABI_H
#define _UAPI_ASM_KAP_PTRACE_ABI_H

#include <x86/include/uapi/asm/ptrace-abi.h>

#endif
