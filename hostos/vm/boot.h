/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fills the boot information of the machine contract.
 */
#ifndef HOSTOS_BOOT_H
#define HOSTOS_BOOT_H

#include <kap/boot.h>

struct vm;
struct loader_kernel;
struct initrd_place;
struct engine;

struct boot_config {
	const struct loader_kernel *kernel;
	const struct initrd_place *initrd;
	const struct engine *engine;
	const char *cmdline;
	unsigned int nr_devs;
	unsigned int host_cpus;
};

/* 0 or -errno, told. */
int boot__fill(struct vm *vm, const struct boot_config *config);

#endif
