// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering programs in memory. What a file system reads comes to pages that lie anywhere, and each
 * of them is a mapping of the host's in every process that runs the program. So pages of programs
 * that are found scattered are moved to where they are neighbours, as memory compaction moves them.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swap.h>

#include "ahead.h"
#include "twin.h"

#define MOST_PAGES 64
/* Not worth it while there are so many pages to a run. */
#define GOOD_RUN 8
/* Something that could not be moved is not tried again for so long. */
#define AGAIN (30 * HZ)

struct place {
	struct page *pages;
	pgoff_t first;
	unsigned int nr;
	DECLARE_BITMAP(used, MOST_PAGES);
};

static struct folio *take_place(struct folio *folio, unsigned long private)
{
	struct place *place = (struct place *)private;
	pgoff_t i = folio->index - place->first;

	if (i >= place->nr || test_and_set_bit(i, place->used))
		return NULL;
	return page_folio(place->pages + i);
}

static void give_back(struct folio *folio, unsigned long private)
{
	struct place *place = (struct place *)private;

	clear_bit(folio_page(folio, 0) - place->pages, place->used);
}

/* Pages whose copies are executed stay where they are: patched.c and twin.c know them by number. */
static struct folio *movable_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return NULL;
	if (!folio_test_large(folio) && folio_test_uptodate(folio) &&
	    !test_bit(PG_arch_1, &folio->flags))
		return folio;
	folio_put(folio);
	return NULL;
}

static bool is_scattered(struct address_space *mapping, pgoff_t first, unsigned int nr)
{
	unsigned int i, pages = 0, runs = 0;
	unsigned long next = 0;

	for (i = 0; i < nr; i++) {
		struct folio *folio = movable_folio(mapping, first + i);

		if (!folio)
			continue;
		pages++;
		runs += folio_pfn(folio) != next;
		next = folio_pfn(folio) + 1;
		folio_put(folio);
	}
	return runs > 1 + pages / GOOD_RUN;
}

/* Whether it was not tried of late; from now on it was. Two at a time do no harm. */
static bool is_due(const struct address_space *mapping, pgoff_t first)
{
	static struct {
		unsigned long key, when;
	} tried[64];
	unsigned long key = (unsigned long)mapping + first;
	unsigned int i = hash_long(key, 6);

	if (READ_ONCE(tried[i].key) == key && time_before(jiffies, tried[i].when + AGAIN))
		return false;
	WRITE_ONCE(tried[i].key, key);
	WRITE_ONCE(tried[i].when, jiffies);
	return true;
}

static void gather(struct address_space *mapping, pgoff_t first, unsigned int nr)
{
	unsigned int i, order = order_base_2(nr);
	gfp_t gfp = (mapping_gfp_mask(mapping) | __GFP_NOWARN) & ~__GFP_RECLAIM;
	struct place place = { .first = first, .nr = 1 << order };
	LIST_HEAD(folios);

	place.pages = alloc_pages(gfp, order);
	if (!place.pages)
		return;
	split_page(place.pages, order);
	lru_add_drain();
	for (i = 0; i < nr; i++) {
		struct folio *folio = movable_folio(mapping, first + i);

		if (!folio)
			continue;
		isolate_folio_to_list(folio, &folios);
		folio_put(folio);
	}
	migrate_pages(&folios, take_place, give_back, (unsigned long)&place, MIGRATE_ASYNC,
		      MR_CONTIG_RANGE, NULL);
	putback_movable_pages(&folios);
	for (i = 0; i < place.nr; i++)
		if (!test_bit(i, place.used))
			__free_page(place.pages + i);
}

static bool runs_same_file(struct vm_area_struct *vma, struct vm_area_struct *other)
{
	return other && (other->vm_flags & VM_EXEC) && other->vm_file &&
	       other->vm_file->f_mapping == vma->vm_file->f_mapping;
}

/* Text, or what a linker puts beside it. */
static bool is_program(struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_WRITE | VM_SHARED))
		return false;
	return runs_same_file(vma, vma) ||
	       runs_same_file(vma, find_vma(vma->vm_mm, vma->vm_start - 1)) ||
	       runs_same_file(vma, find_vma(vma->vm_mm, vma->vm_end));
}

void kap_gather_program(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct address_space *mapping = vma->vm_file->f_mapping;
	pgoff_t first = linear_page_index(vma, start);
	unsigned long nr = min((end - start) >> PAGE_SHIFT, MOST_PAGES);

	if (!IS_ENABLED(CONFIG_MIGRATION) || !is_program(vma) ||
	    (kap_twins && (vma->vm_flags & VM_EXEC)))
		return;
	if (is_scattered(mapping, first, nr) && is_due(mapping, first))
		gather(mapping, first, nr);
}
