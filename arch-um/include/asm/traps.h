/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions of user code. */
#ifndef _ASM_KAP_TRAPS_H
#define _ASM_KAP_TRAPS_H

struct pt_regs;
struct kap_trap;

/* Turns an exception into its signal. Interrupts on, may sleep. */
extern void kap_user_exception(struct pt_regs *regs, const struct kap_trap *trap);

/* One line in the log about a signal that will kill the program. */
extern void kap_show_signal(int sig, const char *what, struct pt_regs *regs);

#endif
