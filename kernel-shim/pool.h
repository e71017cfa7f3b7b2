/* SPDX-License-Identifier: GPL-2.0-only */
/* Shells: host processes that spaces are made of, and their pool. */
#ifndef SHIM_POOL_H
#define SHIM_POOL_H

#include "shim.h"
#include "stub.h"

enum runner_state {
	RUNNER_NONE,
	RUNNER_STOPPED,
	RUNNER_DEAD,
};

struct runner {
	kap_s32 tid;
	kap_u32 state;		/* enum runner_state */
	kap_u64 tail[6];		/* fs_base .. gs, as the host has them */
	kap_u64 cs;			/* as it was when user code stopped last */
	struct kap_fpu *fpu;	/* whose FPU state its registers hold; null: nobody's */
	struct kap_fpu *had;	/* whose they still hold, while its `left` says so, too */
	kap_u32 cpu;		/* vCPU whose thread traces it */
	kap_u32 bound;		/* host CPU that it is bound to, plus 1; 0: none */
	kap_u64 points;		/* what of kap_ctl.points its debug registers hold; 0: nothing */
};

struct kap_shell {
	struct kap_shell *next;		/* in the pool */
	struct stub_ctl *ctl;
	struct stub_scratch *scratch;
	kap_s32 pid;			/* the keeper; 0 until it has come up */
	kap_u32 seq;			/* last request */
	kap_u32 nr_ops;			/* queued, not yet in force */
	kap_u32 lock;			/* of the queue and the keeper; inside of the pool's */
	kap_u32 nr_users;		/* vCPUs that run user code here, or are about to */
	kap_s32 spare_tid;		/* a runner that no vCPU traces yet; 0: none */
	kap_u32 bound;			/* as in struct runner, of the keeper */
	kap_u32 last_cpu;		/* vCPU that asked the keeper last */
	kap_u32 shown;			/* 1: this space has had something mapped */
	kap_u32 retired;		/* serves no other space after this one */
	kap_u32 deaths;			/* host_deaths when it was last seen alive */
	/* direct engine */
	struct direct_process *direct;
	kap_u32 nr_inside;		/* vCPUs whose kernel executes in this process */
	kap_u32 map_seq;		/* changes of kernel mappings that are in force here */
	kap_u32 nr_protects;		/* of them, protections of the window */
	kap_u32 stepper;		/* vCPU that has it for itself (step.c), plus 1; 0: none */
	kap_u32 table_lost;		/* a program has used the place of the gates' table */
	struct runner runner[KAP_MAX_VCPUS];
};

/* An empty shell, ready to be used, or a negative errno in *err. */
struct kap_shell *pool_take(long *err);

/* Gives a shell back; its runners are stopped and nobody's FPU state is in them. */
void pool_give(struct kap_shell *shell);

/* A status of wait4(): the thread is stopped, as opposed to gone. */
static inline int stopped(int status)
{
	return (status & 0xff) == 0x7f;
}

/* kernel_map.c: what has changed since the process was left; the vCPU executes there. */
void kernel_map_catch_up(struct kap_shell *shell);

/* engine/fpu.c: brings the state into its area, whoever's runner it is in. */
void fpu_detach(struct kap_fpu *fpu);

/* How many host processes of the VM have ended. */
extern kap_u32 host_deaths;

/* Whether the host still has the process; its runners are marked as dead if not. */
int shell_alive(struct kap_shell *shell);

/* Ends the process, and waits for its runners: nothing of it runs or answers afterwards. */
void shell_bury(struct kap_shell *shell);

/* Starts what is queued without waiting; later shell_finish() waits for it. */
void shell_start(struct kap_shell *shell);
int shell_finish(struct kap_shell *shell);

/*
 * Starts the ops in the control page and waits for the keeper's word (STUB_ANSWER_*) on the
 * vCPU's eventfd; 0 when the process is gone. This may be called while user code runs.
 */
kap_u64 shell_request(struct kap_shell *shell, kap_u32 nr_ops);

/* In place of all that is queued: takes all user mappings away. */
void shell_queue_empty(struct kap_shell *shell);

/* Carries the queue out; with the shell's lock. */
void shell_sync(struct kap_shell *shell);

/* Queues one host call for the keeper; the caller has made sure that there is room. */
static inline void shell_op(struct kap_shell *shell, kap_u64 nr, kap_u64 a, kap_u64 b, kap_u64 c,
			    kap_u64 d, kap_u64 e, kap_u64 f)
{
	struct stub_op *op = &shell->ctl->op[shell->nr_ops++];

	op->nr = nr;
	op->arg[0] = a;
	op->arg[1] = b;
	op->arg[2] = c;
	op->arg[3] = d;
	op->arg[4] = e;
	op->arg[5] = f;
}

#define KEEPER_RUNNER_FLAGS                                                      \
	(HOST_CLONE_VM | HOST_CLONE_FS | HOST_CLONE_FILES | HOST_CLONE_SIGHAND | \
	 HOST_CLONE_THREAD | HOST_CLONE_SYSVSEM)

#endif
