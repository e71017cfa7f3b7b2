// SPDX-License-Identifier: GPL-2.0-only
/*
 * Escape sequences: Ctrl-A and one more key. A sequence may be cut anywhere by reads. Output is
 * never longer than input, so an unknown second key is dropped together with the first.
 */
#include "cli/escape.h"

uint32_t escape__filter(struct escape *escape, uint8_t *data, uint32_t len)
{
	uint32_t out = 0;

	for (uint32_t in = 0; in < len; in++) {
		uint8_t byte = data[in];

		if (!escape->pending) {
			if (byte == ESCAPE_KEY)
				escape->pending = true;
			else
				data[out++] = byte;
			continue;
		}
		escape->pending = false;
		switch (byte) {
		case 'x':
		case 'X':
			escape->leave();
			return out;
		case '?':
		case 'h':
			escape->help();
			break;
		case ESCAPE_KEY:
		case 'a':
			data[out++] = ESCAPE_KEY;
			break;
		}
	}
	return out;
}
