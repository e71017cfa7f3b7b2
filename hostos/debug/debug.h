/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debugging as the rest of the monitor sees it: listening for a debugger, a guest that is held
 * at its first instruction or at a panic.
 */
#ifndef HOSTOS_DEBUG_H
#define HOSTOS_DEBUG_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

enum debug_on_panic { DEBUG_PANIC_EXIT, DEBUG_PANIC_GDB, DEBUG_PANIC_DUMP };

struct debug_config {
	const char *listen; /* --gdb: "PORT" (loopback) or "unix:PATH"; NULL: none */
	const char *private_socket; /* for kap gdb --attach; NULL: none */
	bool stopped; /* -S: held before the kernel's first instruction */
	enum debug_on_panic on_panic;
	const char *dump_path; /* for DEBUG_PANIC_DUMP */
	const char *name; /* of the guest, for messages */
};

/*
 * Before life__start(): opens the sockets and tells the guest what to do. 0 or -errno with a
 * message printed: nothing is open then. Sockets that it has made it also removes.
 */
int debug__start(struct vm *vm, const struct debug_config *config);

/* KAP_CTL_PARK was among the doorbells. */
void debug__doorbell(struct vm *vm);

/* The guest has ended: tells the debugger; status is kap's exit status. */
void debug__exited(struct vm *vm, int status);

/* Closes everything, lets the guest go on if it was held. */
void debug__stop(struct vm *vm);

#endif
