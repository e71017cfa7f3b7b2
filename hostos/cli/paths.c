// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the program's own files are: in a build folder beside it, installed in ../lib/kap.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/paths.h"

bool paths__find(const char *name, char path[PATH_MAX])
{
	char folder[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash;

	if (n < 0)
		n = 0;
	folder[n] = 0;
	slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	else
		strcpy(folder, ".");
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX && !access(path, F_OK))
		return true;
	if (snprintf(path, PATH_MAX, "%s/../lib/kap/%s", folder, name) < PATH_MAX &&
	    !access(path, F_OK))
		return true;
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, folder, name);
	return false;
}
