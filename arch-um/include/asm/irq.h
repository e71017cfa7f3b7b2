/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt numbers: one per virtio device slot. */
#ifndef _ASM_KAP_IRQ_H
#define _ASM_KAP_IRQ_H

#include <kap/abi.h>

#define KAP_IRQ_DEV0	16
#define NR_IRQS		(KAP_IRQ_DEV0 + KAP_MAX_DEVS)

extern void __init init_IRQ(void);

#endif
