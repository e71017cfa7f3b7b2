/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Size of a long: x86-64's. */
#ifndef _UAPI_ASM_KAP_BITSPERLONG_H
#define _UAPI_ASM_KAP_BITSPERLONG_H

#include <x86/include/uapi/asm/bitsperlong.h>

#endif
