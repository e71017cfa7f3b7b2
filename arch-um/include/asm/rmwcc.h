/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: flag results of locked instructions */
#include <x86/include/asm/rmwcc.h>
