/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* File system status: x86-64's. */
#ifndef _UAPI_ASM_KAP_STATFS_H
#define _UAPI_ASM_KAP_STATFS_H

#include <x86/include/uapi/asm/statfs.h>

#endif
