/* SPDX-License-Identifier: GPL-2.0-only */
/* Several CPUs: who runs here, and how they call each other. */
#ifndef _ASM_KAP_SMP_H
#define _ASM_KAP_SMP_H

#include <linux/cpumask.h>
#include <asm/thread_info.h>

#define raw_smp_processor_id()	(READ_ONCE(current_thread_info()->cpu))

/* Bits of kap_vcpu.ipi. */
#define KAP_IPI_RESCHEDULE	0
#define KAP_IPI_CALL		1
#define KAP_IPI_IRQ_WORK	2
#define KAP_IPI_STOP		3

extern void kap_send_ipi(unsigned int cpu, unsigned int what);
extern void kap_handle_ipi(void);
extern void arch_send_call_function_single_ipi(int cpu);
extern void arch_send_call_function_ipi_mask(const struct cpumask *mask);
extern void setup_smp(void);
extern int __cpu_disable(void);
extern void __cpu_die(unsigned int cpu);

#endif
