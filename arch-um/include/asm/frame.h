/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: stack frames of assembly functions */
#include <x86/include/asm/frame.h>
