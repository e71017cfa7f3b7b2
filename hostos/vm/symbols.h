/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for guest kernel addresses, from vmlinux.
 */
#ifndef HOSTOS_SYMBOLS_H
#define HOSTOS_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols;

/* NULL when the file has no usable symbol table (or no longer). */
struct symbols *symbols__load(const char *path);
void symbols__free(struct symbols *symbols);

/* "name+0x12/0x34" into text, or the bare address when no function is known there. */
void symbols__format(const struct symbols *symbols, uint64_t addr, char *text, size_t size);

#endif
