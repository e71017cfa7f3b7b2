// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpio in the newc format: a header of 8-digit hexadecimal fields, the name, the data; name
 * and data padded to 4 bytes from the start of the archive.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vm/cpio.h"

#define HEADER_SIZE 110

static void append(struct cpio *cpio, const void *data, size_t len)
{
	if (cpio->error)
		return;
	if (cpio->size + len > cpio->room) {
		size_t room = (cpio->size + len) * 2 + 1024;
		uint8_t *bigger = realloc(cpio->data, room);

		if (!bigger) {
			cpio__free(cpio);
			cpio->error = -ENOMEM;
			return;
		}
		cpio->data = bigger;
		cpio->room = room;
	}
	if (len)
		memcpy(cpio->data + cpio->size, data, len);
	cpio->size += len;
}

static void pad(struct cpio *cpio)
{
	append(cpio, "\0\0\0", -cpio->size & 3);
}

static int entry(struct cpio *cpio, const char *name, unsigned int mode, unsigned int nlink,
		 const void *data, size_t len)
{
	char header[HEADER_SIZE + 1];
	size_t name_size = strlen(name) + 1;

	if (len > UINT32_MAX)
		return -EFBIG;
	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 nlink ? ++cpio->last_ino : 0, mode, 0, 0, nlink, 0, (unsigned int)len, 0, 0, 0, 0,
		 (unsigned int)name_size, 0);
	append(cpio, header, HEADER_SIZE);
	append(cpio, name, name_size);
	pad(cpio);
	append(cpio, data, len);
	pad(cpio);
	return cpio->error;
}

int cpio__dir(struct cpio *cpio, const char *name, unsigned int mode)
{
	return entry(cpio, name, S_IFDIR | mode, 2, NULL, 0);
}

int cpio__file(struct cpio *cpio, const char *name, unsigned int mode, const void *data, size_t len)
{
	return entry(cpio, name, S_IFREG | mode, 1, data, len);
}

int cpio__finish(struct cpio *cpio)
{
	return entry(cpio, "TRAILER!!!", 0, 0, NULL, 0);
}

void cpio__free(struct cpio *cpio)
{
	free(cpio->data);
	cpio->data = NULL;
	cpio->size = cpio->room = 0;
}
