/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* ELF notes of a core file: x86-64's. */
#ifndef _UAPI_ASM_KAP_ELF_H
#define _UAPI_ASM_KAP_ELF_H

#include <x86/include/uapi/asm/elf.h>

#endif
