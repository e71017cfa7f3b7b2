/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Semaphore status: x86-64's. */
#ifndef _UAPI_ASM_KAP_SEMBUF_H
#define _UAPI_ASM_KAP_SEMBUF_H

#include <x86/include/uapi/asm/sembuf.h>

#endif
