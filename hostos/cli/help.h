/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Help texts.
 */
#ifndef HOSTOS_HELP_H
#define HOSTOS_HELP_H

#define KAP_VERSION "0.1"

/* `kap help [topic]`; topic NULL: the overview. Exit status. */
int help__print(const char *topic);
int help__version(void);

#endif
