/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the direct engine's files. User code and the guest kernel share a host thread; the kernel
 * moves with its space: the vCPU hops to a runner of the process whose user code comes next.
 */
#ifndef SHIM_ENGINE_DIRECT_H
#define SHIM_ENGINE_DIRECT_H

/* PKRU: two bits for each key, access and write denied. Keys 3 and up are nobody's. */
#define DIRECT_KEY_KERNEL	1
#define DIRECT_KEY_BLOCKS	2
#define DIRECT_PKRU_KERNEL	0x55555540
#define DIRECT_PKRU_USER	0x55555564

/* struct direct_block */
#define DIRECT_SELECTOR		0
#define DIRECT_REGS		8

/* struct direct_stack */
#define DIRECT_IN_USER		16

/*
 * What in_user says, beside 0 for kernel code: a signal that comes now has interrupted user code;
 * or its trap is being looked at, and should the process end, it ends as if in user code.
 */
#define DIRECT_IS_USER		1
#define DIRECT_IS_TRAPPED	2

/* Values of the selector (prctl(2), PR_SET_SYSCALL_USER_DISPATCH). */
#define DIRECT_ALLOW		0
#define DIRECT_BLOCK		1

/* struct direct_user, of which there is one for each vCPU */
#define DIRECT_USER_SHIFT	6
#define DIRECT_USER_KSP		0
#define DIRECT_USER_REGS	8
#define DIRECT_USER_IN_USER	16
#define DIRECT_USER_SP		24

/* Bytes of a gate's stub, with keys and without. */
#define GATE_STUB_KEYS		48
#define GATE_STUB_OPEN		16

/* Flags that a gate keeps: CF, PF, AF, ZF, SF as LAHF tells them; and with OF. */
#define FLAGS_LAHF		0xd5
#define FLAGS_SHOWN		0x8d5

/* In the host's signal frame: behind the word to return to and the ucontext (sigaction(2)). */
#define DIRECT_FRAME_INFO	312

#ifndef __ASSEMBLER__

#include "park.h"
#include "pool.h"

/* One per vCPU in each process, at KAP_DIRECT_BLOCKS; user code can read it. */
struct direct_block {
	kap_u8 selector;	/* what the host does with system calls of this vCPU's runner */
	kap_u8 pad[7];
	struct kap_regs regs;	/* user registers on the way down */
	kap_u64 pad2[4];
};
_Static_assert(sizeof(struct direct_block) == KAP_DIRECT_BLOCK, "abi.h");
_Static_assert(__builtin_offsetof(struct direct_block, regs) == DIRECT_REGS, "direct.S");
_Static_assert(sizeof(struct host_ucontext) + 8 == DIRECT_FRAME_INFO, "direct.S");

enum direct_turn {
	DIRECT_WAIT,
	DIRECT_ASLEEP,	/* has to be woken */
	DIRECT_GO,	/* the vCPU is given to this thread */
	DIRECT_LOOK,	/* at home: some process has ended */
};

/* The kernel's view of a host thread that executes a vCPU in one process. */
struct direct_runner {
	struct kap_shell *shell;
	struct direct_block *block;	/* in the kernel window */
	kap_u32 cpu;
	kap_u32 turn;			/* futex: enum direct_turn */
	kap_s32 timer;			/* POSIX timer of the thread */
	kap_u32 started;		/* futex: 1: ready, 2: the host refused something */
	long error;
	kap_u64 thread;			/* as kap_vcpu.host_thread */
	void *stack;			/* for signals; null: none yet */
	kap_u32 *in_user;		/* in that stack */
};

/* At the base of each stack for signals; begins as every kernel stack does. */
struct direct_stack {
	struct kap_stack base;
	struct direct_runner *runner;
	kap_u32 in_user;		/* DIRECT_IS_* */
	kap_u32 pad;
};
_Static_assert(__builtin_offsetof(struct direct_stack, in_user) == DIRECT_IN_USER, "direct.S");

