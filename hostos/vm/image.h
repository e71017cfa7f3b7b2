/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An input file (kernel, initrd), opened and mapped read-only.
 */
#ifndef HOSTOS_IMAGE_H
#define HOSTOS_IMAGE_H

#include <stdint.h>

struct image {
	const char *path;
	int fd;
	const uint8_t *data;	/* NULL for an empty file */
	uint64_t size;
};

/*
 * `what` names the file in messages and `option` is the option that names another.
 * 0 or -errno, told.
 */
int image__open(struct image *image, const char *path, const char *what, const char *option);
void image__close(struct image *image);

#endif
