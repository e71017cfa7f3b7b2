// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exec twins: where the kernel is behind a protection key, user code must not execute WRPKRU or
 * XRSTOR. So it never executes a page of its own, but a copy of it that nobody can write, and
 * that was searched for the two before it was shown.
 *
 * Whatever becomes of the page afterwards, and by whoever it is written, the copy stays what it
 * was: that is the whole protection. A copy that is no longer like its page is given up the next
 * time it is shown; that programs see their new code in time is the business of who calls here.
 *
 * A few pages hold the bytes of one: they get traps in the copy (x86/trap_bytes.c). Where that
 * can't be done the page is not shown, but stepped through (step.c).
 *
 * An instruction may lie across two pages. For each address space there is a record of what the
 * borders of its executable pages are, or were: one more than there is does no harm.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <asm/tlbflush.h>
#include <kap/machine.h>
#include <kap/scan.h>

#include "../x86/trap_bytes.h"
#include "space.h"
#include "twin.h"

bool kap_twins __ro_after_init;
bool kap_any_refused;

/* Neighbours in memory have neighbouring copies, so that a run stays a run. */
#define RUN_ORDER 4
#define RUN_PAGES (1 << RUN_ORDER)

struct twin_run {
	u8 *page[RUN_PAGES];
	u8 borders[RUN_PAGES];
	u16 made; /* bit n: page n is a copy */
	u16 bad; /* bit n: which nobody may execute */
	u16 trapped; /* bit n: which has traps */
	u16 wanted; /* bit n: somebody has executed something there */
	struct twin_run *older; /* copies that pages have had before */
};

static DEFINE_XARRAY(runs); /* by number of the first page */
static DEFINE_SPINLOCK(lock);
static atomic_long_t nr_runs;

static void free_all(struct work_struct *work);
static DECLARE_WORK(free_work, free_all);

/* Memory that copies may take: an eighth. */
static bool too_many(void)
{
	return atomic_long_read(&nr_runs) > totalram_pages() / 8 / RUN_PAGES;
}

static void free_run(struct twin_run *run)
{
	unsigned int i;

	for (i = 0; i < RUN_PAGES; i++)
		if (run->page[i])
			free_page((unsigned long)run->page[i]);
	kfree(run);
	atomic_long_dec(&nr_runs);
}

static struct twin_run *new_run(void)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct twin_run *run = kzalloc(sizeof(*run), gfp);
	struct page *pages;
	unsigned int i;

	if (!run)
		return NULL;
	atomic_long_inc(&nr_runs);
	/* Without a run of memory each page is got for itself, when it is wanted. */
	pages = alloc_pages((gfp & ~__GFP_HIGH) | __GFP_NORETRY, RUN_ORDER);
	if (!pages)
		return run;
	split_page(pages, RUN_ORDER);
	for (i = 0; i < RUN_PAGES; i++)
		run->page[i] = page_address(pages + i);
	return run;
}

static bool same(const u8 *a, const u8 *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i += 4)
		if ((x[i] ^ y[i]) | (x[i + 1] ^ y[i + 1]) | (x[i + 2] ^ y[i + 2]) |
		    (x[i + 3] ^ y[i + 3]))
			return false;
	return true;
}

/* With traps in it the copy is not like its page; but the same traps make it so again. */
static bool like(const struct twin_run *run, unsigned int i, const u8 *page)
{
	static u8 again[PAGE_SIZE];
	bool ignored;

	if (likely(same(run->page[i], page)))
		return true;
	if (!(run->trapped & BIT(i)))
		return false;
	memcpy(again, page, PAGE_SIZE);
	return kap_trap_bytes(again, &ignored) && same(run->page[i], again);
}

/* Its copy may be shown in places where nobody knows of: that stays as it is. */
static bool set_aside(struct twin_run *run, unsigned int i)
{
	struct twin_run *older = run->older;

	if (!older || older->page[i]) {
		older = kzalloc(sizeof(*older), GFP_ATOMIC | __GFP_NOWARN);
		if (!older)
			return false;
		atomic_long_inc(&nr_runs);
		older->older = run->older;
		run->older = older;
	}
	older->page[i] = run->page[i];
	run->page[i] = NULL;
	return true;
}

/* What may be shown of the copy. Traps are for who executes: nobody should read them as data. */
static u8 *shown(struct twin_run *run, unsigned int i, bool wanted)
{
	if (wanted)
		run->wanted |= BIT(i);
	return run->bad & BIT(i) || (run->trapped & ~run->wanted & BIT(i)) ? NULL : run->page[i];
}

