/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reboot of a guest: kap starts again from the beginning, with the same options.
 */
#ifndef HOSTOS_RESTART_H
#define HOSTOS_RESTART_H

struct run_options;

/* Remembers the arguments (argv[0] is "run") and the time. */
void restart__begin(char **argv);

/* Everything of the old guest must be gone. Returns only on failure: an exit status. */
int restart__now(const struct run_options *options);

#endif
