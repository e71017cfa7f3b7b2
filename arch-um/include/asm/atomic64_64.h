/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: locked instructions */
#include <x86/include/asm/atomic64_64.h>
