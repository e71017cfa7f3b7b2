/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts are off when a word at the base of the stack says so: no host call
 * is needed. The word travels with the stack, which is right because a
 * context switch happens with interrupts off on both sides.
 */
#ifndef _ASM_KAP_IRQFLAGS_H
#define _ASM_KAP_IRQFLAGS_H

#include <asm/thread_info.h>
#include <asm/processor-flags.h>
#include <kap/machine.h>

/* Handles what rang meanwhile; like an interrupt at this place. */
extern void kap_poll_doorbell(void);

static __always_inline unsigned long arch_local_save_flags(void)
{
	return READ_ONCE(current_thread_info()->irqs_off) ? 0 : X86_EFLAGS_IF;
}

static __always_inline void arch_local_irq_disable(void)
{
	WRITE_ONCE(current_thread_info()->irqs_off, 1);
	barrier();
}

static __always_inline void arch_local_irq_enable(void)
{
	struct thread_info *ti = current_thread_info();

	barrier();
	WRITE_ONCE(ti->irqs_off, 0);
	barrier();
	/* A bell that rings from here on interrupts by itself. */
	if (unlikely(READ_ONCE(kap_vcpu(READ_ONCE(ti->cpu))->pending)))
		kap_poll_doorbell();
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	arch_local_irq_disable();
	return flags;
}

static __always_inline bool arch_irqs_disabled_flags(unsigned long flags)
{
	return !(flags & X86_EFLAGS_IF);
}

static __always_inline bool arch_irqs_disabled(void)
{
	return arch_irqs_disabled_flags(arch_local_save_flags());
}

static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	if (!arch_irqs_disabled_flags(flags))
		arch_local_irq_enable();
}

#endif
