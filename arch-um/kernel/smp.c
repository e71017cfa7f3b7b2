// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs beside the first. Calls between CPUs are doorbells; starting a second
 * CPU is not made yet: only CPU 0 is possible.
 */
#include <linux/cpu.h>
#include <linux/smp.h>
#include <linux/irq_work.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <asm/smp.h>
#include <kap/machine.h>

void kap_send_ipi(unsigned int cpu, unsigned int what)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	unsigned int old, word = READ_ONCE(vcpu->ipi);
	unsigned long flags;

	do {
		old = word;
		word = cmpxchg(&vcpu->ipi, old, old | (1u << what));
	} while (word != old);

	/* A ring to this CPU itself is noticed when interrupts come on. */
	local_irq_save(flags);
	kap_ring_vcpu(cpu, KAP_BELL_IPI);
	local_irq_restore(flags);
}

void kap_handle_ipi(void)
{
	u32 what = xchg(&kap_vcpu(smp_processor_id())->ipi, 0);

	if (what & (1u << KAP_IPI_RESCHEDULE)) {
		__this_cpu_inc(irq_stat.resched_irqs);
		scheduler_ipi();
	}
	if (what & (1u << KAP_IPI_CALL)) {
		__this_cpu_inc(irq_stat.call_irqs);
		generic_smp_call_function_interrupt();
	}
	if (what & (1u << KAP_IPI_IRQ_WORK)) {
		__this_cpu_inc(irq_stat.work_irqs);
		irq_work_run();
	}
}

void arch_smp_send_reschedule(int cpu)
{
	kap_send_ipi(cpu, KAP_IPI_RESCHEDULE);
}

void arch_send_call_function_single_ipi(int cpu)
{
	kap_send_ipi(cpu, KAP_IPI_CALL);
}

void arch_send_call_function_ipi_mask(const struct cpumask *mask)
{
	int cpu;

	for_each_cpu (cpu, mask)
		kap_send_ipi(cpu, KAP_IPI_CALL);
}

#ifdef CONFIG_IRQ_WORK
void arch_irq_work_raise(void)
{
	kap_send_ipi(smp_processor_id(), KAP_IPI_IRQ_WORK);
}
#endif

void smp_send_stop(void)
{
}

void __init setup_smp(void)
{
	set_cpu_possible(0, true);
}

void __init smp_prepare_boot_cpu(void)
{
}

void __init smp_prepare_cpus(unsigned int max_cpus)
{
	set_cpu_present(0, true);
}

int __cpu_up(unsigned int cpu, struct task_struct *idle)
{
	return -ENOSYS;
}

void __init smp_cpus_done(unsigned int max_cpus)
{
}
