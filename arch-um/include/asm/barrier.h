/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: memory ordering */
#include <asm/vdso/processor.h>
#include <x86/include/asm/barrier.h>
