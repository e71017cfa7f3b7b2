// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs: who they are on the host, idling, deadlines, ringing. */
#include "shim.h"

static struct {
	kap_s32 timer;		/* POSIX timer of the vCPU's thread */
	kap_u64 armed;		/* what it is set to */
} timers[KAP_MAX_VCPUS];

void cpu_setup(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct host_sigevent event = {
		.signo	= KAP_TIMER_SIGNAL,
		.notify	= HOST_SIGEV_THREAD_ID,
	};
	kap_u64 mask[KAP_MAX_VCPUS * 16 / 64] = { 0 };
	kap_u32 host_cpu = 0;
	long err;

	vcpu->host_tid = host_call(HOST_gettid);
	event.tid = vcpu->host_tid;
	vcpu->deadline_ns = ~0ULL;
	vcpu->state = KAP_VCPU_KERNEL;
	timers[cpu].armed = ~0ULL;
	err = host_call(HOST_timer_create, HOST_CLOCK_MONOTONIC, &event, &timers[cpu].timer);
	if (err)
		host_failed("timer_create", err);
	store_release(&vcpu->host_pid, (kap_s32)host_call(HOST_getpid));

	/*
	 * A kernel and the user code that it waits for take turns: on one host
	 * CPU that costs a third of what it costs across two.
	 */
	if (!host_call(HOST_getcpu, &host_cpu, NULL, NULL) && host_cpu < sizeof(mask) * 8) {
		mask[host_cpu / 64] = 1ULL << (host_cpu % 64);
		host_call(HOST_sched_setaffinity, 0, sizeof(mask), mask);
	}
}

void cpu_timer_fired(kap_u32 cpu)
{
	timers[cpu].armed = ~0ULL;
	__atomic_fetch_or(&kap_vcpu(cpu)->pending, KAP_BELL_TIMER, __ATOMIC_RELEASE);
}

kap_u32 kap_take_pending(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);

	vcpu->nr_bells++;
	return __atomic_exchange_n(&vcpu->pending, 0, __ATOMIC_ACQUIRE);
}

void kap_idle(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	kap_u64 start;

	if (load_acquire(&vcpu->pending))
		return;
	start = kap_now();
	vcpu->state = KAP_VCPU_IDLE;
	/* A ring sets pending before it signals: the futex sees one or the other. */
	while (!load_acquire(&vcpu->pending))
		futex_wait(&vcpu->pending, 0, NULL);
	vcpu->state = KAP_VCPU_KERNEL;
	vcpu->idle_ns += kap_now() - start;
}

void kap_set_deadline(kap_u32 cpu, kap_u64 ns)
{
	struct host_itimerspec spec = { 0 };

	kap_vcpu(cpu)->deadline_ns = ns;
	if (ns == timers[cpu].armed)
		return;
	timers[cpu].armed = ns;
	if (ns != ~0ULL) {
		/* All zero would disarm. */
		ns = ns ? ns : 1;
		spec.value.sec = ns / 1000000000;
		spec.value.nsec = ns % 1000000000;
	}
	host_call(HOST_timer_settime, timers[cpu].timer, HOST_TIMER_ABSTIME, &spec, NULL);
}

void kap_ring_vcpu(kap_u32 cpu, kap_u32 bells)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	kap_u32 old = __atomic_fetch_or(&vcpu->pending, bells, __ATOMIC_ACQ_REL);

	if ((old & bells) == bells || cpu == this_stack()->cpu)
		return;
	host_call(HOST_tgkill, vcpu->host_pid, vcpu->host_tid, KAP_BELL_SIGNAL);
}

void kap_relax(void)
{
	host_call(HOST_sched_yield);
}
