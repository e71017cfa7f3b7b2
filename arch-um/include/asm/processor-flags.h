/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: bits of the flags register */
#include <x86/include/asm/processor-flags.h>
