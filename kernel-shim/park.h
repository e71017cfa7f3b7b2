/* SPDX-License-Identifier: GPL-2.0-only */
/* Between park.c, the signal handlers and the engine. */
#ifndef SHIM_PARK_H
#define SHIM_PARK_H

#include "shim.h"

/*
 * Code that runs in a host signal handler: a breakpoint here could not be reported, the host
 * would end the process. The monitor refuses them in this section.
 */
#define handler_code __attribute__((noinline, section("kap_handlers")))
extern char __start_kap_handlers[], __stop_kap_handlers[];

/* The shim's part of the control page's info. */
void park_setup(void);

/* Parks the calling vCPU, where it is, when the monitor wants to know of such moments. */
void park_for(enum kap_park_why why);

/* ---- in the handlers: uc is the interrupted kernel code ---- */

/* KAP_PARK_SIGNAL. */
void park_asked(struct host_ucontext *uc);

/* A trap of kernel code, with KAP_DEBUG_ON. False: it is the kernel's own. */
int park_trap(struct host_ucontext *uc, const struct host_siginfo *info);

/* The vCPU has made its step: into the handler of a fault. */
void park_stepped(struct host_ucontext *uc);

/* Doorbells wait while the vCPU makes one step. */
int park_stepping(kap_u32 cpu);

/* On a way on which the host thread changes: TF is the thread's. */
void park_pause_step(kap_u32 cpu);
void park_resume_step(kap_u32 cpu);

/* signal.c: a doorbell came while interrupts were on: the code goes on at the vector. */
void signal_deliver_bells(struct host_ucontext *uc);

/* signal.c: the address may be one of a kernel stack. */
int signal_on_kernel_stack(kap_u64 sp);

/* signal.c: registers as the contract has them, and back. */
void signal_fill_regs(struct kap_regs *r, const struct host_ucontext *uc, int irqs_off);
void signal_take_regs(struct host_ucontext *uc, const struct kap_regs *r);

/*
 * ---- in the engine, on a kernel stack: user code of this vCPU stands at regs.
 */

/* Steps and points of user code have to be looked at before and after it runs. */
extern kap_u32 park_watched[KAP_MAX_VCPUS];

/* Before user code runs: reports that a step has led to it. 1: it is to make one step only. */
int park_enter_user(struct kap_regs *regs, struct kap_fpu *fpu);

/* After it: true when the trap was the debugger's business. It is to be run again then. */
int park_left_user(struct kap_regs *regs, struct kap_fpu *fpu, const struct kap_trap *trap,
		   kap_u64 status);

/* The monitor has asked while user code ran. */
void park_after_user(struct kap_regs *regs, struct kap_fpu *fpu, const struct kap_trap *trap);

/* User code has trapped into the kernel; `back` is where the kernel goes on. */
void park_into_kernel(const struct kap_regs *regs, void *back);

#endif
