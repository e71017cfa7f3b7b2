// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells as Linux interrupts. */
#include <linux/irq.h>
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/seq_file.h>
#include <linux/reboot.h>
#include <linux/entry-common.h>
#include <asm/irq_regs.h>
#include <asm/smp.h>

#include "entry.h"

DEFINE_PER_CPU_SHARED_ALIGNED(irq_cpustat_t, irq_stat);
EXPORT_PER_CPU_SYMBOL(irq_stat);

/* The shim's; every module that turns interrupts on calls it. */
EXPORT_SYMBOL(kap_poll_doorbell);

static void device_bells(struct kap_vcpu *vcpu)
{
	u64 slots = xchg(&vcpu->dev_pending, 0);

	while (slots) {
		unsigned int slot = __ffs64(slots);

		slots &= slots - 1;
		generic_handle_irq(KAP_IRQ_DEV0 + slot);
	}
}

void kap_handle_bells(struct pt_regs *regs)
{
	struct pt_regs *old = set_irq_regs(regs);
	unsigned int cpu = smp_processor_id();
	u32 bells = kap_take_pending(cpu);

	irq_enter_rcu();
	if (bells & KAP_BELL_TIMER)
		kap_timer_interrupt();
	if (bells & KAP_BELL_IPI)
		kap_handle_ipi();
	if (bells & KAP_BELL_DEV)
		device_bells(kap_vcpu(cpu));
	if (bells & KAP_BELL_POWER)
		orderly_poweroff(true);
	irq_exit_rcu();
	set_irq_regs(old);
}

static void no_op(struct irq_data *data)
{
}

static struct irq_chip kap_irq_chip = {
	.name		= "kap",
	.irq_mask	= no_op,
	.irq_unmask	= no_op,
};

void __init init_IRQ(void)
{
	int slot;

	for (slot = 0; slot < KAP_MAX_DEVS; slot++)
		irq_set_chip_and_handler(KAP_IRQ_DEV0 + slot, &kap_irq_chip, handle_simple_irq);
}

int __init arch_probe_nr_irqs(void)
{
	return NR_IRQS;
}

static void show_line(struct seq_file *p, int prec, const char *tag, size_t offset,
		      const char *what)
{
	int cpu;

	seq_printf(p, "%*s: ", prec, tag);
	for_each_online_cpu (cpu)
		seq_printf(p, "%10u ", *(unsigned int *)((char *)&per_cpu(irq_stat, cpu) + offset));
	seq_printf(p, "  %s\n", what);
}

int arch_show_interrupts(struct seq_file *p, int prec)
{
	show_line(p, prec, "TIM", offsetof(irq_cpustat_t, timer_irqs), "Timer interrupts");
	show_line(p, prec, "RES", offsetof(irq_cpustat_t, resched_irqs), "Rescheduling interrupts");
	show_line(p, prec, "CAL", offsetof(irq_cpustat_t, call_irqs), "Function call interrupts");
	show_line(p, prec, "IWI", offsetof(irq_cpustat_t, work_irqs), "IRQ work interrupts");
	return 0;
}
