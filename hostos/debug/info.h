/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a debugger shows of the machine in words: `info threads` lines and the `monitor` commands.
 */
#ifndef HOSTOS_INFO_H
#define HOSTOS_INFO_H

#include <stddef.h>
#include <stdint.h>

struct vm;

/* What the vCPU does: "swapper/0 pid 0, idle", "sh pid 17, user code of space 4". */
void info__thread(struct vm *vm, unsigned int cpu, char *text, size_t size);

/* The pid of the task on the vCPU, as the kernel calls it; 0 for idle, -1 when it can't be told. */
int32_t info__pid(struct vm *vm, unsigned int cpu);

/* One line of `monitor`; cpu is gdb's current thread. Output in pieces through out. */
void info__command(struct vm *vm, unsigned int cpu, const char *line,
		   void (*out)(void *out_arg, const char *text, size_t len), void *out_arg);

#endif
