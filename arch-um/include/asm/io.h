/* SPDX-License-Identifier: GPL-2.0-only */
/* There is no I/O memory; the helpers are for code that only compiles against them. */
#ifndef _ASM_KAP_IO_H
#define _ASM_KAP_IO_H

#include <linux/types.h>
#include <asm-generic/io.h>

#endif
