// SPDX-License-Identifier: GPL-2.0-only
/* RAM, zones, protection of pages. */
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/execmem.h>
#include <linux/huge_mm.h>
#include <linux/sizes.h>
#include <linux/pgtable.h>
#include <asm/page.h>
#include <asm/sections.h>
#include <kap/machine.h>

unsigned long kap_ram_end __ro_after_init;
EXPORT_SYMBOL(kap_ram_end);

pgd_t swapper_pg_dir[PTRS_PER_PGD] __page_aligned_bss;
unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)] __page_aligned_bss;
EXPORT_SYMBOL(empty_zero_page);

void __init paging_init(void)
{
	unsigned long max_zone_pfn[MAX_NR_ZONES] = { 0 };

	max_low_pfn = max_pfn = PFN_DOWN(kap_ram_end);
	min_low_pfn = 0;
	max_mapnr = max_pfn;
	high_memory = __va(kap_ram_end);
	max_zone_pfn[ZONE_NORMAL] = max_pfn;
	free_area_init(max_zone_pfn);
}

void __init mem_init(void)
{
	memblock_free_all();
}

static const pgprot_t protection_map[16] = {
	[VM_NONE]					= PAGE_NONE,
	[VM_READ]					= PAGE_READONLY,
	[VM_WRITE]					= PAGE_COPY,
	[VM_WRITE | VM_READ]				= PAGE_COPY,
	[VM_EXEC]					= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_READ]				= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE]				= PAGE_COPY_EXEC,
	[VM_EXEC | VM_WRITE | VM_READ]			= PAGE_COPY_EXEC,
	[VM_SHARED]					= PAGE_NONE,
	[VM_SHARED | VM_READ]				= PAGE_READONLY,
	[VM_SHARED | VM_WRITE]				= PAGE_SHARED,
	[VM_SHARED | VM_WRITE | VM_READ]		= PAGE_SHARED,
	[VM_SHARED | VM_EXEC]				= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_READ]			= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE]		= PAGE_SHARED_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE | VM_READ]	= PAGE_SHARED_EXEC,
};
DECLARE_VM_GET_PAGE_PROT

#ifdef CONFIG_EXECMEM
static struct execmem_info execmem_info __ro_after_init;

struct execmem_info __init *execmem_arch_setup(void)
{
	execmem_info = (struct execmem_info){
		.ranges = {
			[EXECMEM_DEFAULT] = {
				.start	= MODULES_VADDR,
				.end	= MODULES_END,
				/* Whoever puts code there makes it executable. */
				.pgprot	= PAGE_KERNEL,
				.alignment = 1,
			},
		},
	};
	return &execmem_info;
}
#endif

void *__ref kap_kernel_alloc(unsigned int order)
{
	if (!slab_is_available())
		return memblock_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
	return (void *)__get_free_pages(GFP_ATOMIC | __GFP_ZERO, order);
}

/*
 * A fault costs far more here than on hardware, and a run of pages hardly more than
 * one: anonymous memory comes in up to 64 KiB wherever the kernel finds them. The usual
 * sysfs files and thp_anon= change that.
 */
static int __init anon_runs(void)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	unsigned int order;

	for (order = 2; order <= ilog2(SZ_64K) - PAGE_SHIFT; order++)
		set_bit(order, &huge_anon_orders_always);
#endif
	return 0;
}
core_initcall(anon_runs);

/*
 * Single pages wait in a list of this CPU and leave it in reverse order: no two of them could be
 * shown to user code with one call of the host. Given back to the allocator they are joined.
 */
void __init free_initrd_mem(unsigned long start, unsigned long end)
{
	free_reserved_area((void *)start, (void *)end, POISON_FREE_INITMEM, "initrd");
	drain_all_pages(NULL);
}
