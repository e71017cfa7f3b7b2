// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patched forms of files' text. The file's pages in the page cache stay as they are: what reads
 * the file, or maps it for anything but execution, sees nothing of it. The 2 MiB of text that have
 * a patched site in them get a copy, so that they are one run for the host, which the page cache
 * seldom is: programs start faster. When many files have one already, it is 64 KiB.
 *
 * A copy of a page is good for as long as the page cache has the same page (PG_arch_2 goes when it
 * is freed), and nobody writes to it (PG_arch_1: who writes looks here); afterwards the page goes
 * without. Stores nobody sees: files that somebody has mapped for those go without altogether.
 * Copies are kept, and may take a 16th of memory.
 */
#include <linux/fadvise.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include <kap/gate.h>

#include "../x86/sites.h"
#include "patched.h"
#include "space.h"
#include "twin.h"
#include "uaccess.h"

#define LARGE_PAGES 512
#define SMALL_PAGES 16

struct kap_patched {
	struct hlist_node node;
	struct address_space *mapping; /* only compared */
	pgoff_t first;
	unsigned int base, nr_pages;
	u8 *bytes;
	unsigned long pfn[]; /* whose copy it is; 0: nobody's yet; or PFN_DEAD */
};

/* The file has changed: there will be no patched form of this page any more. */
#define PFN_DEAD (~0UL)

#define GROUP_BITS 8

static struct hlist_head groups[1 << GROUP_BITS];

/* Files with patched text; the index is their number. Entry 0 is nobody's. */
static struct address_space *files[KAP_GATE_BASES];
static unsigned int nr_files = 1;

static DEFINE_SPINLOCK(lock);

static struct hlist_head *bucket(struct address_space *mapping, pgoff_t index)
{
	return &groups[hash_64((unsigned long)mapping ^ (index / LARGE_PAGES), GROUP_BITS)];
}

/* The group with some of these pages. */
static struct kap_patched *find_in(struct address_space *mapping, pgoff_t first, pgoff_t end)
{
	struct kap_patched *group;

	hlist_for_each_entry_rcu(group, bucket(mapping, first), node,
				 true) if (group->mapping == mapping && group->first < end &&
					   first < group->first + group->nr_pages) return group;
	return NULL;
}

static struct kap_patched *find(struct address_space *mapping, pgoff_t index)
{
	return find_in(mapping, index, index + 1);
}

static unsigned int file_number(struct address_space *mapping)
{
	unsigned int i;

	for (i = 1; i < nr_files; i++)
		if (files[i] == mapping)
			return i;
	if (nr_files == KAP_GATE_BASES)
		return 0;
	files[nr_files] = mapping;
	return nr_files++;
}

/* Pages of all copies, and of those in large groups, which may take half of that. */
static unsigned long nr_copies, nr_large;

/* What has not been read yet of a large group; the next one to be made waits for that. */
static struct file *unread;
static pgoff_t unread_first;

static struct kap_patched *new_group(struct address_space *mapping, pgoff_t first,
				     unsigned int nr_pages)
{
	struct kap_patched *group = kvzalloc(struct_size(group, pfn, nr_pages), GFP_KERNEL);

	if (!group)
		return NULL;
	group->mapping = mapping;
	group->first = first;
	group->nr_pages = nr_pages;
	group->base = file_number(mapping);
	if (group->base && nr_copies + nr_pages <= totalram_pages() / 16)
		group->bytes = alloc_pages_exact(nr_pages * PAGE_SIZE,
						 GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!group->bytes) {
		kvfree(group);
		return NULL;
	}
	nr_copies += nr_pages;
	return group;
}

/* Callers are alone here: sites.c patches one site at a time. */
static struct kap_patched *make(struct file *file, pgoff_t index)
{
	struct address_space *mapping = file->f_mapping;
	pgoff_t first = round_down(index, LARGE_PAGES), end = first + LARGE_PAGES;
	struct kap_patched *group = NULL;

