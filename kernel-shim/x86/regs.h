/* SPDX-License-Identifier: GPL-2.0-only */
/* Offsets in struct kap_regs, for assembler files. */
#ifndef X86_REGS_H
#define X86_REGS_H

#define REGS_R15	(0 * 8)
#define REGS_R14	(1 * 8)
#define REGS_R13	(2 * 8)
#define REGS_R12	(3 * 8)
#define REGS_BP		(4 * 8)
#define REGS_BX		(5 * 8)
#define REGS_R11	(6 * 8)
#define REGS_R10	(7 * 8)
#define REGS_R9		(8 * 8)
#define REGS_R8		(9 * 8)
#define REGS_AX		(10 * 8)
#define REGS_CX		(11 * 8)
#define REGS_DX		(12 * 8)
#define REGS_SI		(13 * 8)
#define REGS_DI		(14 * 8)
#define REGS_FLAGS	(18 * 8)
#define REGS_SP		(19 * 8)

#endif
