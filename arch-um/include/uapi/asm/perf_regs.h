/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Register numbers of perf samples: x86-64's. */
#ifndef _UAPI_ASM_KAP_PERF_REGS_H
#define _UAPI_ASM_KAP_PERF_REGS_H

#include <x86/include/uapi/asm/perf_regs.h>

#endif
