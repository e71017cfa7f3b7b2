// SPDX-License-Identifier: GPL-2.0-only
/* The first C code of a guest: checks the boot info, sets up vCPU 0, calls the kernel. */
#include "engine/direct.h"

/* Called by entry.S on the kernel's boot stack, with nothing but the window mapped. */
void noreturn shim_start(void)
{
	struct kap_boot *boot = kap_boot_info();
	struct kap_stack *stack = this_stack();

	if (boot->magic != KAP_BOOT_MAGIC || boot->abi_version != KAP_ABI_VERSION ||
	    boot->size != sizeof(*boot))
		kap_exit(KAP_EXIT_BAD_BOOT, 0, "the boot info is not of this kernel's version",
			 NULL);
	stack->irqs_off = 1;
	stack->cpu = 0;
	host_call(HOST_prctl, HOST_PR_SET_NAME, "kap-kernel");
	if (direct())
		direct_setup();
	/* From cpu_setup() on the monitor may ring. */
	signal_setup(0);
	cpu_setup(0);
	place_vcpu(0);
	park_setup();
	pool_setup();
	if (kap_ctl()->debug & KAP_DEBUG_START)
		park_for(KAP_PARK_START);
	kap_kernel_start();
}
