/* SPDX-License-Identifier: GPL-2.0-only */
/* Signal sets inside the kernel: x86-64's. */
#ifndef _ASM_KAP_SIGNAL_H
#define _ASM_KAP_SIGNAL_H

#include <x86/include/asm/signal.h>

#endif
