/* SPDX-License-Identifier: GPL-2.0-only */
/* For the scheduler: the clock of stolen time. */
#include <asm/paravirt.h>
