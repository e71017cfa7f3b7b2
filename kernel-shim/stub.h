/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages that the shim has in every space, and how it talks to a keeper.
 *
 * control (KAP_STUB_CTL): written by the guest kernel, read-only in the space.
 * scratch (KAP_STUB_SCRATCH): written by the keeper. From the moment at which
 * user code of the space runs, user code can write it too: nothing in it is believed from then on
 * until the space is empty again.
 *
 * A request: fill ops, nr_ops and reply_fd, advance seq, wake. The keeper carries
 * the ops out in order and stops at the first that fails. Then it writes `ok` or `failed` to
 * eventfd reply_fd, or, when that is negative, stores seq into scratch->done (on success) or
 * scratch->failed and wakes done.
 */
#ifndef SHIM_STUB_H
#define SHIM_STUB_H

#include <kap/abi.h>

#define STUB_OPS_OFF		64
#define STUB_RUNNER_OFF		24
#define STUB_OP_SIZE		64
#define STUB_MAX_OPS		63
#define STUB_RESULT_OFF		64	/* in scratch: results of the ops */

/* Words in a reply eventfd, which adds them up: at most one answer is under way. */
#define STUB_ANSWER_OK		1
#define STUB_ANSWER_FAILED	2
#define STUB_ANSWER		3	/* either */
#define STUB_LOOK		4	/* some process has ended */

#define STUB_OK_OFF		32
#define STUB_FAILED_OFF		40

#ifndef __ASSEMBLER__

struct stub_op {
	kap_u64 nr;			/* host system call */
	kap_u64 arg[6];
	kap_u64 pad;
};

struct stub_ctl {
	kap_u32 seq;			/* futex of the keeper */
	kap_u32 nr_ops;
	kap_s32 reply_fd;
	kap_u32 pad;
	kap_u64 child_ctl;		/* zygote: control page of the new shell (physical) */
	kap_u64 runner_entry;		/* direct engine: first code of a new thread */
	kap_u64 ok, failed;		/* constants that the keeper writes to reply_fd */
	kap_u64 pad2[2];
	struct stub_op op[STUB_MAX_OPS];
};

struct stub_scratch {
	kap_u32 done;			/* futex of who waits for the keeper */
	kap_u32 failed;
	kap_u64 pad[7];
	kap_s64 result[STUB_MAX_OPS];
};

_Static_assert(sizeof(struct stub_ctl) <= KAP_PAGE_SIZE, "one page");
_Static_assert(sizeof(struct stub_scratch) <= KAP_PAGE_SIZE, "one page");
_Static_assert(__builtin_offsetof(struct stub_ctl, op) == STUB_OPS_OFF, "stub.S");
_Static_assert(__builtin_offsetof(struct stub_ctl, runner_entry) == STUB_RUNNER_OFF, "stub.S");
_Static_assert(__builtin_offsetof(struct stub_ctl, ok) == STUB_OK_OFF, "stub.S");
_Static_assert(__builtin_offsetof(struct stub_scratch, result) == STUB_RESULT_OFF, "stub.S");

/* The stub page in the kernel image; it runs at KAP_STUB_CODE. */
extern char kap_stub_start[];

/* In that page: loads ax and dx into the bases of fs and gs, and makes a system call. */
extern char stub_set_bases[];

/* In that page: what seccomp(2) takes. */
extern char stub_filter_prog[];

/*
 * Makes the zygote: a process that has nothing but the stub pages, and forks
 * shells when its keeper is asked to. ctl and scratch are physical addresses. It keeps the kernel
 * window when `window` is not 0. Returns its pid or a negative errno.
 */
long stub_make_zygote(kap_u64 ctl, kap_u64 scratch, kap_u64 code, kap_u64 window);

#endif
#endif
