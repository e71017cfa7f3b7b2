// SPDX-License-Identifier: GPL-2.0-only
/* From the first C function to the generic kernel: memory, command line, entropy. */
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/of_fdt.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/start_kernel.h>
#include <linux/string.h>
#include <linux/security.h>
#include <asm/page.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <kap/machine.h>

static char command_line[COMMAND_LINE_SIZE] __initdata;

/* The stack is init_stack, whose base the linker has filled with init's thread_info. */
void __ref kap_kernel_start(void)
{
	start_kernel();
}

static void __init setup_initrd(const struct kap_boot *boot)
{
	if (!IS_ENABLED(CONFIG_BLK_DEV_INITRD) || !boot->initrd_size)
		return;
	memblock_reserve(boot->initrd_start, PAGE_ALIGN(boot->initrd_size));
	initrd_start = (unsigned long)__va(boot->initrd_start);
	initrd_end = initrd_start + boot->initrd_size;
}

void __init setup_arch(char **cmdline_p)
{
	struct kap_boot *boot = kap_boot_info();

	setup_initial_init_mm(_stext, _etext, _edata, _end);

	kap_ram_end = boot->mem_start + boot->mem_size;
	memblock_add(0, kap_ram_end);
	/* The shared area and the image. */
	memblock_reserve(0, PAGE_ALIGN(__pa_symbol(_end)));
	setup_initrd(boot);

	strscpy(boot_command_line, boot->cmdline, COMMAND_LINE_SIZE);
	strscpy(command_line, boot_command_line, COMMAND_LINE_SIZE);
	*cmdline_p = command_line;

	parse_early_param();
	paging_init();
	/* Makes an empty tree, for tests and drivers that add to it. */
	unflatten_device_tree();
	setup_smp();
	setup_guest_info();

	add_bootloader_randomness(boot->seed, sizeof(boot->seed));
	memzero_explicit(boot->seed, sizeof(boot->seed));

	/* What the host does not let a process map, a guest program can't have either. */
	if (boot->mmap_min_addr > mmap_min_addr) {
		dac_mmap_min_addr = boot->mmap_min_addr;
		mmap_min_addr = boot->mmap_min_addr;
	}
}
