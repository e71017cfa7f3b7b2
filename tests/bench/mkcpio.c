// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the benchmark's initramfs (a "newc" archive) to standard output.
 *
 *	mkcpio NAME=FILE...	each FILE becomes the executable /NAME
 *
 * The archive also has /dev, /proc, /tmp and the devices /dev/console and /dev/zero,
 * which a program without privileges can't create in a folder, but can write into an
 * archive.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned int inode = 1;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "mkcpio: %s: %s\n", what, why);
	exit(1);
}

static void pad(unsigned long written)
{
	while (written++ % 4)
		putchar(0);
}

static void entry(const char *name, unsigned int mode, unsigned int major, unsigned int minor,
		  const char *data, unsigned long size)
{
	unsigned long name_size = strlen(name) + 1;

	printf("070701%08X%08X%08X%08X%08X%08X%08lX%08X%08X%08X%08X%08lX%08X%s", inode++, mode, 0,
	       0, 1, 0, size, 0, 0, major, minor, name_size, 0, name);
	putchar(0);
	pad(110 + name_size);
	if (size && fwrite(data, 1, size, stdout) != size)
		die("standard output", strerror(errno));
	pad(size);
}

static void add_file(const char *name, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *data;

	if (!f || fstat(fileno(f), &st))
		die(path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die(path, "not a file");
	data = malloc(st.st_size + 1);
	if (!data || fread(data, 1, st.st_size, f) != (size_t)st.st_size)
		die(path, "cannot read all of it");
	entry(name, S_IFREG | 0755, 0, 0, data, st.st_size);
	free(data);
	fclose(f);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 2)
		die("usage", "mkcpio NAME=FILE... > ARCHIVE");
	entry("dev", S_IFDIR | 0755, 0, 0, NULL, 0);
	entry("proc", S_IFDIR | 0755, 0, 0, NULL, 0);
	entry("tmp", S_IFDIR | 01777, 0, 0, NULL, 0);
	entry("dev/console", S_IFCHR | 0600, 5, 1, NULL, 0);
	entry("dev/zero", S_IFCHR | 0666, 1, 5, NULL, 0);
	for (i = 1; i < argc; i++) {
		char *path = strchr(argv[i], '=');

		if (!path)
			die(argv[i], "give NAME=FILE");
		*path++ = 0;
		add_file(argv[i], path);
	}
	entry("TRAILER!!!", 0, 0, 0, NULL, 0);
	if (fflush(stdout) || ferror(stdout))
		die("standard output", strerror(errno));
	return 0;
}
