/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: 16-byte cmpxchg */
#include <x86/include/asm/cmpxchg_64.h>