/* What the next user code of a vCPU will bring its trap to. */
struct direct_user {
	kap_u64 ksp;			/* direct_enter()'s stack */
	struct kap_regs *regs;
	kap_u32 *in_user;
	kap_u64 sp;			/* the user's, while a gate changes stacks */
	struct kap_trap *trap;
	struct kap_space *space;
	struct direct_block *block;
	kap_u64 pad;
};
_Static_assert(sizeof(struct direct_user) == 1 << DIRECT_USER_SHIFT, "gate.S");
_Static_assert(__builtin_offsetof(struct direct_user, ksp) == DIRECT_USER_KSP, "gate.S");
_Static_assert(__builtin_offsetof(struct direct_user, regs) == DIRECT_USER_REGS, "gate.S");
_Static_assert(__builtin_offsetof(struct direct_user, in_user) == DIRECT_USER_IN_USER, "gate.S");
_Static_assert(__builtin_offsetof(struct direct_user, sp) == DIRECT_USER_SP, "gate.S");
extern struct direct_user direct_users[KAP_MAX_VCPUS];

/* A process's part: 2^order pages, the blocks in front. */
struct direct_process {
	struct direct_block *blocks;
	struct direct_runner *runner;	/* one per vCPU */
	void *spare_stack;		/* for the first of them; null: taken */
};

static inline int direct(void)
{
	return kap_boot_info()->engine == KAP_ENGINE_DIRECT;
}

/* The process in which vCPU cpu executes. */
extern struct kap_shell *direct_here[KAP_MAX_VCPUS];

/* In space 0, before anything else of the engine: keys, and the boot vCPU's own thread. */
void direct_setup(void);

/* The calling thread of space 0 is vCPU cpu's home; *stack becomes its stack for signals. */
void direct_adopt_home(kap_u32 cpu, void *signal_stack, struct host_stack *stack);

void direct_home_timer(kap_u32 cpu, kap_s32 timer);


/* What the host is to call for signals, and to return to afterwards. */
void *direct_handler(void);
void *direct_restorer(void);

/* Memory for a process that is to be made, in shell->direct; 0 when there is none. */
int direct_new_process(struct kap_shell *shell);

/* Queues what a new process has to map first. */
void direct_first_ops(struct kap_shell *shell);

/*
 * Moves the calling vCPU, irqs_off == 1, to the process of shell: everything of the kernel goes on
 * there. Negative errno: the process is lost, the vCPU is at home.
 */
long direct_go(struct kap_shell *shell);
void direct_go_home(void);

/* In space 0: some process has ended. */
void direct_child_ended(void);

/* A signal came to a thread that vCPU cpu does not execute on any more. */
int direct_forward(int sig);

/* The run ends: so must space 0, if that is not where the vCPU executes. */
void direct_end_home(void);

/* Whether some vCPU's kernel executes in that process. */
int direct_inhabited(const struct kap_shell *shell);

/* The process is gone in which user code of this vCPU ran: kap_run_user() says so. */
void direct_lost(kap_u32 cpu) noreturn;

/* kap_run_user(); step: FLAG_TF for one instruction, the trap after it is the caller's. */
void direct_run(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		struct kap_trap *trap, kap_u64 step);

/* signal.c, for signals that interrupted kernel code. */
void signal_in_kernel(int sig, struct host_siginfo *info, struct host_ucontext *uc);

/* Floating-point state in the registers of the calling thread. */
void direct_fpu_save(void *area);
void direct_fpu_load(const void *area);

/* XSAVE's number of PKRU, and where it is in a signal frame's area; 0: there is none. */
#define FPU_PKRU 9
extern kap_u32 fpu_pkru_at;

/* The segment registers and their bases, which the kernel leaves as they are. */
void direct_fill_segments(struct kap_regs *regs);

/* gate.c: gives the calling thread the segment by which gates know their vCPU. */
void gate_set_thread(kap_u32 cpu);

/* Queues the table's mapping for a process. */
void gate_first_ops(struct kap_shell *shell);

/*
 * A signal has interrupted user code with these registers. If a gate was on its way into the kernel
 * they become those of its system call, and 1 is returned.
 */
int gate_unwind(kap_u32 cpu, struct kap_regs *regs);

/* x86/direct.S */
void direct_enter(kap_u32 *pending, struct direct_user *user, void *exit, kap_u32 *in_user);
void direct_resume(kap_u64 ksp) noreturn;
void direct_switch(kap_u64 *ksp, void *stack, void (*fn)(void *), void *arg);
void direct_runner_entry(void);
void direct_take_keys(void);

#endif
#endif
