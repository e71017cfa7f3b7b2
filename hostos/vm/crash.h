/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user gets to see of a guest kernel that crashed.
 */
#ifndef HOSTOS_CRASH_H
#define HOSTOS_CRASH_H

struct vm;

/* message: a checked copy. kernel: path of vmlinux, for names. */
void crash__report(struct vm *vm, unsigned int cpu, const char *message, const char *kernel);

#endif
