/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts space 0, the host process in which the guest kernel boots.
 */
#ifndef HOSTOS_SPACE0_H
#define HOSTOS_SPACE0_H

#include <stdint.h>

struct vm;

/* Sets vm->space0. Must be called by the main thread. 0 or -errno, told. */
int space0__start(struct vm *vm, uint64_t entry);

#endif
