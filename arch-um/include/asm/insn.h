/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: the instruction decoder */
#include <x86/include/asm/insn.h>
