/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes small cpio archives (newc), the format that kernels unpack into their initramfs.
 */
#ifndef HOSTOS_CPIO_H
#define HOSTOS_CPIO_H

#include <stddef.h>
#include <stdint.h>

/* Starts zeroed; after a failed call data is NULL and all later calls fail too. */
struct cpio {
	uint8_t *data;
	size_t size, room;
	int error;		/* 0 or -errno, sticky */
	uint32_t last_ino;
};

/* name without a leading slash. 0 or -errno. */
int cpio__dir(struct cpio *cpio, const char *name, unsigned int mode);
int cpio__file(struct cpio *cpio, const char *name, unsigned int mode, const void *data,
	       size_t len);
/* Writes the trailer; the size is then a multiple of 4. */
int cpio__finish(struct cpio *cpio);
void cpio__free(struct cpio *cpio);

#endif
