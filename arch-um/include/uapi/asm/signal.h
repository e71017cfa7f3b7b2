/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Signal numbers and actions: x86-64's. */
#ifndef _UAPI_ASM_KAP_SIGNAL_H
#define _UAPI_ASM_KAP_SIGNAL_H

#include <x86/include/uapi/asm/signal.h>

#endif
