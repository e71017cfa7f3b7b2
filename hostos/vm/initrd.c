// SPDX-License-Identifier: GPL-2.0-only
/*
 * The initrd lies at the top of RAM. The kernel accepts several cpio archives one after the
 * other, so what this run tells the guest's init (the command, how the console is wired) is
 * a small archive of its own behind the file, whether that is compressed or not:
 *
 *	/.kap/config	key=value lines: mode, root, cols, rows, term, quiet
 *	/.kap/argv	the command's arguments, each ended by a NUL; absent without a command
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/cpio.h"
#include "vm/image.h"
#include "vm/initrd.h"
#include "vm/loader.h"
#include "vm/msg.h"
#include "vm/ram.h"
#include "vm/vm.h"

/* What a kernel needs at least beside its image and two copies of the initrd. */
#define SLACK (8ull << 20)

/* Values end up in a file that a shell script reads: nothing but plain characters. */
static const char *plain(const char *value)
{
	if (!value || !*value || strlen(value) > 64)
		return "";
	for (const char *c = value; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "-_.+/",
			    *c))
			return "";
	return value;
}

static int add_argv(struct cpio *cpio, char **argv)
{
	size_t size = 0, at = 0;
	char *all;
	int err;

	for (char **arg = argv; *arg; arg++)
		size += strlen(*arg) + 1;
	all = malloc(size ? size : 1);
	if (!all)
		return -ENOMEM;
	for (char **arg = argv; *arg; arg++) {
		size_t len = strlen(*arg) + 1;

		memcpy(all + at, *arg, len);
		at += len;
	}
	err = cpio__file(cpio, ".kap/argv", 0400, all, size);
	free(all);
	return err;
}

int initrd__describe_run(const struct initrd_config *config, struct cpio *cpio)
{
	char text[512];
	int err, n;

	n = snprintf(text, sizeof(text), "mode=%s\nroot=%s\ncols=%u\nrows=%u\nterm=%s\nquiet=%d\n",
		     config->mode, plain(config->root), config->cols, config->rows,
		     plain(config->term), config->quiet);
	err = cpio__dir(cpio, ".kap", 0700);
	if (!err)
		err = cpio__file(cpio, ".kap/config", 0400, text, n);
	if (!err && config->argv)
		err = add_argv(cpio, config->argv);
	if (!err)
		err = cpio__finish(cpio);
	return err;
}

/*
 * Linux unpacks it beside itself, into a file system that may fill half of the memory that is left
 * then. What does not fit is left out, and the guest would start without its init.
 */
#define COPIES	3

static int check_room(struct vm *vm, const struct image *image, uint64_t size,
		      const struct loader_kernel *kernel)
{
	uint64_t ram = vm->mem_bytes - KAP_PHYS_RAM;
	uint64_t used = kernel->end - KAP_PHYS_RAM + SLACK;
	uint64_t need;

	if (size < KAP_WINDOW_MAX / 4 && COPIES * size + used <= ram)
		return 0;
	need = (used + COPIES * (size < KAP_WINDOW_MAX / 4 ? size : 0)) >> 20;
	msg__error("initrd '%s': %llu MiB are too large for --mem=%lluM (it is unpacked in guest "
		   "memory beside itself); give --mem=%lluM or more",
		   image->path ? image->path : "", (unsigned long long)(size >> 20),
		   (unsigned long long)(ram >> 20), (unsigned long long)need + 1);
	return -E2BIG;
}

static int place_archives(struct vm *vm, const struct image *image, const struct cpio *cpio,
			  struct initrd_place *place)
{
	uint64_t file = (image->size + 3) & ~3ull;
	uint64_t start = (vm->mem_bytes - file - cpio->size) & ~(KAP_PAGE_SIZE - 1ull);
	int err = 0;

	if (image->size)
		err = ram__write(vm, start, image->data, image->size);
	if (!err)
		err = ram__write(vm, start + file, cpio->data, cpio->size);
	if (err) {
		msg__error("initrd '%s': loading it: %s; check the file and the host's free memory",
			   image->path ? image->path : "", strerror(-err));
		return err;
	}
	place->start = start;
	place->size = file + cpio->size;
	return 0;
}

int initrd__load(struct vm *vm, const struct initrd_config *config,
		 const struct loader_kernel *kernel, struct initrd_place *place)
{
	struct image image = { .fd = -1 };
	struct cpio cpio = { 0 };
	int err;

	if (config->path) {
		err = image__open(&image, config->path, "initrd", "--initrd FILE");
		if (err)
			return err;
	}
	err = initrd__describe_run(config, &cpio);
	if (err)
		msg__error("describing the run to the guest: %s; free some memory", strerror(-err));
	if (!err)
		err = check_room(vm, &image, image.size + cpio.size, kernel);
	if (!err)
		err = place_archives(vm, &image, &cpio, place);
	cpio__free(&cpio);
	image__close(&image);
	return err;
}
