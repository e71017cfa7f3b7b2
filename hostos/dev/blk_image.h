/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A raw disk image (a file or a host block device): opened, checked and locked.
 */
#ifndef HOSTOS_DEV_BLK_IMAGE_H
#define HOSTOS_DEV_BLK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct blk_image {
	int fd;
	uint64_t bytes;
	bool read_only;
};

/* 0, or -errno with a message that names the next step. */
int blk_image__open(struct blk_image *image, const char *path, bool read_only);

/* Also unlocks. */
void blk_image__close(struct blk_image *image);

#endif
