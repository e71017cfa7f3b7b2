/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What x86's headers expect of instruction patching: this port patches
 * nothing at boot, the first choice is always taken and locks are always locked.
 */
/* clang-format off */
#ifndef _ASM_KAP_ALTERNATIVE_H
#define _ASM_KAP_ALTERNATIVE_H

#ifndef __ASSEMBLY__
#include <linux/stringify.h>
#include <asm/asm.h>

#define LOCK_PREFIX_HERE	""
#define LOCK_PREFIX		"\n\tlock; "

#define ALTERNATIVE(oldinstr, newinstr, flags)	oldinstr
#define alternative(oldinstr, newinstr, flags) \
	asm volatile(oldinstr : : : "memory")
#endif
#endif
