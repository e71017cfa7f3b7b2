// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single instructions that need a process for themselves: of text that must not stay executable.
 * The processor's trap flag ends them; what is mapped for them is gone before anybody enters again,
 * because who enters carries the queue out first.
 */
#include <kap/step.h>
#include "engine/direct.h"
#include "lock.h"

#define FLAG_TF 0x100ULL
#define TRAP_TRACE 2 /* si_code (sigaction(2)) */

/* Whoever comes now sees `stepper`, and turns round; the others are asked to come out. */
static void empty(struct kap_shell *shell, kap_u32 me)
{
	kap_u32 cpu;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (load_acquire(&shell->nr_users)) {
		for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++)
			if (cpu != me && direct_here[cpu] == shell)
				kap_ring_vcpu(cpu, KAP_BELL_SHIM);
		/* One of them may be waiting for this one. */
		fpu_serve(me);
		kap_relax();
	}
}

void kap_step_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		   struct kap_trap *trap, const struct kap_step_page *page, kap_u32 nr_pages)
{
	struct kap_shell *shell = space->shell;
	kap_u32 cpu = this_stack()->cpu, none = 0, i;
	kap_u64 own = regs->flags & FLAG_TF;

	zero(trap, sizeof(*trap));
	trap->kind = KAP_TRAP_DOORBELL;
	if (!__atomic_compare_exchange_n(&shell->stepper, &none, cpu + 1, 0, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED)) {
		kap_relax();
		return;
	}
	empty(shell, cpu);
	take_lock(&shell->lock);
	for (i = 0; i < nr_pages; i++)
		kap_space_map(space, page[i].va, page[i].phys, KAP_PAGE_SIZE,
			      KAP_PROT_READ | KAP_PROT_EXEC);
	drop_lock(&shell->lock);
	direct_run(space, regs, fpu, trap, FLAG_TF & ~own);
	take_lock(&shell->lock);
	for (i = 0; i < nr_pages; i++)
		kap_space_unmap(space, page[i].va, KAP_PAGE_SIZE);
	drop_lock(&shell->lock);
	store_release(&shell->stepper, 0u);
	if (!own && trap->kind == KAP_TRAP_EXCEPTION && trap->nr == KAP_EXC_DB &&
	    trap->code == TRAP_TRACE)
		trap->kind = KAP_TRAP_DOORBELL;
}
