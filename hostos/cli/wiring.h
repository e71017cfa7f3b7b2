/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which host file each console port of the guest is connected to.
 */
#ifndef HOSTOS_WIRING_H
#define HOSTOS_WIRING_H

#include <stdbool.h>

struct vm;

/* First of all: looks at stdin and stdout. */
void wiring__choose(bool has_command);

/* stdout may be a terminal whose input is another program's: nothing may be asked there. */
void wiring__share_terminal(void);

/* "console" or "ports", for the guest's init. */
const char *wiring__mode(void);
bool wiring__wants_terminal(void);

/* Creates the console. 0 or -errno, told. */
int wiring__create(struct vm *vm);

/* Status that the guest's init gave for the command; -1: none. */
int wiring__command_status(void);

/* The line protocol of the control port, fed with whatever the guest sends. */
void wiring__control(const void *data, unsigned int len, void *arg);

#endif
