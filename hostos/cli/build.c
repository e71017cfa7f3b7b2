// SPDX-License-Identifier: GPL-2.0-only
/*
 * `kap build` is the shell script kap-build, found as the default kernel is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/build.h"
#include "cli/paths.h"
#include "cli/status.h"
#include "vm/msg.h"

int build__main(char **argv)
{
	char path[PATH_MAX];

	if (!paths__find("kap-build", path)) {
		msg__error("'%s': not there; run `make` in the source folder, or install kap "
			   "completely",
			   path);
		return STATUS_HOST;
	}
	argv[0] = path;
	execv(path, argv);
	msg__error("'%s': %s; make it executable", path, strerror(errno));
	return STATUS_HOST;
}
