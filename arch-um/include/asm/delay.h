/* SPDX-License-Identifier: GPL-2.0-only */
/* Short busy waits: other host threads run meanwhile. */
#include <asm-generic/delay.h>
