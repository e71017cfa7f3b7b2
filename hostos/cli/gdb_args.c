// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of gdb: vmlinux, the kernel's own helpers, ours, and the connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/gdb_args.h"
#include "cli/paths.h"
#include "vm/msg.h"

static bool usable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

bool gdb_args__find_gdb(char path[PATH_MAX])
{
	const char *env = getenv("GDB");
	const char *name = env && *env ? env : "gdb";
	const char *folder = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		if (usable(path))
			return true;
		folder = NULL;
	}
	while (folder && *folder) {
		size_t len = strcspn(folder, ":");

		if (snprintf(path, PATH_MAX, "%.*s/%s", len ? (int)len : 1, len ? folder : ".",
			     name) < PATH_MAX &&
		    usable(path))
			return true;
		folder += len + (folder[len] == ':');
	}
	if (env && *env)
		msg__error("'%s', which the environment variable GDB names, is no program here; "
			   "correct or unset it",
			   name);
	else
		msg__error("gdb is not in PATH; install it (apt-get install gdb), or name it in "
			   "the environment variable GDB");
	return false;
}

/* gdb executes what lies beside vmlinux only where its user trusts it. */
static bool trusted(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && (!st.st_uid || st.st_uid == geteuid()) &&
	       !(st.st_mode & S_IWOTH);
}

/*
 * The kernel's helpers: kap build leaves a vmlinux-gdb.py beside vmlinux, which loads the one in
 * kernel/, where gdb looks first when vmlinux is taken from there.
 */
static char *safe_path(const char *kernel)
{
	char folder[PATH_MAX], script[PATH_MAX + 32], *real, *slash, *command = NULL;

	if (!realpath(kernel, folder))
		return NULL;
	slash = strrchr(folder, '/');
	if (!slash)
		return NULL;
	*slash = 0;
	snprintf(script, sizeof(script), "%s/vmlinux-gdb.py", folder);
	if (!trusted(script))
		return NULL;
	real = realpath(script, NULL);
	if (asprintf(&command, "add-auto-load-safe-path %s:%s", script, real ? real : script) < 0)
		command = NULL;
	free(real);
	return command;
}

static char *with_path(const char *command, const char *path)
{
	char *text;

	return asprintf(&text, "%s%s", command, path) < 0 ? NULL : text;
}

char **gdb_args__make(const struct gdb_args *args)
{
	char **argv = calloc(args->nr_options + 16, sizeof(*argv));
	char *safe = safe_path(args->kernel);
	char script[PATH_MAX];
	int n = 0;

	if (!argv)
		return NULL;
	argv[n++] = args->gdb;
	argv[n++] = "-q";
	if (safe) {
		argv[n++] = "-iex";
		argv[n++] = safe;
	}
	argv[n++] = args->kernel;
	if (paths__find("kap-gdb.py", script)) {
		argv[n++] = "-ex";
		argv[n++] = with_path("source ", script);
	} else {
		msg__note("'%s': not there, so gdb is without kap's helpers; install kap "
			  "completely",
			  script);
	}
	argv[n++] = "-ex";
	argv[n++] = with_path("target remote ", args->socket);
	for (unsigned int i = 0; i < args->nr_options; i++)
		argv[n++] = args->options[i];
	for (int i = 0; i < n; i++)
		if (!argv[i])
			return NULL;
	return argv;
}
