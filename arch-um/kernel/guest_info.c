// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel tells of itself for debuggers outside (kap/park.h, struct kap_guest_info). */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmcore_info.h>
#include <asm/setup.h>
#include <kap/machine.h>

void __init setup_guest_info(void)
{
	struct kap_guest_info *info = &kap_ctl()->info;

	BUILD_BUG_ON(TASK_COMM_LEN != sizeof_field(struct kap_space_info, name));
	info->kernel_root = __pa(swapper_pg_dir);
	info->task_of_stack = offsetof(struct thread_info, task);
	info->task_name = offsetof(struct task_struct, comm);
	info->task_pid = offsetof(struct task_struct, pid);
	info->task_tgid = offsetof(struct task_struct, tgid);
}

#ifdef CONFIG_VMCORE_INFO

/* Dump readers look for the addresses of symbols in the file; there is no offset to them. */
void arch_crash_save_vmcoreinfo(void)
{
	vmcoreinfo_append_str("NUMBER(phys_base)=%ld\n", -(long)KAP_WINDOW);
	vmcoreinfo_append_str("KERNELOFFSET=0\n");
	VMCOREINFO_SYMBOL(swapper_pg_dir);
}

static int __init tell_vmcoreinfo(void)
{
	struct kap_guest_info *info = &kap_ctl()->info;

	if (!vmcoreinfo_data)
		return 0;
	info->vmcoreinfo = __pa(vmcoreinfo_data);
	info->vmcoreinfo_size = vmcoreinfo_size;
	return 0;
}
late_initcall(tell_vmcoreinfo);

#endif
