/* SPDX-License-Identifier: GPL-2.0-only */
/* Queued locks. */
#ifndef _ASM_KAP_SPINLOCK_H
#define _ASM_KAP_SPINLOCK_H

#include <asm/qspinlock.h>
#include <asm/qrwlock.h>

#endif
