// SPDX-License-Identifier: GPL-2.0-only
/* Changing kernel text while it runs. */
#include <linux/bug.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/stop_machine.h>
#include <linux/cpu.h>
#include <linux/atomic.h>
#include <linux/string.h>
#include <asm/patch.h>
#include <asm/sections.h>
#include <kap/machine.h>

/* Text of a module is r-x, but its pages can be written where the linear map shows them. */
static u8 *writable(u8 *addr)
{
	struct page *page;

	if (!is_vmalloc_or_module_addr(addr))
		return addr;
	page = vmalloc_to_page(addr);
	BUG_ON(!page);
	return page_address(page) + offset_in_page(addr);
}

static bool image_is_protected(void)
{
#ifdef CONFIG_STRICT_KERNEL_RWX
	return kap_image_protected;
#else
	return false;
#endif
}

static void protect_text(unsigned long start, unsigned long end, u32 prot)
{
	int err = kap_kernel_protect_here(start, end - start, prot);

	if (err)
		panic("kap: the host refuses to change the protection of kernel text: error %d",
		      -err);
}

/*
 * Text of the image is opened for the moment of the change; it stays executable, since
 * the code that does this may lie in the same page. The bytes are written last to first, so
 * that the opcode byte changes last.
 */
void kap_text_write(void *addr, const void *bytes, size_t len)
{
	unsigned long start = (unsigned long)addr & PAGE_MASK;
	unsigned long end = PAGE_ALIGN((unsigned long)addr + len);
	bool open = image_is_protected() && is_kernel_text((unsigned long)addr);
	unsigned long flags;
	size_t i;

	local_irq_save(flags);
	if (open)
		protect_text(start, end, KAP_PROT_READ | KAP_PROT_WRITE | KAP_PROT_EXEC);
	for (i = len; i-- > 0;)
		WRITE_ONCE(*writable((u8 *)addr + i), ((const u8 *)bytes)[i]);
	if (open)
		protect_text(start, end, KAP_PROT_READ | KAP_PROT_EXEC);
	local_irq_restore(flags);
}

/* cpuid would do as well, but may cost an exit to the host's host. */
static void sync_this_core(void)
{
	unsigned long scratch;

	asm volatile("mov %%ss, %0\n\t"
		     "pushq %0\n\t"
		     "pushq %%rsp\n\t"
		     "addq $8, (%%rsp)\n\t"
		     "pushfq\n\t"
		     "mov %%cs, %0\n\t"
		     "pushq %0\n\t"
		     "leaq 1f(%%rip), %0\n\t"
		     "pushq %0\n\t"
		     "iretq\n"
		     "1:"
		     : "=&r"(scratch)
		     :
		     : "memory", "cc");
}

struct patch {
	void *addr;
	const void *bytes;
	size_t len;
	atomic_t nr_in;
	int done;
};

/* The other CPUs wait in here; none of this is text that can be patched. */
static int patch_together(void *arg)
{
	struct patch *patch = arg;

	if (atomic_inc_return(&patch->nr_in) == num_online_cpus()) {
		kap_text_write(patch->addr, patch->bytes, patch->len);
		smp_store_release(&patch->done, 1);
	} else {
		while (!smp_load_acquire(&patch->done))
			cpu_relax();
	}
	/* What was fetched before is thrown away (Intel SDM vol. 3, 9.1.3): iret serialises. */
	sync_this_core();
	return 0;
}

void kap_text_patch(void *addr, const void *bytes, size_t len)
{
	struct patch patch = { .addr = addr, .bytes = bytes, .len = len };

	if (num_online_cpus() == 1) {
		kap_text_write(addr, bytes, len);
		return;
	}
	stop_machine_cpuslocked(patch_together, &patch, cpu_online_mask);
}
