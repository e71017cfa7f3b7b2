/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF core of the guest, as gdb (with vmlinux), crash and drgn read it: memory by window and
 * physical address, the registers of all vCPUs, vmcoreinfo. Sparse: a page of zeroes takes no
 * space.
 */
#ifndef HOSTOS_DUMP_H
#define HOSTOS_DUMP_H

struct vm;

/*
 * Writes path (a new file; an old one is replaced only when the new one is complete and on disk).
 * The vCPUs must be parked or gone. 0 or -errno, told.
 */
int dump__write(struct vm *vm, const char *path);

#endif
