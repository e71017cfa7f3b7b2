// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement of the vCPUs on host CPUs: looks from time to time, writes what the guest shall do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm/balance.h"
#include "vm/cpulist.h"
#include "vm/demand.h"
#include "vm/loop.h"
#include "vm/msg.h"
#include "vm/place.h"
#include "vm/usage.h"
#include "vm/vm.h"

#define BUSY_INTERVAL_NS	500000000ULL
#define IDLE_INTERVAL_NS	2000000000ULL
/* What a CPU did in a longer time says little about now. */
#define MAX_AGE_NS		(BUSY_INTERVAL_NS * 3 / 2)

static struct {
	struct vm *vm;
	struct loop_timer *timer;
	uint16_t pins[KAP_MAX_VCPUS];
	unsigned int nr_pins;
	int cpu[KAP_MAX_VCPUS];		/* host CPU of each vCPU */
	int better[KAP_MAX_VCPUS];	/* where the last look would have had it; -1: where it is */
	struct demand demand[KAP_MAX_VCPUS];
} place;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void set_place(unsigned int n, int cpu)
{
	place.cpu[n] = cpu;
	__atomic_store_n(&vm__vcpu(place.vm, n)->place, (uint32_t)cpu + 1, __ATOMIC_RELAXED);
}

/* Whether the vCPU is busy. All that is read of its page may be nonsense, see demand.h. */
static bool look_at(unsigned int n, uint64_t now)
{
	struct kap_vcpu *vcpu = vm__vcpu(place.vm, n);
	uint32_t state = __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE);
	struct demand *demand = &place.demand[n];
	struct demand_look look = {
		.now_ns = now,
		.idle = state != KAP_VCPU_KERNEL && state != KAP_VCPU_USER,
		.idle_ns = __atomic_load_n(&vcpu->idle_ns, __ATOMIC_RELAXED),
		.nr_traps = __atomic_load_n(&vcpu->nr_traps, __ATOMIC_RELAXED),
	};

	if (!look.idle) {
		pid_t space0 = place.vm->space0;
		int32_t tid = __atomic_load_n(&vcpu->host_tid, __ATOMIC_RELAXED);

		look.runner_tid = __atomic_load_n(&vcpu->runner_tid, __ATOMIC_RELAXED);
		/*
		 * On the direct engine kernel and user code have one thread, in any process: no
		 * trap makes one wait for the other.
		 */
		if (look.runner_tid != tid)
			look.has_kernel = usage__of_thread(space0, tid, &look.kernel);
		else
			look.nr_traps = 0;
		look.has_runner = usage__of_group(space0, look.runner_tid, &look.runner);
	}
	demand__update(demand, &look);
	__atomic_store_n(&vcpu->steal_ns, demand->steal_ns, __ATOMIC_RELAXED);
	return !look.idle;
}

/* What others than the VM use of the CPUs, in the order of ids. */
static bool get_others(const struct cpulist_set *allowed, const uint16_t *ids, int nr_ids,
		       uint64_t now, uint8_t *others)
{
	static uint8_t used[CPULIST_CPUS];
	bool known = usage__of_cpus(allowed, now, MAX_AGE_NS, used);

	for (int n = 0; n < place.vm->nr_cpus; n++) {
		unsigned int got = place.demand[n].got;

		used[place.cpu[n]] -= got < used[place.cpu[n]] ? got : used[place.cpu[n]];
	}
	for (int i = 0; i < nr_ids; i++)
		others[i] = known ? used[ids[i]] : 0;
	return known;
}

