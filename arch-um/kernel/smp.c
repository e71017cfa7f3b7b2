// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several CPUs: starting and stopping them, calls between them (doorbells), and waiting for each
 * other when the host has fewer CPUs than the guest.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/sched.h>
#include <linux/sched/hotplug.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>
#include <asm/irq_regs.h>
#include <asm/smp.h>
#include <kap/machine.h>

#include "entry.h"

/* ---- calls ---- */

void kap_send_ipi(unsigned int cpu, unsigned int what)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	unsigned long flags;

	/* A full barrier: what the call is about is seen by whoever takes the bit. */
	arch_atomic_or(1u << what, (atomic_t *)&vcpu->ipi);
	/* A ring to this CPU itself is noticed when interrupts come on. */
	local_irq_save(flags);
	kap_ring_vcpu(cpu, KAP_BELL_IPI);
	local_irq_restore(flags);
}

static void __noreturn stop_this_cpu(void)
{
	struct kap_vcpu *vcpu = kap_vcpu(smp_processor_id());
	struct pt_regs *regs = get_irq_regs();

	local_irq_disable();
	/* Where it was, for the report and for dumps. */
	if (regs) {
		vcpu->saved = *(struct kap_regs *)regs;
		smp_store_release(&vcpu->saved_valid, 1);
	}
	set_cpu_online(smp_processor_id(), false);
	kap_set_deadline(smp_processor_id(), ~0ULL);
	for (;;) {
		kap_idle(smp_processor_id());
		/* Also what other vCPUs want of this one's runners. */
		kap_take_pending(smp_processor_id());
	}
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
	if (what & (1u << KAP_IPI_STOP))
		stop_this_cpu();
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
	u64 end = kap_now() + NSEC_PER_SEC;
	int cpu;

	for_each_online_cpu (cpu)
		if (cpu != raw_smp_processor_id())
			kap_send_ipi(cpu, KAP_IPI_STOP);
	/* One that has interrupts off will never answer; the end does not wait for it. */
	while (num_online_cpus() > 1 && kap_now() < end)
		cpu_relax();
}

/* ---- starting and stopping ---- */

static DECLARE_COMPLETION(started);

/* The idle task of a new CPU, interrupts off. */
static void secondary_start(void)
{
	unsigned int cpu = smp_processor_id();

	mmgrab(&init_mm);
	current->active_mm = &init_mm;
	notify_cpu_starting(cpu);
	setup_cpu_timer();
	set_cpu_online(cpu, true);
	complete(&started);
	local_irq_enable();
	cpu_startup_entry(CPUHP_AP_ONLINE_IDLE);
}

int __cpu_up(unsigned int cpu, struct task_struct *idle)
{
	unsigned long flags;
	int err;

	/* irqs_off and cpu of the stack are the shim's to set. */
	local_irq_save(flags);
	err = kap_vcpu_start(cpu, task_stack_page(idle), secondary_start);
	local_irq_restore(flags);
	if (err) {
		pr_err("kap: no host thread for CPU %u (error %d); raise the limit (ulimit -u)\n",
		       cpu, err);
		return err;
	}
	wait_for_completion(&started);
	return 0;
}

void __init smp_prepare_boot_cpu(void)
{
}

void __init setup_smp(void)
{
	unsigned int cpu, nr = kap_boot_info()->nr_cpus;

	if (nr > NR_CPUS) {
		pr_warn("kap: %u CPUs, but this kernel can do with %u only\n", nr, NR_CPUS);
		nr = NR_CPUS;
	}
	for (cpu = 0; cpu < nr; cpu++)
		set_cpu_possible(cpu, true);
}

void __init smp_prepare_cpus(unsigned int max_cpus)
{
	unsigned int cpu;

	for_each_possible_cpu (cpu)
		set_cpu_present(cpu, cpu == 0 || max_cpus);
}

void __init smp_cpus_done(unsigned int max_cpus)
{
}

#ifdef CONFIG_HOTPLUG_CPU

bool arch_cpu_is_hotpluggable(int cpu)
{
	/* The devices' interrupts go to CPU 0. */
	return cpu > 0;
}

int __cpu_disable(void)
{
	if (!smp_processor_id())
		return -EBUSY;
	set_cpu_online(smp_processor_id(), false);
	return 0;
}

/* The core waits by itself until the CPU has reported its end. */
void __cpu_die(unsigned int cpu)
{
}

void arch_cpuhp_cleanup_dead_cpu(unsigned int cpu)
{
}

void __noreturn arch_cpu_idle_dead(void)
{
	idle_task_exit();
	local_irq_disable();
	cpuhp_ap_report_dead();
	kap_vcpu_stop();
}

#else

void __noreturn arch_cpu_idle_dead(void)
{
	for (;;)
		kap_idle(smp_processor_id());
}

#endif

/* ---- vCPUs that share host CPUs ---- */

#define SPINS 32

/*
 * What is waited for may be about a vCPU that has no host CPU while this one spins on it. The count
 * may be off by an interrupt's; it only spaces the calls out.
 */
noinstr void kap_crowded_relax(void)
{
	static struct {
		unsigned int count;
	} ____cacheline_aligned spins[NR_CPUS];
	unsigned int *count = &spins[raw_smp_processor_id()].count;

	if (++*count % SPINS == 0)
		kap_relax();
}
EXPORT_SYMBOL(kap_crowded);
EXPORT_SYMBOL(kap_crowded_relax);
