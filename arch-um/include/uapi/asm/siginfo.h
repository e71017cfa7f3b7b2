/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Signal information: x86-64's. */
#ifndef _UAPI_ASM_KAP_SIGINFO_H
#define _UAPI_ASM_KAP_SIGINFO_H

#include <x86/include/uapi/asm/siginfo.h>

#endif
