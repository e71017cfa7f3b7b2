// SPDX-License-Identifier: GPL-2.0-only
/* Maps the vDSO and its data pages into programs. */
#include <linux/binfmts.h>
#include <linux/cpumask.h>
#include <linux/elf.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <vdso/datapage.h>
#include <asm/vdso.h>
#include <asm/vdso/vsyscall.h>
#include <kap/machine.h>

#include "../sites.h"

extern char kap_vdso_start[], kap_vdso_end[];

union vdso_data_store kap_vvar __page_aligned_data;

static_assert(sizeof(struct vdso_data) * CS_BASES <= VVAR_RNG_OFFSET);
static_assert(VVAR_RNG_OFFSET + sizeof(struct vdso_rng_data) <= VVAR_KAP_OFFSET);

static unsigned long vdso_size(void)
{
	return kap_vdso_end - kap_vdso_start;
}

static int __init vdso_info_init(void)
{
	struct kap_vdso_info *info = (void *)kap_vvar.page + VVAR_KAP_OFFSET;

	info->possible_cpus = num_possible_cpus();
	return 0;
}
early_initcall(vdso_info_init);

#ifdef CONFIG_TIME_NS
struct vdso_data *arch_get_vdso_data(void *page)
{
	return page;
}
#endif

static vm_fault_t vvar_fault(const struct vm_special_mapping *mapping, struct vm_area_struct *vma,
			     struct vm_fault *vmf)
{
	struct page *timens = find_timens_vvar_page(vma);
	unsigned long pfn;

	switch (vmf->pgoff) {
	case VVAR_PAGE_DATA:
		pfn = timens ? page_to_pfn(timens) : virt_to_pfn(&kap_vvar);
		break;
	case VVAR_PAGE_TIMENS:
		if (!timens)
			return VM_FAULT_SIGBUS;
		pfn = virt_to_pfn(&kap_vvar);
		break;
	case VVAR_PAGE_TIME:
		pfn = KAP_PHYS_TIME >> PAGE_SHIFT;
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	return vmf_insert_pfn(vma, vmf->address, pfn);
}

static vm_fault_t vdso_fault(const struct vm_special_mapping *mapping, struct vm_area_struct *vma,
			     struct vm_fault *vmf)
{
	unsigned long offset = vmf->pgoff << PAGE_SHIFT;

	if (offset >= vdso_size())
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(kap_vdso_start + offset);
	get_page(vmf->page);
	return 0;
}

static int vdso_mremap(const struct vm_special_mapping *mapping, struct vm_area_struct *vma)
{
	current->mm->context.vdso = vma->vm_start;
	return 0;
}

static const struct vm_special_mapping vvar_mapping = {
	.name	= "[vvar]",
	.fault	= vvar_fault,
};

static const struct vm_special_mapping vdso_mapping = {
	.name	= "[vdso]",
	.fault	= vdso_fault,
	.mremap	= vdso_mremap,
};

#ifdef CONFIG_TIME_NS
/* The next access brings in the pages of the namespace that is joined. */
int vdso_join_timens(struct task_struct *task, struct time_namespace *ns)
{
	struct mm_struct *mm = task->mm;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma) if (vma_is_special_mapping(vma, &vvar_mapping)) zap_vma_pages(vma);
	mmap_read_unlock(mm);
	return 0;
}
#endif

static int map_vdso(unsigned long hint)
{
	const unsigned long vvar_size = VVAR_PAGES * PAGE_SIZE;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr;

	mmap_assert_write_locked(mm);
	addr = get_unmapped_area(NULL, hint, vvar_size + vdso_size(), 0, 0);
	if (IS_ERR_VALUE(addr))
		return addr;

	/* A debugger may write to the text: it gets a copy of the page. */
	vma = _install_special_mapping(mm, addr + vvar_size, vdso_size(),
				       VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC,
				       &vdso_mapping);
	if (IS_ERR(vma))
		return PTR_ERR(vma);

	vma = _install_special_mapping(mm, addr, vvar_size,
				       VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP | VM_PFNMAP,
				       &vvar_mapping);
	if (IS_ERR(vma)) {
		do_munmap(mm, addr + vvar_size, vdso_size(), NULL);
		return PTR_ERR(vma);
	}

	mm->context.vdso = addr + vvar_size;
	return 0;
}

int arch_setup_additional_pages(struct linux_binprm *bprm, int uses_interp)
{
	struct mm_struct *mm = current->mm;
	int ret;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	ret = map_vdso(0);
	if (!ret)
		kap_sites_exec(mm);
	mmap_write_unlock(mm);
	return ret;
}

#ifdef CONFIG_CHECKPOINT_RESTORE
long kap_map_vdso_at(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);
	long ret = 0;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	for_each_vma(vmi, vma)
	{
		if (vma_is_special_mapping(vma, &vdso_mapping) ||
		    vma_is_special_mapping(vma, &vvar_mapping)) {
			ret = -EEXIST;
			break;
		}
	}
	if (!ret)
		ret = map_vdso(addr);
	mmap_write_unlock(mm);
	return ret ?: vdso_size();
}
#endif
