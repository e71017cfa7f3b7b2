// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host CPUs of threads. A kernel and the user code that it waits for take turns: on one host
 * CPU that costs a third of what it costs across two. So a vCPU is bound to the CPU that the
 * monitor names in its page, and every runner and keeper follows the vCPU that it works for.
 */
#include "shim.h"

#define HOST_CPUS 8192

static kap_u32 bound_to[KAP_MAX_VCPUS]; /* host CPU plus 1; 0: any */

int kap_crowded;

/* The host may refuse: a CPU went away, or is no longer ours. Then it has chosen another one. */
static void bind(kap_s32 tid, kap_u32 place)
{
	kap_u64 mask[HOST_CPUS / 64];
	kap_u32 cpu = place - 1;

	if (place && cpu < HOST_CPUS) {
		zero(mask, sizeof(mask));
		mask[cpu / 64] = 1ULL << (cpu % 64);
		if (!host_call(HOST_sched_setaffinity, tid, sizeof(mask), mask))
			return;
	}
	/* The host takes away from this what is not ours. */
	for (cpu = 0; cpu < HOST_CPUS / 64; cpu++)
		mask[cpu] = ~0ULL;
	host_call(HOST_sched_setaffinity, tid, sizeof(mask), mask);
}

kap_u32 place_of(kap_u32 cpu)
{
	return bound_to[cpu];
}

static int is_shared(kap_u32 place)
{
	kap_u32 cpu, vcpus = 0;

	for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++)
		vcpus += __atomic_load_n(&kap_vcpu(cpu)->place, __ATOMIC_RELAXED) == place;
	return vcpus > 1;
}

/* The monitor moves vCPUs one by one; the last of them that notices sees all of it. */
static void look_for_crowds(void)
{
	const struct kap_boot *boot = kap_boot_info();
	int crowded = boot->host_cpus < boot->nr_cpus;
	kap_u32 cpu;

	for (cpu = 0; cpu < boot->nr_cpus && !crowded; cpu++)
		crowded = is_shared(__atomic_load_n(&kap_vcpu(cpu)->place, __ATOMIC_RELAXED));
	__atomic_store_n(&kap_crowded, crowded, __ATOMIC_RELAXED);
}

void place_vcpu(kap_u32 cpu)
{
	kap_u32 place = __atomic_load_n(&kap_vcpu(cpu)->place, __ATOMIC_RELAXED);

	if (likely(place == bound_to[cpu]))
		return;
	bound_to[cpu] = place;
	bind(0, place);
	look_for_crowds();
}

void place_thread(kap_u32 cpu, kap_s32 tid, kap_u32 *bound)
{
	if (likely(*bound == bound_to[cpu]))
		return;
	*bound = bound_to[cpu];
	bind(tid, *bound);
}
