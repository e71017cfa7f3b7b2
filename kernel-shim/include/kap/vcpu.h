/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 3: traps and the vCPU page.
 */
/* clang-format off */
#ifndef KAP_VCPU_H
#define KAP_VCPU_H

#include <kap/abi.h>
#include <kap/park.h>
#include <kap/regs.h>

enum kap_trap_kind {
	KAP_TRAP_DOORBELL	= 0,	/* look at kap_vcpu.pending */
	KAP_TRAP_SYSCALL	= 1,	/* number in regs.orig_ax */
	KAP_TRAP_FAULT		= 2,	/* page fault: addr, error */
	KAP_TRAP_EXCEPTION	= 3,	/* any other: nr, code, addr */
	KAP_TRAP_DEAD		= 4,	/* the host killed the runner: the space is lost */
};

/*
 * x86 exception numbers that a trap carries in nr (Intel SDM vol. 3, 6.3.1).
 */
enum kap_exception {
	KAP_EXC_DE = 0, KAP_EXC_DB = 1, KAP_EXC_BP = 3, KAP_EXC_OF = 4, KAP_EXC_BR = 5,
	KAP_EXC_UD = 6, KAP_EXC_NP = 11, KAP_EXC_SS = 12, KAP_EXC_GP = 13, KAP_EXC_PF = 14,
	KAP_EXC_MF = 16, KAP_EXC_AC = 17, KAP_EXC_MC = 18, KAP_EXC_XF = 19,
};

/* Page-fault error bits (Intel SDM vol. 3, 4.7), as far as an engine knows them. */
#define KAP_PF_PRESENT		0x01
#define KAP_PF_WRITE		0x02
#define KAP_PF_USER		0x04
#define KAP_PF_EXEC		0x10
#define KAP_PF_UNSURE		0x10000	/* read or write? a wrong guess comes again */

/* How a system call has come. */
#define KAP_CALL_SLOW		0	/* by way of the host */
#define KAP_CALL_GATE		1	/* through a gate (gate.h) */

struct kap_trap {
	kap_u32 kind;		/* enum kap_trap_kind */
	kap_u32 nr;		/* enum kap_exception; of a system call: KAP_CALL_* */
	kap_u64 error;		/* KAP_PF_* */
	kap_u64 addr;		/* fault address */
	kap_s32 signo;		/* host signal that told of it, 0 when none */
	kap_s32 code;		/* its si_code */
};

/* Bits of kap_vcpu.pending. */
#define KAP_BELL_TIMER		(1u << 0)	/* deadline reached */
#define KAP_BELL_DEV		(1u << 1)	/* kap_vcpu.dev_pending is not 0 */
#define KAP_BELL_IPI		(1u << 2)	/* another vCPU: kap_vcpu.ipi is not 0 */
#define KAP_BELL_PARK		(1u << 3)	/* the monitor wants this vCPU parked */
#define KAP_BELL_POWER		(1u << 4)	/* the monitor asks for an orderly power-off */
#define KAP_BELL_SHIM		(1u << 5)	/* between shims; the kernel never sees it */

enum kap_vcpu_state {
	KAP_VCPU_OFF		= 0,
	KAP_VCPU_KERNEL		= 1,
	KAP_VCPU_USER		= 2,
	KAP_VCPU_IDLE		= 3,
	KAP_VCPU_PARKED		= 4,
};

/*
 * One per vCPU, at KAP_PHYS_VCPU + n * KAP_VCPU_STRIDE.
 *
 * Ringing a doorbell: set what it is about (dev_pending, ipi), then the bit in
 * pending (atomic OR, release); if the bit was clear, send signal
 * KAP_BELL_SIGNAL to thread (host_pid, host_tid), which are read as one word: on the direct engine
 * they change. That ends an idle wait, a host call and
 * guest user code alike. For a vCPU whose state is KAP_VCPU_IDLE or KAP_VCPU_OFF after the
 * OR (a full barrier), waking the futex is enough. The vCPU takes pending with an atomic exchange
 * (acquire) and only then looks at the words that it announces.
 */
#define KAP_BELL_SIGNAL		10	/* SIGUSR1 */
#define KAP_TIMER_SIGNAL	14	/* SIGALRM */

struct kap_vcpu {
	/* written by anyone, atomically */
	kap_u32 pending;		/* KAP_BELL_*; also the futex of an idle vCPU */
	kap_u32 ipi;			/* meaning is the guest kernel's */
	kap_u64 dev_pending;		/* bit n: device slot n has an interrupt */

	/* written by the monitor */
	kap_u32 place;			/* host CPU to run on, plus 1; 0: any */
	kap_u32 pad0;
	kap_u64 steal_ns;		/* how long it waited for a host CPU, up to now */
	kap_u64 pad1[4];

	/* written by the vCPU, read by the monitor */
	kap_u32 state;			/* enum kap_vcpu_state */
	kap_u32 space;			/* number of the current space */
	union {
		struct {
			kap_s32 host_pid;	/* thread to signal; 0 until the vCPU runs */
			kap_s32 host_tid;
		};
		kap_u64 host_thread;		/* both, to be read and written as one */
	};
	kap_s32 runner_tid;		/* host thread of its user code; 0: none */
	kap_s32 home_tid;		/* its thread of space 0; 0 until it runs */
	kap_u64 deadline_ns;		/* as in kap_time; ~0: none */
	kap_u64 idle_ns;
	kap_u64 nr_traps;
	kap_u64 nr_faults;
	kap_u64 nr_bells;

	/* filled when the vCPU has crashed, or another one that stops it has; saved_valid last */
	struct kap_regs saved;
	struct kap_trap saved_trap;
	kap_u32 saved_valid;

	struct kap_park park;
};

#endif
