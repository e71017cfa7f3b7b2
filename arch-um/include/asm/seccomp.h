/* SPDX-License-Identifier: GPL-2.0-only */
/* System call filters: x86-64's numbers, and no other architecture beside it. */
#ifndef _ASM_KAP_SECCOMP_H
#define _ASM_KAP_SECCOMP_H

#include <asm/unistd.h>
#include <asm-generic/seccomp.h>

#define SECCOMP_ARCH_NATIVE		AUDIT_ARCH_X86_64
#define SECCOMP_ARCH_NATIVE_NR		NR_syscalls
#define SECCOMP_ARCH_NATIVE_NAME	"x86_64"

#endif
