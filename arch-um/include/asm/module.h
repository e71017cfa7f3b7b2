/* SPDX-License-Identifier: GPL-2.0-only */
/* Loadable modules: a small offset table for symbols that are reached through one. */
#ifndef _ASM_KAP_MODULE_H
#define _ASM_KAP_MODULE_H

#include <asm-generic/module.h>

struct mod_arch_specific {
	unsigned int got_index;		/* section that holds the table */
	unsigned int got_used;
	unsigned int got_max;
};

#endif
