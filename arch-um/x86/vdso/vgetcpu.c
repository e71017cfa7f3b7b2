// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vDSO's getcpu. What the processor tells by itself (rdpid) is the CPU of the host; the vCPU's
 * number is the limit of a segment that each runner has.
 */
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/unistd.h>
#include <asm/vdso.h>
#include <asm/vdso/processor.h>
#include <kap/getcpu.h>

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
	unsigned int nr = 0;
	bool known = true;
	long ret;

	if (possible_cpus() > 1)
		asm volatile("lsl %2, %0" : "=r"(nr), "=@ccz"(known) : "r"(KAP_GETCPU_SELECTOR));
	if (likely(known)) {
		if (cpu)
			*cpu = nr;
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
