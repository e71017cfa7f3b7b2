/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: 64-bit division */
#include <x86/include/asm/div64.h>
