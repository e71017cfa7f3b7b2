/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: prefixes of virtual machines */
#include <x86/include/asm/emulate_prefix.h>