static void balance(const struct cpulist_set *allowed, uint64_t now, bool any_lost)
{
	static uint16_t ids[CPULIST_CPUS], index_of[CPULIST_CPUS];
	static uint8_t others[CPULIST_CPUS];
	struct balance_vcpu vcpus[KAP_MAX_VCPUS];
	int nr_ids = 0;

	for (int cpu = 0; cpu < CPULIST_CPUS; cpu++) {
		if (cpulist__has(allowed, cpu)) {
			index_of[cpu] = nr_ids;
			ids[nr_ids++] = cpu;
		}
	}
	if (!get_others(allowed, ids, nr_ids, now, others) && !any_lost)
		return;
	for (int n = 0; n < place.vm->nr_cpus; n++) {
		bool lost = !cpulist__has(allowed, place.cpu[n]);

		vcpus[n] = (struct balance_vcpu){
			.cpu = lost ? -1 : index_of[place.cpu[n]],
			.load = place.demand[n].load,
		};
	}
	balance__decide(others, nr_ids, vcpus, place.vm->nr_cpus);
	for (int n = 0; n < place.vm->nr_cpus; n++) {
		int cpu = ids[vcpus[n].cpu], old = place.cpu[n], better = place.better[n];

		place.better[n] = cpu == old ? -1 : cpu;
		if (cpu == old)
			continue;
		/* One look may be wrong about what is the VM's, and two vCPUs on a CPU cost. */
		if (cpu != better && cpulist__has(allowed, old))
			continue;
		msg__detail("vCPU %d moves to host CPU %d: its CPU %d %s", n, cpu, old,
			    cpulist__has(allowed, old) ? "is crowded" : "may not be used any more");
		set_place(n, cpu);
	}
}

/* A pinned vCPU leaves its CPU only while that may not be used. */
static void keep_pinned(const struct cpulist_set *allowed)
{
	for (int n = 0; n < place.vm->nr_cpus; n++) {
		unsigned int pin = n % place.nr_pins;
		int cpu = place.pins[pin];

		for (unsigned int i = 1; i < place.nr_pins && !cpulist__has(allowed, cpu); i++)
			cpu = place.pins[(pin + i) % place.nr_pins];
		if (!cpulist__has(allowed, cpu))
			cpu = cpulist__next(allowed, cpu);
		if (cpu == place.cpu[n])
			continue;
		if (cpu != place.pins[pin])
			msg__note("vCPU %d runs on host CPU %d: kap may not use its CPU %d of "
				  "--pin any more",
				  n, cpu, place.pins[pin]);
		else
			msg__note("vCPU %d is back on its host CPU %d", n, cpu);
		set_place(n, cpu);
	}
}

static void look(void *arg)
{
	struct cpulist_set allowed;
	bool any_busy = false, any_lost = false;
	uint64_t now = now_ns();

	(void)arg;
	cpulist__allowed(&allowed);
	for (int n = 0; n < place.vm->nr_cpus; n++) {
		any_busy |= look_at(n, now);
		any_lost |= !cpulist__has(&allowed, place.cpu[n]);
	}
	if (place.nr_pins)
		keep_pinned(&allowed);
	else if (any_busy || any_lost)
		balance(&allowed, now, any_lost);
	loop__timer_set(place.timer, any_busy ? BUSY_INTERVAL_NS : IDLE_INTERVAL_NS);
}

unsigned int place__init(struct vm *vm, const uint16_t *pins, unsigned int nr_pins)
{
	struct cpulist_set allowed, used = { 0 };
	int next = sched_getcpu();

	cpulist__allowed(&allowed);
	place.vm = vm;
	place.nr_pins = nr_pins;
	memcpy(place.pins, pins, nr_pins * sizeof(*pins));
	next = next < 0 ? 0 : next;
	for (int n = 0; n < vm->nr_cpus; n++) {
		int cpu = nr_pins ? pins[n % nr_pins] : cpulist__next(&allowed, next);

		next = cpu + 1;
		set_place(n, cpu);
		cpulist__add(&used, cpu);
		place.better[n] = -1;
	}
	return cpulist__count(nr_pins ? &used : &allowed);
}

int place__start(struct vm *vm)
{
	place.vm = vm;
	place.timer = loop__timer_new(look, NULL);
	if (!place.timer)
		return -ENOMEM;
	loop__timer_set(place.timer, BUSY_INTERVAL_NS);
	return 0;
}

void place__stop(void)
{
	loop__timer_free(place.timer);
	place.timer = NULL;
}
