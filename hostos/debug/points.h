/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breakpoints and watchpoints. Breakpoints of the kernel are int3 bytes in its text, which all
 * vCPUs share. Everything else takes one of four debug registers: those of the vCPUs' threads for
 * kernel code, those of the runners for user code of one space or of all.
 */
#ifndef HOSTOS_POINTS_H
#define HOSTOS_POINTS_H

#include "debug/rsp.h"

struct vm;

/* As in struct rsp_ops; all but the last two only while the machine stands. */
int points__insert(struct vm *vm, enum rsp_point kind, uint64_t addr, uint64_t len,
		   const char **error);
int points__remove(struct vm *vm, enum rsp_point kind, uint64_t addr, uint64_t len);
void points__remove_all(struct vm *vm);

/* There is an int3 of ours at addr. */
bool points__has_break(uint64_t addr);

/*
 * What of the debugger's is in force at a byte that is read, or is to be written: gives, or
 * takes, the byte behind the int3.
 */
void points__hide(uint64_t addr, uint8_t *bytes, size_t len);
void points__rewrite(uint64_t addr, uint8_t *bytes, size_t len);

/* Debug registers as the points want them, into all vCPUs' threads: before the machine goes on. */
void points__apply(struct vm *vm);

/*
 * Which point made the vCPU park with KAP_PARK_DEBUG; false: none that is known. Fills why, kind,
 * addr.
 */
bool points__hit(struct vm *vm, unsigned int cpu, struct rsp_stop *stop);

#endif
