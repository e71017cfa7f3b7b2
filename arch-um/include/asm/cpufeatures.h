/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: feature bits */
#include <x86/include/asm/cpufeatures.h>
