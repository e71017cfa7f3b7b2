/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: per-CPU counters */
#include <x86/include/asm/local.h>
