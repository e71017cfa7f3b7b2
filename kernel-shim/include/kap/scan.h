/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where WRPKRU and XRSTOR begin in bytes that user code may execute.
 *
 * Both are three bytes for this purpose: 0f 01 ef, and 0f ae with a ModRM byte of /5 that names
 * memory (of a register it is LFENCE). Prefixes before the 0f make no difference, since a jump may
 * land behind them. XRSTORS needs no search: it is privileged. No two of these overlap.
 *
 * Whoever calls sees to it that nobody can write the page from before the scan until no user code
 * may execute it any more.
 */
#ifndef KAP_SCAN_H
#define KAP_SCAN_H

#include <kap/abi.h>

/* Offset of the first one at or after `from` that lies within bytes[0..len) whole; len: none. */
kap_u32 scan_next(const void *bytes, kap_u32 len, kap_u32 from);

/*
 * One byte that tells what a page contributes to an instruction across one of its borders. It
 * depends on the page alone, so pages are scanned one at a time and in any order.
 */
kap_u8 scan_borders(const void *page);

/* For a neighbour that is not known: whatever could be there. */
#define SCAN_BORDERS_UNKNOWN 0xff
/* For a neighbour that user code can't execute. */
#define SCAN_BORDERS_NONE 0

/*
 * How many bytes of the lower page (1 or 2) belong to an instruction that begins in it and ends in
 * the page mapped behind it; 0: there is none. With an unknown page it may be one too many, never
 * one too few.
 */
kap_u32 scan_across(kap_u8 lower, kap_u8 upper);

/*
 * For an exec twin: this byte, SCAN_TRAP_AT behind the place that scan_next() tells, makes UD2 of
 * the instruction, whose trap tells the address of its first prefix (a one-byte trap in place of
 * the 0f would not). No other one can come into being by it.
 *
 * Most finds in real programs are parts of other instructions (displacements, mostly), and this
 * would change what those do: who patches has to know that the program means the one.
 */
#define SCAN_TRAP_AT 1
#define SCAN_TRAP_BYTE 0x0b

#endif