	end = min(end, DIV_ROUND_UP(i_size_read(mapping->host), PAGE_SIZE));
	if (index < end && !unread && !find_in(mapping, first, end) &&
	    nr_large + (end - first) <= totalram_pages() / 32)
		group = new_group(mapping, first, end - first);
	if (group) {
		nr_large += group->nr_pages;
		unread = get_file(file);
		unread_first = first;
	} else {
		group = new_group(mapping, round_down(index, SMALL_PAGES), SMALL_PAGES);
	}
	if (group)
		hlist_add_head_rcu(&group->node, bucket(mapping, group->first));
	return group;
}

/* A page of a file, as opposed to one that is some program's own. */
static struct address_space *file_of(struct page *page, pgoff_t *index)
{
	struct folio *folio = page_folio(page);
	struct address_space *mapping = folio_mapping(folio);

	if (!mapping || folio_test_anon(folio) || folio_test_swapcache(folio))
		return NULL;
	*index = folio->index + folio_page_idx(folio, page);
	return mapping;
}

/* Whether the copy is that of this page; it is made now if there was none. */
static bool fill(struct kap_patched *group, unsigned int i, struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long flags;

	if (likely(READ_ONCE(group->pfn[i]) == pfn)) {
		/*
		 * A page that was freed since then has come back for something else. Or it was part
		 * of a folio that was split, and who writes does not look here any more.
		 */
		if (unlikely(!test_bit(PG_arch_2, &page->flags) ||
			     !test_bit(PG_arch_1, &page_folio(page)->flags)))
			WRITE_ONCE(group->pfn[i], PFN_DEAD);
		return READ_ONCE(group->pfn[i]) == pfn;
	}
	spin_lock_irqsave(&lock, flags);
	if (!group->pfn[i]) {
		/* Before the copy: who writes meanwhile sees it, and spoils the copy. */
		set_bit(PG_arch_1, &page_folio(page)->flags);
		set_bit(PG_arch_2, &page->flags);
		smp_mb();
		memcpy(group->bytes + i * PAGE_SIZE, page_address(page), PAGE_SIZE);
		smp_store_release(&group->pfn[i], pfn);
	}
	spin_unlock_irqrestore(&lock, flags);
	return READ_ONCE(group->pfn[i]) == pfn;
}

u64 kap_patched_phys(struct mm_struct *mm, unsigned long addr, pte_t pte)
{
	u64 phys = (u64)pte_pfn(pte) << PAGE_SHIFT;
	struct address_space *mapping;
	struct kap_patched *group;
	struct page *page;
	unsigned int i;
	pgoff_t index;

	if (!mm->context.gates || kap_sites_hidden() || pte_write(pte) || !pfn_valid(pte_pfn(pte)))
		return phys;
	page = pte_page(pte);
	mapping = file_of(page, &index);
	if (!mapping || mapping_writably_mapped(mapping))
		return phys;
	group = find(mapping, index);
	if (!group || !kap_sites_allow(mm, group->base, addr - (index << PAGE_SHIFT)))
		return phys;
	i = index - group->first;
	return fill(group, i, page) ? virt_to_phys(group->bytes + i * PAGE_SIZE) : phys;
}

bool kap_patched_is_run(struct vm_area_struct *vma, unsigned long addr)
{
	struct kap_patched *group;
	bool is_run;

	if (!(vma->vm_flags & VM_EXEC) || !vma->vm_mm->context.gates)
		return false;
	rcu_read_lock();
	group = find(vma->vm_file->f_mapping, linear_page_index(vma, addr));
	is_run = group && group->nr_pages > SMALL_PAGES;
	rcu_read_unlock();
	return is_run;
}

/* Whether there was a copy that could be executed, be it one that was just being made. */
static bool spoil(struct kap_patched *group, unsigned int i)
{
	unsigned long flags, was;

	spin_lock_irqsave(&lock, flags);
	was = group->pfn[i];
	if (was)
		WRITE_ONCE(group->pfn[i], PFN_DEAD);
	spin_unlock_irqrestore(&lock, flags);
	return was && was != PFN_DEAD;
}

