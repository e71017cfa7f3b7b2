// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protection of kernel memory: text r-x, constants r--, everything else rw-.
 *
 * The window is mapped once, with all permissions, because the image can't know
 * its sections before it runs. The linear map has no tables of its own, so the image's
 * protection lives in the host's mapping only; modules have theirs in the kernel's tables.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/set_memory.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include <asm/sections.h>
#include <kap/machine.h>

#include "space.h"

#ifdef CONFIG_STRICT_KERNEL_RWX

bool kap_image_protected __ro_after_init;

static void protect(unsigned long start, unsigned long end, u32 prot)
{
	int err;

	if (start >= end)
		return;
	preempt_disable();
	err = kap_kernel_protect(start, end - start, prot);
	preempt_enable();
	if (err)
		panic("kap: the host refuses to protect kernel memory at %lx: error %d", start,
		      -err);
}

void mark_rodata_ro(void)
{
	unsigned long window = PAGE_OFFSET;
	unsigned long text = (unsigned long)_stext, text_end = (unsigned long)_etext;
	unsigned long rodata = (unsigned long)__start_rodata;
	unsigned long rodata_end = (unsigned long)__end_rodata;

	kap_image_protected = true;
	protect(window, text, KAP_PROT_READ | KAP_PROT_WRITE);
	protect(text, text_end, KAP_PROT_READ | KAP_PROT_EXEC);
	protect(text_end, rodata, KAP_PROT_READ | KAP_PROT_WRITE);
	protect(rodata, rodata_end, KAP_PROT_READ);
	protect(rodata_end, (unsigned long)__va(kap_ram_end), KAP_PROT_READ | KAP_PROT_WRITE);
}

#endif

static int change(unsigned long addr, int numpages, unsigned long clear, unsigned long set)
{
	unsigned long start = addr & PAGE_MASK, end = start + (unsigned long)numpages * PAGE_SIZE;
	unsigned long at;

	if (numpages <= 0)
		return 0;
	/* All or nothing. */
	for (at = start; at < end; at += PAGE_SIZE) {
		pte_t *ptep = is_vmalloc_or_module_addr((void *)at) ? kap_kernel_pte(at) : NULL;

		if (!ptep || !pte_present(READ_ONCE(*ptep)))
			return -EINVAL;
	}
	for (at = start; at < end; at += PAGE_SIZE) {
		pte_t *ptep = kap_kernel_pte(at);

		set_pte(ptep, __pte((pte_val(*ptep) & ~clear) | set));
	}
	/* Other host processes may show the old ones. */
	flush_tlb_kernel_range(start, end);
	kap_show_kernel_range(start, end);
	return 0;
}

int set_memory_ro(unsigned long addr, int numpages)
{
	return change(addr, numpages, _PAGE_WRITE | _PAGE_DIRTY, 0);
}

int set_memory_rw(unsigned long addr, int numpages)
{
	return change(addr, numpages, 0, _PAGE_WRITE | _PAGE_DIRTY);
}

int set_memory_x(unsigned long addr, int numpages)
{
	return change(addr, numpages, _PAGE_NX, 0);
}

int set_memory_nx(unsigned long addr, int numpages)
{
	return change(addr, numpages, 0, _PAGE_NX);
}

int set_memory_rox(unsigned long addr, int numpages)
{
	return change(addr, numpages, _PAGE_WRITE | _PAGE_DIRTY | _PAGE_NX, 0);
}
