/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a new program's stack begins. */
#ifndef _ASM_KAP_EXEC_H
#define _ASM_KAP_EXEC_H

extern unsigned long arch_align_stack(unsigned long sp);

#endif