void kap_flush_dcache_folio(struct folio *folio)
{
	bool spoiled = kap_twins;
	struct address_space *mapping;
	pgoff_t index, last;

	/* Pairs with fill(): either that sees what was written, or this sees the flag. */
	smp_mb();
	if (likely(!test_bit(PG_arch_1, &folio->flags)))
		return;
	mapping = folio_mapping(folio);
	if (!mapping)
		return;
	last = folio->index + folio_nr_pages(folio) - 1;
	for (index = folio->index; index <= last; index++) {
		struct kap_patched *group;

		rcu_read_lock();
		group = find(mapping, index);
		spoiled |= group && spoil(group, index - group->first);
		rcu_read_unlock();
	}
	if (spoiled)
		kap_fetch_anew(mapping, folio->index, last);
}
EXPORT_SYMBOL(kap_flush_dcache_folio);

/* The page that user code of the current address space executes at addr, if it is a file's. */
static struct page *page_at(unsigned long addr)
{
	unsigned long flags;
	struct page *page = NULL;
	void *p;

	local_irq_save(flags);
	p = kap_user_ptr(addr, false);
	if (p) {
		page = virt_to_page(p);
		if (!folio_try_get(page_folio(page)))
			page = NULL;
	}
	kap_user_done();
	local_irq_restore(flags);
	return page;
}

/* Sites know their place in the file by 32 bits. */
static bool may_have_gates(struct address_space *mapping, pgoff_t index)
{
	return S_ISREG(mapping->host->i_mode) && !mapping_writably_mapped(mapping) &&
	       index < 1UL << (32 - PAGE_SHIFT) && file_number(mapping);
}

void kap_patched_leave(struct address_space *mapping)
{
	struct kap_patched *group;
	unsigned int i, n;

	for (n = 1; n < READ_ONCE(nr_files) && READ_ONCE(files[n]) != mapping; n++)
		;
	if (n == READ_ONCE(nr_files))
		return;
	rcu_read_lock();
	for (n = 0; n < ARRAY_SIZE(groups); n++)
		hlist_for_each_entry_rcu(group, &groups[n], node) for (i = 0;
								       group->mapping == mapping &&
								       i < group->nr_pages;
								       i++) spoil(group, i);
	rcu_read_unlock();
	kap_fetch_anew(mapping, 0, ULONG_MAX);
}

void kap_patched_read(void)
{
	struct file *file = unread;
	pgoff_t first = unread_first;

	/* Holes in the run otherwise. */
	if (file)
		vfs_fadvise(file, first << PAGE_SHIFT, LARGE_PAGES << PAGE_SHIFT,
			    POSIX_FADV_WILLNEED);
	unread = NULL;
	if (file)
		fput(file);
}

bool kap_patched_get(struct mm_struct *mm, unsigned long addr, struct kap_patched_page *text)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct address_space *mapping;
	struct page *page;
	pgoff_t index;
	bool ok = false;

	if (!vma || !vma->vm_file || (vma->vm_flags & (VM_EXEC | VM_WRITE)) != VM_EXEC)
		return false;
	page = page_at(addr);
	if (!page)
		return false;
	mapping = file_of(page, &index);
	if (mapping && mapping == vma->vm_file->f_mapping && may_have_gates(mapping, index) &&
	    kap_sites_allow(mm, file_number(mapping), (addr & PAGE_MASK) - (index << PAGE_SHIFT))) {
		struct kap_patched *group = find(mapping, index);

		group = group ? group : make(vma->vm_file, index);
		if (group && fill(group, index - group->first, page)) {
			text->bytes = group->bytes + (index - group->first) * PAGE_SIZE;
			text->base = group->base;
			text->offset = index << PAGE_SHIFT;
			ok = true;
		}
	}
	put_page(page);
	return ok;
}

void kap_patched_show(struct mm_struct *mm, unsigned long addr)
{
	/* What is shown there goes away; the next fetch faults, and is shown the patched form. */
	kap_flush_mm_range(mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
}
