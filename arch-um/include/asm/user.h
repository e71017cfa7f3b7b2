/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: register layout of core files */
#include <x86/include/asm/user.h>
