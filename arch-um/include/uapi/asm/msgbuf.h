/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Message queue status: x86-64's. */
#ifndef _UAPI_ASM_KAP_MSGBUF_H
#define _UAPI_ASM_KAP_MSGBUF_H

#include <x86/include/uapi/asm/msgbuf.h>

#endif
