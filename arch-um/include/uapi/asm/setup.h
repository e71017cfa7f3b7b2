/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Boot parameters: x86-64's. */
#ifndef _UAPI_ASM_KAP_SETUP_H
#define _UAPI_ASM_KAP_SETUP_H

#include <x86/include/uapi/asm/setup.h>

#endif
