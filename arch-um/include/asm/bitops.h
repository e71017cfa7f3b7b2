/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: bit instructions */
#include <x86/include/asm/bitops.h>
