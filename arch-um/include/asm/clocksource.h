/* SPDX-License-Identifier: GPL-2.0-only */
/* Clock sources that the vDSO can read. */
#include <asm/vdso/clocksource.h>
