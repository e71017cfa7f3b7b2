/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places the initrd in guest memory, and behind it what this run tells the guest's init.
 */
#ifndef HOSTOS_INITRD_H
#define HOSTOS_INITRD_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct cpio;
struct loader_kernel;

struct initrd_config {
	const char *path;	/* NULL: no initrd file */
	char **argv;		/* command; NULL: none */
	const char *mode;	/* "console" or "ports" */
	const char *root;	/* "initrd" or a guest block device */
	const char *term;
	unsigned int cols, rows;
	bool quiet;
};

struct initrd_place {
	uint64_t start, size;	/* guest-physical; size 0: none */
};

/* 0, or -errno with a message printed and guest memory untouched. */
int initrd__load(struct vm *vm, const struct initrd_config *config,
		 const struct loader_kernel *kernel, struct initrd_place *place);

/* The archive with /.kap/config and /.kap/argv. 0 or -errno. */
int initrd__describe_run(const struct initrd_config *config, struct cpio *cpio);

#endif
