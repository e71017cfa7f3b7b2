/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a run ended, said to the user and as an exit status.
 */
#ifndef HOSTOS_VERDICT_H
#define HOSTOS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/life.h"

#define VERDICT_RESTART (-1)	/* no exit status: the guest asked for a reboot */

struct verdict_run {
	enum life_end why;
	int detail;
	const char *kernel;
	bool has_command;
};

/* After all devices have been shut down and the terminal was restored. */
int verdict__of(struct vm *vm, const struct verdict_run *run);

#endif