/* The twin of the page, or null. Under the lock. */
static u8 *twin_of(unsigned long pfn, u8 *borders, bool wanted)
{
	const u8 *page = __va(pfn << PAGE_SHIFT);
	unsigned int i = pfn % RUN_PAGES;
	struct twin_run *run = xa_load(&runs, pfn / RUN_PAGES);
	bool trapped;

	if (!run) {
		run = new_run();
		if (!run)
			return NULL;
		if (xa_err(xa_store(&runs, pfn / RUN_PAGES, run, GFP_ATOMIC | __GFP_NOWARN))) {
			free_run(run);
			return NULL;
		}
	}
	if (run->made & BIT(i)) {
		if (likely(like(run, i, page))) {
			*borders = run->borders[i];
			return shown(run, i, wanted);
		}
		if (!set_aside(run, i))
			return NULL;
		run->made &= ~BIT(i);
	}
	if (!run->page[i])
		run->page[i] = (u8 *)__get_free_page(GFP_ATOMIC | __GFP_NOWARN);
	if (!run->page[i])
		return NULL;
	memcpy(run->page[i], page, PAGE_SIZE);
	run->bad &= ~BIT(i);
	run->trapped &= ~BIT(i);
	run->wanted &= ~BIT(i);
	if (!kap_trap_bytes(run->page[i], &trapped)) {
		run->bad |= BIT(i);
		kap_any_refused = true;
		memcpy(run->page[i], page, PAGE_SIZE);
	} else if (trapped) {
		run->trapped |= BIT(i);
	}
	run->borders[i] = scan_borders(run->page[i]);
	run->made |= BIT(i);
	*borders = run->borders[i];
	return shown(run, i, wanted);
}

static u8 borders_at(struct mm_struct *mm, unsigned long vpn)
{
	void *entry = xa_load(mm->context.borders, vpn);

	return entry ? xa_to_value(entry) : SCAN_BORDERS_NONE;
}

static bool record(struct mm_struct *mm, unsigned long vpn, u8 borders)
{
	if (!borders) {
		if (unlikely(xa_load(mm->context.borders, vpn)))
			xa_erase(mm->context.borders, vpn);
		return true;
	}
	return !xa_err(xa_store(mm->context.borders, vpn, xa_mk_value(borders),
				GFP_ATOMIC | __GFP_NOWARN));
}

static void take_away(struct mm_struct *mm, unsigned long vpn)
{
	kap_space_unmap(&mm->context.space, vpn << PAGE_SHIFT, PAGE_SIZE);
	record(mm, vpn, SCAN_BORDERS_NONE);
}

u64 kap_twin_show(struct mm_struct *mm, unsigned long addr, u64 phys, bool wanted)
{
	unsigned long vpn = addr >> PAGE_SHIFT;
	bool below, above;
	u8 borders, *twin;

	/* Before the copy, so that later writes to the file are told of: patched.c. */
	if (!test_bit(PG_arch_1, &page_folio(pfn_to_page(phys >> PAGE_SHIFT))->flags))
		set_bit(PG_arch_1, &page_folio(pfn_to_page(phys >> PAGE_SHIFT))->flags);
	smp_mb__after_atomic();
	spin_lock(&lock);
	twin = twin_of(phys >> PAGE_SHIFT, &borders, wanted);
	spin_unlock(&lock);
	if (unlikely(too_many()))
		schedule_work(&free_work);
	if (!twin)
		return 0;
	below = scan_across(borders_at(mm, vpn - 1), borders);
	above = scan_across(borders, borders_at(mm, vpn + 1));
	if (unlikely(below || above)) {
		if (!wanted)
			return 0;
		if (below)
			take_away(mm, vpn - 1);
		if (above)
			take_away(mm, vpn + 1);
	}
	return record(mm, vpn, borders) ? virt_to_phys(twin) : 0;
}

const u8 *kap_twin_text(unsigned long pfn, bool wanted, bool *refused)
{
	unsigned int i = pfn % RUN_PAGES;
	struct twin_run *run;
	u8 borders, *text;

	spin_lock(&lock);
	text = twin_of(pfn, &borders, wanted);
	run = xa_load(&runs, pfn / RUN_PAGES);
	*refused = !text && run && (run->made & run->bad & BIT(i));
	if (*refused)
		text = run->page[i];
	spin_unlock(&lock);
	return text;
}

bool kap_twin_refuses(unsigned long pfn)
{
	struct twin_run *run;
	unsigned long flags;
	bool refuses;

	spin_lock_irqsave(&lock, flags);
	run = xa_load(&runs, pfn / RUN_PAGES);
	refuses = run && (run->made & run->bad & BIT(pfn % RUN_PAGES));
	spin_unlock_irqrestore(&lock, flags);
	return refuses;
}

