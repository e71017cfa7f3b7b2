/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing kernel text, which is mapped without write permission. */
#ifndef _ASM_KAP_PATCH_H
#define _ASM_KAP_PATCH_H

#include <linux/types.h>

/* Writes len bytes at addr; the caller holds text_mutex and keeps other CPUs out of the bytes. */
extern void kap_text_write(void *addr, const void *bytes, size_t len);

/* The same for text that other CPUs may execute: they wait meanwhile. Under cpus_read_lock. */
extern void kap_text_patch(void *addr, const void *bytes, size_t len);

#endif
