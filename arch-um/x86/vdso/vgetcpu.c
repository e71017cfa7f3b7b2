// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vDSO's getcpu. The processor knows only on which CPU of the host it is (rdpid
 * and lsl read the host's number), so the answer is found here only where there is
 * one CPU. With more, a page of each runner that holds its vCPU's number would
 * be read at this place.
 */
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/unistd.h>
#include <asm/vdso.h>
#include <asm/vdso/processor.h>

extern struct kap_vdso_info kap_vvar_info __attribute__((visibility("hidden")));
extern struct kap_vdso_info kap_vvar_timens_info __attribute__((visibility("hidden")));

static __always_inline u32 possible_cpus(void)
{
	u32 n = READ_ONCE(kap_vvar_info.possible_cpus);

	if (IS_ENABLED(CONFIG_TIME_NS) && !n)
		n = READ_ONCE(kap_vvar_timens_info.possible_cpus);
	return n;
}

long __vdso_getcpu(unsigned int *cpu, unsigned int *node, struct getcpu_cache *unused)
{
	long ret;

	if (likely(possible_cpus() == 1)) {
		if (cpu)
			*cpu = 0;
		if (node)
			*node = 0;
		return 0;
	}

	asm volatile("syscall"
		     : "=a"(ret)
		     : "0"((long)__NR_getcpu), "D"(cpu), "S"(node), "d"(0L)
		     : "rcx", "r11", "memory");
	return ret;
}

long getcpu(unsigned int *cpu, unsigned int *node, struct getcpu_cache *unused)
	__attribute__((weak, alias("__vdso_getcpu")));
