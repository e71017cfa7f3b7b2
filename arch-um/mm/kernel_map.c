// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own mappings outside of the linear map: vmalloc and modules. */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/export.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include <kap/machine.h>

#include "space.h"

pte_t *kap_kernel_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d = p4d_offset(pgd, addr);
	pud_t *pud;
	pmd_t *pmd;

	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return NULL;
	return pte_offset_kernel(pmd, addr);
}

static u32 kernel_prot(pte_t pte)
{
	return KAP_PROT_READ | (pte_write(pte) ? KAP_PROT_WRITE : 0) |
	       (pte_exec(pte) ? KAP_PROT_EXEC : 0);
}

void kap_show_kernel_range(unsigned long start, unsigned long end)
{
	unsigned long addr = start & PAGE_MASK, run = 0, phys = 0, len = 0;
	u32 prot = 0;

	for (; addr < end; addr += PAGE_SIZE) {
		pte_t *ptep = kap_kernel_pte(addr);
		pte_t pte = ptep ? READ_ONCE(*ptep) : __pte(0);
		unsigned long p = pte_pfn(pte) << PAGE_SHIFT;

		if (len && pte_present(pte) && p == phys + len && kernel_prot(pte) == prot) {
			len += PAGE_SIZE;
			continue;
		}
		if (len && kap_kernel_map(run, phys, len, prot))
			panic("kap: the host refuses a kernel mapping at %lx", run);
		len = 0;
		if (pte_present(pte)) {
			run = addr;
			phys = p;
			len = PAGE_SIZE;
			prot = kernel_prot(pte);
		}
	}
	if (len && kap_kernel_map(run, phys, len, prot))
		panic("kap: the host refuses a kernel mapping at %lx", run);
}
EXPORT_SYMBOL_GPL(kap_show_kernel_range);

/* A kernel access found no host mapping, but the kernel's tables have one that allows it. */
bool kap_fill_kernel(unsigned long addr, unsigned long error)
{
	pte_t *ptep, pte;

	if (addr < KAP_MODULES_START || addr >= KAP_VMALLOC_END ||
	    (addr >= KAP_MODULES_END && addr < KAP_VMALLOC_START))
		return false;
	ptep = kap_kernel_pte(addr);
	if (!ptep)
		return false;
	pte = READ_ONCE(*ptep);
	if (!pte_present(pte) || ((error & KAP_PF_WRITE) && !pte_write(pte)) ||
	    ((error & KAP_PF_EXEC) && !pte_exec(pte)))
		return false;
	addr &= PAGE_MASK;
	return !kap_kernel_map(addr, pte_pfn(pte) << PAGE_SHIFT, PAGE_SIZE, kernel_prot(pte));
}

static void catch_up(void *unused)
{
	kap_kernel_catch_up();
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	unsigned long s, e;

	preempt_disable();
	s = max(start, (unsigned long)KAP_MODULES_START);
	e = min(end, (unsigned long)KAP_MODULES_END);
	if (s < e)
		kap_kernel_unmap(s, e - s);
	s = max(start, VMALLOC_START);
	e = min(end, VMALLOC_END);
	if (s < e)
		kap_kernel_unmap(s, e - s);
	/* Those that execute in another host process right now. */
	if (kap_boot_info()->engine == KAP_ENGINE_DIRECT && num_online_cpus() > 1)
		smp_call_function(catch_up, NULL, 1);
	preempt_enable();
}

void flush_tlb_all(void)
{
	flush_tlb_kernel_range(KAP_MODULES_START, KAP_VMALLOC_END);
}
