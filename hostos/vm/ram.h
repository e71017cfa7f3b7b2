/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: the ram memfd and its mapping in the monitor.
 */
#ifndef HOSTOS_RAM_H
#define HOSTOS_RAM_H

#include <stdint.h>

struct vm;

#define RAM_MIN		(32ull << 20)

/* Makes and maps the memfd for ram_bytes of RAM behind the shared area. 0 or -errno, told. */
int ram__create(struct vm *vm, uint64_t ram_bytes);
void ram__destroy(struct vm *vm);

/*
 * Copies len bytes into guest-physical memory before the guest runs. -EFAULT when
 * the source can't be read (a file that shrank below its mapping).
 */
int ram__write(struct vm *vm, uint64_t phys, const void *data, uint64_t len);

#endif
