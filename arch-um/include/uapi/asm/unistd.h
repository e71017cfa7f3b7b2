/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* System call numbers: x86-64's, for the kernel build as well. */
#ifndef _UAPI_ASM_KAP_UNISTD_H
#define _UAPI_ASM_KAP_UNISTD_H

#include <x86/include/uapi/asm/unistd.h>
#include <asm/unistd_64.h>

#endif
