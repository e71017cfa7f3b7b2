/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a virtual machine: from created to nothing left behind.
 */
#ifndef HOSTOS_LIFE_H
#define HOSTOS_LIFE_H

#include <stdint.h>

struct vm;

/* Why a run ended. The first reason counts. */
enum life_end {
	LIFE_RUNNING,
	LIFE_GUEST,	/* space 0 ended; kap_ctl says why. detail: its wait status */
	LIFE_LEFT,	/* the user left with the escape key */
	LIFE_TIMEOUT,
	LIFE_SIGNAL,	/* detail: signal number */
	LIFE_DEBUGGER,	/* gdb has killed the guest */
	LIFE_HOST,	/* the host failed the monitor; told already */
};

/*
 * Blocks the signals that the run handles itself, from the loop. Before any thread is made.
 * on_other gets SIGWINCH and SIGCONT. 0 or -errno, told.
 */
int life__take_signals(void (*on_other)(int signo));

/* Fills vm with nothing; then the doorbell and the RAM. 0 or -errno, told. */
int life__create(struct vm *vm, uint64_t ram_bytes, int nr_cpus);

/* Starts space 0 at entry. timeout_ns 0: none. 0 or -errno, told. */
int life__start(struct vm *vm, uint64_t entry, uint64_t timeout_ns);

/* Runs the loop until the guest has ended or was ended; no process of it is left then. */
enum life_end life__run(struct vm *vm, int *detail);

/* Ends the run; for callbacks of the loop. */
void life__end(enum life_end why, int detail);

/* Frees everything. Devices must be shut down before. */
void life__destroy(struct vm *vm);

#endif
