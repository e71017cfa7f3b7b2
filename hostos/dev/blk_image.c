// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens disk images. An image that two guests write to is destroyed at once, so it is
 * locked (flock: exclusive for writers, shared for readers) for as long as it is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "dev/blk_image.h"
#include "vm/msg.h"

#define SECTOR	512

static void explain_open(const char *path, bool read_only, int err)
{
	switch (err) {
	case ENOENT:
		msg__error("disk %s: no such file; check the name, or make an empty image with "
			   "'truncate -s 1G %s'",
			   path, path);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		if (read_only)
			msg__error("disk %s: not readable: %s; get read permission for it, for "
				   "instance with 'chmod u+r %s' by its owner",
				   path, strerror(err), path);
		else
			msg__error("disk %s: not writable: %s; get write permission for it, or "
				   "give it read-only as '%s,ro'",
				   path, strerror(err), path);
		break;
	default:
		msg__error("disk %s: can't open it: %s; give the path of a raw image file or of a "
			   "block device",
			   path, strerror(err));
	}
}

static int explain_directory(const char *path)
{
	msg__error("disk %s: is a directory; give a raw image file, or make one of this directory "
		   "with 'mke2fs -t ext4 -d %s disk.img 1G'",
		   path, path);
	return -EISDIR;
}

static int measure(struct blk_image *image, const char *path)
{
	struct stat st;

	if (fstat(image->fd, &st)) {
		int err = errno;

		explain_open(path, image->read_only, err);
		return -err;
	}
	if (S_ISDIR(st.st_mode))
		return explain_directory(path);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(image->fd, BLKGETSIZE64, &image->bytes)) {
			int err = errno;

			msg__error("disk %s: can't get the size of the block device: %s; check the "
				   "device",
				   path, strerror(err));
			return -err;
		}
	} else if (S_ISREG(st.st_mode)) {
		image->bytes = st.st_size;
	} else {
		msg__error("disk %s: is neither a file nor a block device; give the path of a raw "
			   "image",
			   path);
		return -EINVAL;
	}
	if (image->bytes == 0) {
		msg__error("disk %s: is empty; give it a size with 'truncate -s 1G %s'", path,
			   path);
		return -EINVAL;
	}
	if (image->bytes % SECTOR) {
		msg__error("disk %s: its size of %llu bytes is not a multiple of %d; if it is a "
			   "raw image, round it up with 'truncate -s %%%d %s'",
			   path, (unsigned long long)image->bytes, SECTOR, SECTOR, path);
		return -EINVAL;
	}
	return 0;
}

static int lock_image(struct blk_image *image, const char *path)
{
	int err;

	if (flock(image->fd, (image->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
		return 0;
	err = errno;
	if (err == EWOULDBLOCK)
		msg__error("disk %s: is in use by another kap or another program that locks it; "
			   "end that one first, give a copy, or give it to all read-only: '%s,ro'",
			   path, path);
	else
		msg__error("disk %s: can't lock it: %s; put the image on a file system that has "
			   "locks",
			   path, strerror(err));
	return -err;
}

int blk_image__open(struct blk_image *image, const char *path, bool read_only)
{
	int err;

	image->read_only = read_only;
	/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
	image->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (image->fd < 0) {
		err = errno;
		if (err == EISDIR)
			return explain_directory(path);
		explain_open(path, read_only, err);
		return -err;
	}
	err = measure(image, path);
	if (!err)
		err = lock_image(image, path);
	if (err)
		blk_image__close(image);
	return err;
}

void blk_image__close(struct blk_image *image)
{
	close(image->fd);
	image->fd = -1;
}
