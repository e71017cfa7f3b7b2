/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The escape key of the guest's terminal.
 */
#ifndef HOSTOS_ESCAPE_H
#define HOSTOS_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#define ESCAPE_KEY 1	/* Ctrl-A */

struct escape {
	bool pending;		/* the last byte was the escape key */
	void (*leave)(void);
	void (*help)(void);
};

/* Takes escape sequences out of data, in place; returns what is left for the guest. */
uint32_t escape__filter(struct escape *escape, uint8_t *data, uint32_t len);

#endif
