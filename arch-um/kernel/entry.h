/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways into the kernel, between the files of this folder. */
#ifndef KAP_KERNEL_ENTRY_H
#define KAP_KERNEL_ENTRY_H

#include <linux/compiler.h>
#include <kap/machine.h>

struct pt_regs;
struct task_struct;

void kap_task_start(void);
void __noreturn kap_ret_from_fork(struct task_struct *prev, int (*fn)(void *), void *arg);

/* Runs the current task's user code; its traps are handled from here. Never returns. */
void __noreturn kap_user_loop(void);

/* irq.c: everything that rang on this CPU; interrupts off, entry accounting done. */
void kap_handle_bells(struct pt_regs *regs);

/* time.c */
void kap_timer_interrupt(void);
void setup_cpu_timer(void);

/* mm/fault.c */
bool kap_user_fault_fast(struct pt_regs *regs, const struct kap_trap *trap);
void kap_user_fault(struct pt_regs *regs, const struct kap_trap *trap);
bool kap_kernel_fault(struct pt_regs *regs, const struct kap_trap *trap);

/* x86/traps.c */
void kap_user_exception(struct pt_regs *regs, const struct kap_trap *trap);

#endif
