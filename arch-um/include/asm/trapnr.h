/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: exception numbers */
#include <x86/include/asm/trapnr.h>
