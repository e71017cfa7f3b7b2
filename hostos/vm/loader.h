/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads a guest kernel (vmlinux) into guest memory.
 */
#ifndef HOSTOS_LOADER_H
#define HOSTOS_LOADER_H

#include <stdint.h>

struct vm;

struct loader_kernel {
	uint64_t entry;		/* window address */
	uint64_t start, end;	/* guest-physical range of the image with its bss */
};

/*
 * Checks everything first and loads only then: 0, or -errno with a message printed and
 * guest memory untouched.
 */
int loader__kernel(struct vm *vm, const char *path, struct loader_kernel *kernel);

#endif
