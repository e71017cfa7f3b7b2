// SPDX-License-Identifier: GPL-2.0-only
/* Boot: what the kernel is told, the log, the end with a status. */
#include "lib.h"

void test(void)
{
	struct kap_boot *boot = kap_boot_info();
	kap_u8 all = 0;

	say("hello from the test kernel\n");
	check(irqs_are_off(), "interrupts are off at the start");
	check_eq(boot->mem_start, KAP_PHYS_RAM, "RAM starts behind the shared area");
	check_eq(boot->mem_size, 64 << 20, "RAM is what --mem says");
	check_eq(boot->kernel_start, KAP_PHYS_RAM, "the kernel is at the start of RAM");
	check(boot->kernel_end > boot->kernel_start &&
		      boot->kernel_end <= boot->mem_start + boot->mem_size,
	      "the kernel ends in RAM");
	check_eq(boot->initrd_size, 0, "no initrd was asked for");
	check_eq(boot->nr_cpus, 1, "one vCPU");
	check(boot->engine == KAP_ENGINE_PTRACE || boot->engine == KAP_ENGINE_DIRECT,
	      "the engine is one of those that are built");
	check(asked("word-for-boot"), "--append is on the command line");
	check(boot->max_map_count >= 1000, "the host's limit on mappings is told");
	for (unsigned int i = 0; i < sizeof(boot->seed); i++)
		all |= boot->seed[i];
	check(all, "there is entropy");
	check(kap_vcpu(0)->host_pid > 0 && kap_vcpu(0)->host_tid > 0, "the vCPU has a host thread");
	check_eq(kap_vcpu(0)->state, KAP_VCPU_KERNEL, "the vCPU runs the kernel");

	/* More than the ring holds: nothing may get lost or mixed up. */
	for (unsigned int i = 0; i < 10000; i++)
		say("# line %u of 10000 --------------\n", i);
	say("# end of lines\n");
	kap_exit(KAP_EXIT_POWEROFF, asked("status-7") ? 7 : 42, "boot", NULL);
}
