/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: its attribute tables */
#include <x86/include/asm/inat.h>
