// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where mappings may be: anywhere but in the hole. Refusing the addresses here
 * covers mmap, mremap, shmat, brk and program loading alike, and costs an address
 * space neither a mapping nor accounted memory.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/security.h>
#include <linux/sizes.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <asm/processor.h>
#include <kap/gate.h>

#include "../x86/sites.h"
#include "patched.h"

/*
 * Anonymous memory that can hold a 64 KiB run starts at such a boundary: then it is
 * faulted in and shown to the host in whole runs.
 */
static unsigned long alignment(struct file *file, unsigned long len)
{
	return !file && len >= SZ_64K ? SZ_64K - 1 : 0;
}

static unsigned long search(struct file *file, unsigned long len, unsigned long low,
			    unsigned long high, bool topdown)
{
	struct vm_unmapped_area_info info = {
		.flags = topdown ? VM_UNMAPPED_AREA_TOPDOWN : 0,
		.length = len,
		.align_mask = alignment(file, len),
		.low_limit = low,
		.high_limit = high,
	};

	if (low >= high || high - low < len)
		return -ENOMEM;
	return vm_unmapped_area(&info);
}

/* A search that leaves the hole out: on one side of it, then on the other. */
static unsigned long search_around(struct file *file, unsigned long len, unsigned long low,
				   unsigned long high, bool topdown)
{
	unsigned long lo_high = min(high, (unsigned long)KAP_HOLE_START);
	unsigned long hi_low = max(low, (unsigned long)KAP_HOLE_END);
	unsigned long addr;

	if (topdown) {
		addr = search(file, len, hi_low, high, true);
		if (IS_ERR_VALUE(addr))
			addr = search(file, len, low, lo_high, true);
	} else {
		addr = search(file, len, low, lo_high, false);
		if (IS_ERR_VALUE(addr))
			addr = search(file, len, hi_low, high, false);
	}
	return addr;
}

/* MAP_32BIT: the second GiB, as on x86-64 (mmap(2)). */
#define MAP_32BIT_START 0x40000000UL
#define MAP_32BIT_END 0x80000000UL

static unsigned long find_area(struct file *file, unsigned long addr, unsigned long len,
			       unsigned long flags, bool topdown)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;

	if (len > TASK_SIZE - mmap_min_addr)
		return -ENOMEM;
	if (flags & MAP_FIXED)
		return kap_in_hole(addr, len) ? -ENOMEM : addr;
	if (flags & MAP_32BIT)
		return search(file, len, MAP_32BIT_START, MAP_32BIT_END, false);
	if (addr) {
		addr = PAGE_ALIGN(addr);
		vma = find_vma_prev(mm, addr, &prev);
		if (TASK_SIZE - len >= addr && addr >= mmap_min_addr && !kap_in_hole(addr, len) &&
		    (!vma || addr + len <= vm_start_gap(vma)) &&
		    (!prev || addr >= vm_end_gap(prev)))
			return addr;
	}
	if (topdown) {
		addr = search_around(file, len, PAGE_SIZE, mm->mmap_base, true);
		if (!IS_ERR_VALUE(addr))
			return addr;
	}
	return search_around(file, len,
			     max(mm->mmap_base & -(unsigned long)!topdown,
				 (unsigned long)TASK_UNMAPPED_BASE),
			     TASK_SIZE, false);
}

static bool will_be_stored_to(const struct file *file, unsigned long flags)
{
	unsigned long type = flags & MAP_TYPE;

	return file && (file->f_mode & FMODE_WRITE) &&
	       (type == MAP_SHARED || type == MAP_SHARED_VALIDATE);
}

/* Programs may have the place of the gates' table; few want it. */
static unsigned long unmapped_area(struct file *file, unsigned long addr, unsigned long len,
				   unsigned long flags, bool topdown)
{
	addr = find_area(file, addr, len, flags, topdown);
	if (!IS_ERR_VALUE(addr) && current->mm->context.gates && addr < KAP_GATE_TABLE_END &&
	    addr + len > KAP_GATE_TABLE)
		kap_sites_leave(current->mm);
	if (will_be_stored_to(file, flags))
		kap_patched_leave(file->f_mapping);
	return addr;
}

unsigned long arch_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
				     unsigned long pgoff, unsigned long flags, vm_flags_t vm_flags)
{
	return unmapped_area(file, addr, len, flags, false);
}

unsigned long arch_get_unmapped_area_topdown(struct file *file, unsigned long addr,
					     unsigned long len, unsigned long pgoff,
					     unsigned long flags, vm_flags_t vm_flags)
{
	return unmapped_area(file, addr, len, flags, true);
}
