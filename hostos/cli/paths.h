/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the files that belong to the program.
 */
#ifndef HOSTOS_PATHS_H
#define HOSTOS_PATHS_H

#include <limits.h>
#include <stdbool.h>

/*
 * `name` beside the program, or in ../lib/kap from there (installed). False when in neither
 * place; path then is where it was looked for first.
 */
bool paths__find(const char *name, char path[PATH_MAX]);

#endif
