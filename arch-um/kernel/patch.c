// SPDX-License-Identifier: GPL-2.0-only
/* Changing kernel text while it runs. */
#include <linux/kallsyms.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/patch.h>
#include <asm/sections.h>
#include <kap/machine.h>

/*
 * Text of the image and of modules is r-x once kap_protect_image() ran; it is opened
 * for the moment of the change. The bytes are written last to first, so that the
 * opcode byte changes last.
 */
void kap_text_write(void *addr, const void *bytes, size_t len)
{
	unsigned long start = (unsigned long)addr & PAGE_MASK;
	unsigned long end = PAGE_ALIGN((unsigned long)addr + len);
	unsigned long flags;
	bool image = is_kernel_text((unsigned long)addr);
	size_t i;

	local_irq_save(flags);
	if (image)
		kap_kernel_protect(start, end - start,
				   KAP_PROT_READ | KAP_PROT_WRITE | KAP_PROT_EXEC);
	for (i = len; i-- > 0;)
		WRITE_ONCE(((u8 *)addr)[i], ((const u8 *)bytes)[i]);
	if (image)
		kap_kernel_protect(start, end - start, KAP_PROT_READ | KAP_PROT_EXEC);
	local_irq_restore(flags);
}
