/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How gdb is called for a guest.
 */
#ifndef HOSTOS_GDB_ARGS_H
#define HOSTOS_GDB_ARGS_H

#include <limits.h>
#include <stdbool.h>

struct gdb_args {
	char *gdb, *kernel, *socket;
	char **options;			/* the user's, behind all others */
	unsigned int nr_options;
};

/* The program: what the environment variable GDB names, or gdb. False: told. */
bool gdb_args__find_gdb(char path[PATH_MAX]);

/* For execv(); NULL: out of memory. Never freed. */
char **gdb_args__make(const struct gdb_args *args);

#endif
