/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal: raw while the guest runs, restored on every way out.
 */
#ifndef HOSTOS_TERMINAL_H
#define HOSTOS_TERMINAL_H

#include <stdbool.h>

/* Size of the terminal at stdout or stdin; false (and 80x24) when neither is one. */
bool terminal__size(unsigned int *cols, unsigned int *rows);

/* Raw mode, when stdin is a terminal. Returns whether it is raw now. */
bool terminal__enter(void);
void terminal__leave(void);

/* After SIGCONT: a shell may have changed the mode while kap was stopped. */
void terminal__continued(void);

#endif
