/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Caches are coherent. The vmap hooks show new kernel mappings to the host at
 * once, in runs, which is cheaper than a fault for each page.
 */
#ifndef _ASM_KAP_CACHEFLUSH_H
#define _ASM_KAP_CACHEFLUSH_H

extern void kap_show_kernel_range(unsigned long start, unsigned long end);

#define flush_cache_vmap(start, end)		kap_show_kernel_range(start, end)
#define flush_cache_vmap_early(start, end)	kap_show_kernel_range(start, end)

/* Somebody has written to a page of a file: patched.c may have a copy. */
struct folio;
extern void kap_flush_dcache_folio(struct folio *folio);
#define ARCH_IMPLEMENTS_FLUSH_DCACHE_PAGE 1
#define flush_dcache_folio(folio)	kap_flush_dcache_folio(folio)
#define flush_dcache_page(page)		kap_flush_dcache_folio(page_folio(page))

/* A debugger has written to a program's text. */
struct mm_struct;
extern void kap_flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end);
#define flush_icache_user_page(vma, page, addr, len) \
	kap_flush_mm_range((vma)->vm_mm, addr, (addr) + (len))

#include <asm-generic/cacheflush.h>

#endif
