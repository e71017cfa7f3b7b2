/* SPDX-License-Identifier: GPL-2.0-only */
/* A CPU can ring itself. */
#ifndef _ASM_KAP_IRQ_WORK_H
#define _ASM_KAP_IRQ_WORK_H

static inline bool arch_irq_work_has_interrupt(void)
{
	return true;
}

#endif
