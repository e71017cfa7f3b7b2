/* SPDX-License-Identifier: GPL-2.0-only */
/* trap_bytes.c: copies of text without WRPKRU and XRSTOR. */
#ifndef KAP_X86_TRAP_BYTES_H
#define KAP_X86_TRAP_BYTES_H

#include <linux/types.h>

/*
 * Puts traps into a page that nobody executes yet, until it holds no WRPKRU and no XRSTOR. False:
 * that can't be done without changing what the program does; then they are still there.
 */
bool kap_trap_bytes(u8 *page, bool *changed);

#endif
