// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options about debugging: names of guests, where a debugger connects, what a panic leads to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/names.h"
#include "cli/options.h"
#include "cli/options_debug.h"
#include "vm/msg.h"

#define DEFAULT_PORT "1234"

static int set_name(struct run_options *o, const char *value)
{
	if (!names__valid(value))
		return options__bad("name", value,
				    "can't be a guest's name; give 1 to 63 letters, digits, "
				    "'-', '_' and '.', not digits only");
	o->name = value;
	return 0;
}

static int set_gdb(struct run_options *o, const char *value)
{
	struct sockaddr_un un;
	char *end;
	long port;

	if (!strncmp(value, "unix:", 5)) {
		if (!value[5])
			return options__bad("gdb", value,
					    "names no socket; give a path, as in "
					    "--gdb=unix:/tmp/kap.gdb");
		if (strlen(value + 5) >= sizeof(un.sun_path))
			return options__bad("gdb", value,
					    "is too long for a socket; give a path of at most "
					    "107 bytes");
		o->gdb = value;
		return 0;
	}
	port = strtol(value, &end, 10);
	if (*value < '0' || *value > '9' || *end)
		return options__bad("gdb", value,
				    "is no place to listen; give a port of this host or "
				    "unix:PATH, as in --gdb=1234");
	if (port < 1 || port > 65535)
		return options__bad("gdb", value, "is no port; give 1 to 65535, or unix:PATH");
	o->gdb = value;
	return 0;
}

static int set_on_panic(struct run_options *o, const char *value)
{
	static const char *const names[] = {
		[DEBUG_PANIC_EXIT] = "exit",
		[DEBUG_PANIC_GDB] = "gdb",
		[DEBUG_PANIC_DUMP] = "dump",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			o->on_panic = i;
			return 0;
		}
	}
	return options__bad("on-panic", value, "is nothing that kap does; use exit, gdb or dump");
}

int options_debug__set(struct run_options *o, int id, const char *value)
{
	switch (id) {
	case OPT_NAME:
		return set_name(o, value);
	case OPT_GDB:
		return set_gdb(o, value);
	case OPT_GDB_DEFAULT:
		return set_gdb(o, DEFAULT_PORT);
	case OPT_STOPPED:
		o->stopped = true;
		return 0;
	case OPT_ON_PANIC:
		return set_on_panic(o, value);
	case OPT_DUMP:
		if (!*value)
			return options__bad("dump", value, "names no file");
		o->dump = value;
		return 0;
	case OPT_ATTACH:
		if (!*value)
			return options__bad("attach", value,
					    "names no guest; give its name or its pid");
		o->attach = value;
		return 0;
	case OPT_GDB_OPTION:
		o->gdb_options[o->nr_gdb_options++] = (char *)value;
		return 0;
	}
	return -EINVAL;
}

/* A guest that has crashed can't be asked for another place. */
static int check_dump(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *folder;
	int err = 0;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return options__bad("dump", path, "is no file that can be replaced; give another");
	folder = slash ? strndup(path, slash - path + 1) : strdup(".");
	if (!folder)
		err = ENOMEM;
	else if (access(folder, W_OK | X_OK))
		err = errno;
	free(folder);
	if (err)
		msg__error("--dump: '%s': its folder: %s; give a file in a folder that can be "
			   "written to",
			   path, strerror(err));
	return err ? -EINVAL : 0;
}

int options_debug__check(const struct run_options *o)
{
	if (o->attach && (o->describes_guest || o->argv)) {
		msg__error("--attach=%s: that guest runs already; leave what describes a new one "
			   "away (all but --kernel and --gdb-option)",
			   o->attach);
		return -EINVAL;
	}
	if (o->dump && o->on_panic != DEBUG_PANIC_DUMP) {
		msg__error("--dump=%s: a dump is written only after a panic; add --on-panic=dump",
			   o->dump);
		return -EINVAL;
	}
	if (o->dump)
		return check_dump(o->dump);
	if (o->on_panic == DEBUG_PANIC_DUMP && access(".", W_OK | X_OK)) {
		msg__error("--on-panic=dump: the current folder: %s; say with --dump=FILE where "
			   "the dump may go",
			   strerror(errno));
		return -EINVAL;
	}
	return 0;
}
