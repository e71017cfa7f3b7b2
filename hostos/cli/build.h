/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `kap build`.
 */
#ifndef HOSTOS_BUILD_H
#define HOSTOS_BUILD_H

/* argv[0] is "build". Exit status. */
int build__main(char **argv);

#endif
