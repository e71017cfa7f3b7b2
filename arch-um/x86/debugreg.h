/* SPDX-License-Identifier: GPL-2.0-only */
/* Hardware breakpoints of traced tasks, for the files that run, trace and end them. */
#ifndef KAP_X86_DEBUGREG_H
#define KAP_X86_DEBUGREG_H

#include <linux/compiler.h>
#include <kap/machine.h>

struct task_struct;

/* Debug register nr as a tracer sees it, and sets it. */
unsigned long kap_get_debugreg(struct task_struct *task, unsigned int nr);
int kap_set_debugreg(struct task_struct *task, unsigned int nr, unsigned long value);

/* The task starts another program, or is gone. */
void kap_drop_debugregs(struct task_struct *task);

/* How many tasks have any; those that run user code ask only when there are some. */
extern unsigned int kap_debugged_tasks;

/* Around kap_run_user() for current; interrupts off. */
void kap_debug_enter_user(void);
void kap_debug_leave_user(const struct kap_trap *trap);

static inline bool kap_debugging(void)
{
	return unlikely(READ_ONCE(kap_debugged_tasks));
}

#endif
