/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: their types */
#include <x86/include/asm/inat_types.h>