bool kap_twin_new(struct mm_struct *mm)
{
	mm->context.borders = NULL;
	if (!kap_twins)
		return true;
	mm->context.borders = kmalloc(sizeof(*mm->context.borders), GFP_KERNEL);
	if (mm->context.borders)
		xa_init_flags(mm->context.borders, XA_FLAGS_LOCK_IRQ);
	return mm->context.borders;
}

void kap_twin_drop(struct mm_struct *mm)
{
	if (mm->context.borders)
		xa_destroy(mm->context.borders);
	kfree(mm->context.borders);
	mm->context.borders = NULL;
}

/* ---- giving memory back ---- */

static void flush_everybody(void)
{
	struct task_struct *process, *thread;
	struct mm_struct *mm;

	rcu_read_lock();
	for_each_process_thread(process, thread)
	{
		mm = get_task_mm(thread);
		if (!mm)
			continue;
		kap_flush_mm_range(mm, 0, TASK_SIZE_MAX);
		mmput_async(mm);
	}
	rcu_read_unlock();
}

/*
 * Nobody finds the old copies any more; then nobody shows them any more. An address space takes its
 * lock around both, so one that has found a copy before is flushed after it has shown it.
 */
static void free_all(struct work_struct *work)
{
	struct twin_run *run, *all = NULL, *next;
	unsigned long index;

	spin_lock_irq(&lock);
	xa_for_each(&runs, index, run)
	{
		struct twin_run *last = run;

		xa_erase(&runs, index);
		while (last->older)
			last = last->older;
		last->older = all;
		all = run;
	}
	spin_unlock_irq(&lock);
	/* Who found one to step through it (step.c) has interrupts off until it is taken away. */
	synchronize_rcu();
	flush_everybody();
	for (run = all; run; run = next) {
		next = run->older;
		free_run(run);
	}
}

/* ---- memory that is written through one mapping and executed through another ---- */

bool kap_twin_written_elsewhere(unsigned long pfn)
{
	struct folio *folio = page_folio(pfn_to_page(pfn));
	struct address_space *mapping = folio_test_anon(folio) ? NULL : folio_mapping(folio);

	return mapping && mapping_writably_mapped(mapping);
}

void kap_twin_before_fetch(struct vm_area_struct *vma, unsigned long addr)
{
	struct folio *folio;

	if (!vma->vm_file || !mapping_writably_mapped(vma->vm_file->f_mapping))
		return;
	folio = filemap_lock_folio(vma->vm_file->f_mapping, linear_page_index(vma, addr));
	if (IS_ERR(folio))
		return;
	/* Who writes to it has to fault first. */
	if (folio_mkclean(folio))
		folio_mark_dirty(folio);
	folio_unlock(folio);
	folio_put(folio);
}

/* All who may execute the pages have to fetch anew; only `but` stays. */
static void flush_fetches(struct address_space *mapping, pgoff_t first, pgoff_t last,
			  struct vm_area_struct *but)
{
	struct vm_area_struct *vma;

	vma_interval_tree_foreach(vma, &mapping->i_mmap, first, last)
	{
		pgoff_t from = max(first, vma->vm_pgoff) - vma->vm_pgoff;
		pgoff_t to = min(last - vma->vm_pgoff, vma_pages(vma) - 1);

		if ((vma->vm_flags & VM_EXEC) && vma != but)
			kap_flush_mm_range(vma->vm_mm, vma->vm_start + (from << PAGE_SHIFT),
					   vma->vm_start + ((to + 1) << PAGE_SHIFT));
	}
}

void kap_fetch_anew(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	/* Who calls may not be able to wait; then programs go on with what was there before. */
	if (!i_mmap_trylock_read(mapping))
		return;
	flush_fetches(mapping, first, last, NULL);
	i_mmap_unlock_read(mapping);
}

void kap_twin_after_write(struct vm_area_struct *vma, unsigned long addr)
{
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;
	pgoff_t index = linear_page_index(vma, addr);

	if (!mapping || !(vma->vm_flags & VM_SHARED))
		return;
	i_mmap_lock_read(mapping);
	flush_fetches(mapping, index, index, vma);
	i_mmap_unlock_read(mapping);
}

static int __init set_twins(char *arg)
{
	kap_twins = kap_boot_info()->engine == KAP_ENGINE_DIRECT;
	return 0;
}
early_param("kap_twins", set_twins);

static int __init twins_init(void)
{
	if (kap_boot_info()->keys)
		kap_twins = true;
	return 0;
}
early_initcall(twins_init);
