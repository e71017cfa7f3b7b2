// SPDX-License-Identifier: GPL-2.0-only
/*
 * Input files. They are mapped, not read: what is loaded goes from the page cache to
 * guest memory in one copy, made by the host kernel (ram__write).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/image.h"
#include "vm/msg.h"

int image__open(struct image *image, const char *path, const char *what, const char *option)
{
	struct stat st;
	void *map;
	int err;

	*image = (struct image){ .path = path, .fd = -1 };
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0 || fstat(image->fd, &st) < 0) {
		err = -errno;
		if (err == -EACCES)
			msg__error("%s '%s': not readable; get read permission for it and the "
				   "folders above it",
				   what, path);
		else if (err == -EMFILE || err == -ENFILE)
			msg__error("%s '%s': %s; raise the limit on open files (ulimit -n)", what,
				   path, strerror(-err));
		else
			msg__error("%s '%s': %s; name another file with %s, or build "
				   "one with `make`",
				   what, path, strerror(-err), option);
		image__close(image);
		return err;
	}
	if (!S_ISREG(st.st_mode)) {
		msg__error("%s '%s': not a regular file; name a regular file with %s", what, path,
			   option);
		image__close(image);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	image->size = st.st_size;
	if (!image->size)
		return 0;
	map = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, image->fd, 0);
	if (map == MAP_FAILED) {
		err = -errno;
		msg__error("%s '%s': mapping it: %s; %s", what, path, strerror(-err),
			   err == -ENOMEM ? "raise the address space limit (ulimit -v)" :
					    "copy it to a local file system");
		image__close(image);
		return err;
	}
	image->data = map;
	return 0;
}

void image__close(struct image *image)
{
	if (image->data)
		munmap((void *)image->data, image->size);
	if (image->fd >= 0)
		close(image->fd);
	image->data = NULL;
	image->fd = -1;
}
