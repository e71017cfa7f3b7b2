/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: cmpxchg and xchg */
#include <x86/include/asm/cmpxchg.h>
