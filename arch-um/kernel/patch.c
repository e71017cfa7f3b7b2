// SPDX-License-Identifier: GPL-2.0-only
/* Changing kernel text while it runs. */
#include <linux/bug.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
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
	int err = kap_kernel_protect(start, end - start, prot);

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
