/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt counters that /proc/interrupts shows. */
#ifndef _ASM_KAP_HARDIRQ_H
#define _ASM_KAP_HARDIRQ_H

#include <linux/threads.h>

typedef struct {
	unsigned int __softirq_pending;
	unsigned int timer_irqs;
	unsigned int resched_irqs;
	unsigned int call_irqs;
	unsigned int work_irqs;
} ____cacheline_aligned irq_cpustat_t;

DECLARE_PER_CPU_SHARED_ALIGNED(irq_cpustat_t, irq_stat);
#define __ARCH_IRQ_STAT
#define local_softirq_pending_ref	irq_stat.__softirq_pending

#include <linux/irq.h>

static inline void ack_bad_irq(unsigned int irq)
{
}

#endif
