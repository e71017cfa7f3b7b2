/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `kap run`.
 */
#ifndef HOSTOS_RUN_H
#define HOSTOS_RUN_H

/* argv[0] is "run". Exit status. */
int run__main(int argc, char **argv);

#endif
