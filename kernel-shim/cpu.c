// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs: who they are on the host, idling, deadlines, ringing. */
#include "park.h"
#include "engine/direct.h"

static struct {
	kap_s32 timer; /* POSIX timer of the vCPU's thread */
	kap_u64 armed; /* what it is set to */
} timers[KAP_MAX_VCPUS];

void cpu_setup(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct host_sigevent event = {
		.signo = KAP_TIMER_SIGNAL,
		.notify = HOST_SIGEV_THREAD_ID,
	};
	kap_u64 tid = host_call(HOST_gettid);
	long err;

	event.tid = tid;
	vcpu->deadline_ns = ~0ULL;
	vcpu->state = KAP_VCPU_KERNEL;
	timers[cpu].armed = ~0ULL;
	err = host_call(HOST_timer_create, HOST_CLOCK_MONOTONIC, &event, &timers[cpu].timer);
	if (err)
		host_failed("timer_create", err);
	if (direct())
		direct_home_timer(cpu, timers[cpu].timer);
	vcpu->home_tid = tid;
	store_release(&vcpu->host_thread, (kap_u64)host_call(HOST_getpid) | tid << 32);
}

void cpu_use_timer(kap_u32 cpu, kap_s32 timer)
{
	timers[cpu].timer = timer;
}

handler_code void cpu_timer_fired(kap_u32 cpu)
{
	timers[cpu].armed = ~0ULL;
	__atomic_fetch_or(&kap_vcpu(cpu)->pending, KAP_BELL_TIMER, __ATOMIC_RELEASE);
}

kap_u32 kap_take_pending(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	kap_u32 bells = __atomic_exchange_n(&vcpu->pending, 0, __ATOMIC_ACQ_REL);

	vcpu->nr_bells++;
	if (unlikely(bells & KAP_BELL_SHIM))
		fpu_serve(cpu);
	return bells & ~(KAP_BELL_SHIM | KAP_BELL_PARK);
}

/*
 * A vCPU that is woken on another host CPU waits for the host's scheduler, which is as long as a
 * few system calls. So one that has just had a short wait looks at its bells for a while before it
 * sleeps; a long wait ends that. Only while every vCPU has a host CPU of its own.
 */
#define POLL_FIRST_NS 10000
#define POLL_MOST_NS 60000

static kap_u32 poll_ns[KAP_MAX_VCPUS];

static kap_u32 next_poll(kap_u32 poll, kap_u64 waited)
{
	if (waited > POLL_MOST_NS || kap_boot_info()->nr_cpus == 1 || kap_crowded)
		return 0;
	if (!poll)
		return POLL_FIRST_NS;
	return 2 * poll < POLL_MOST_NS ? 2 * poll : POLL_MOST_NS;
}

void kap_idle(kap_u32 cpu)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	kap_u64 start, waited;

	if (load_acquire(&vcpu->pending))
		return;
	start = kap_now();
	store_release(&vcpu->state, (kap_u32)KAP_VCPU_IDLE);
	if (poll_ns[cpu])
		while (!load_acquire(&vcpu->pending) && kap_now() - start < poll_ns[cpu])
			asm volatile("pause");
	/* A ring sets pending, then looks at the state: it signals, or the futex sees it. */
	while (!load_acquire(&vcpu->pending))
		futex_wait(&vcpu->pending, 0, NULL);
	store_release(&vcpu->state, (kap_u32)KAP_VCPU_KERNEL);
	place_vcpu(cpu);
	waited = kap_now() - start;
	vcpu->idle_ns += waited;
	poll_ns[cpu] = next_poll(poll_ns[cpu], waited);
}

void kap_set_deadline(kap_u32 cpu, kap_u64 ns)
{
	struct host_itimerspec spec = { 0 };
	long err;

	kap_vcpu(cpu)->deadline_ns = ns;
	if (ns == timers[cpu].armed)
		return;
	timers[cpu].armed = ns;
	if (ns != ~0ULL) {
		ns += __atomic_load_n(&kap_time_page()->held_ns, __ATOMIC_RELAXED);
		/* All zero would disarm. */
		ns = ns ? ns : 1;
		spec.value.sec = ns / 1000000000;
		spec.value.nsec = ns % 1000000000;
	}
	err = host_call(HOST_timer_settime, timers[cpu].timer, HOST_TIMER_ABSTIME, &spec, NULL);
	/* Without its timer a vCPU that idles would sleep for ever. */
	if (unlikely(err))
		host_failed("timer_settime", err);
}

void cpu_signal(kap_u32 cpu, int sig)
{
	kap_u64 thread = load_acquire(&kap_vcpu(cpu)->host_thread);

	host_call(HOST_tgkill, (kap_s32)thread, (kap_s32)(thread >> 32), sig);
}

void kap_ring_vcpu(kap_u32 cpu, kap_u32 bells)
{
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	kap_u32 old = __atomic_fetch_or(&vcpu->pending, bells, __ATOMIC_SEQ_CST);
	kap_u32 state;

	if ((old & bells) == bells || cpu == this_stack()->cpu)
		return;
	state = __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED);
	if (state == KAP_VCPU_IDLE || state == KAP_VCPU_OFF)
		futex_wake(&vcpu->pending);
	else
		cpu_signal(cpu, KAP_BELL_SIGNAL);
}

void kap_relax(void)
{
	host_call(HOST_sched_yield);
}

/* ---- starting and stopping ------------------------------------------- */

enum {
	NEVER_STARTED,
	RUNS,
	STOPPED,
};

static struct {
	kap_u32 state;
	void *stack_top;
	void (*entry)(void);
} starts[KAP_MAX_VCPUS];

static void set_stack(void *stack, kap_u32 cpu)
{
	struct kap_stack *base = stack;

	base->irqs_off = 1;
	base->cpu = cpu;
}

/* The first code of a vCPU's thread, on the stack that the kernel gave. */
static void first_start(kap_u32 cpu)
{
	host_call(HOST_prctl, HOST_PR_SET_NAME, "kap-kernel");
	signal_setup(cpu);
	cpu_setup(cpu);
	place_vcpu(cpu);
	/* It may come while all others stand, and it has to get their debug registers. */
	if (unlikely(kap_ctl()->debug & KAP_DEBUG_ON))
		park_for(KAP_PARK_ASKED);
	starts[cpu].entry();
}

static void next_start(kap_u32 cpu)
{
	kap_vcpu(cpu)->state = KAP_VCPU_KERNEL;
	if (unlikely(kap_ctl()->debug & KAP_DEBUG_ON))
		park_for(KAP_PARK_ASKED);
	starts[cpu].entry();
}

int kap_vcpu_start(kap_u32 cpu, void *stack, void (*entry)(void))
{
	static const kap_u64 all = ~0ULL, none;
	long ret = signal_prepare(cpu);

	if (ret)
		return ret;
	/* The kernel may know of its end before it has come to kap_vcpu_stop(). */
	while (load_acquire(&starts[cpu].state) == RUNS)
		kap_relax();
	set_stack(stack, cpu);
	starts[cpu].stack_top = (char *)stack + KAP_STACK_SIZE - 512;
	starts[cpu].entry = entry;
	if (starts[cpu].state == STOPPED) {
		store_release(&starts[cpu].state, (kap_u32)RUNS);
		kap_ring_vcpu(cpu, KAP_BELL_SHIM);
		return 0;
	}
	starts[cpu].state = RUNS;
	/* Its thread is one of space 0. */
	direct_go_home();
	/* Without its stack for handlers the thread must take no signal yet. */
	host_call(HOST_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, NULL, 8);
	ret = thread_start(starts[cpu].stack_top, first_start, cpu);
	host_call(HOST_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, 8);
	if (ret >= 0)
		return 0;
	starts[cpu].state = NEVER_STARTED;
	return ret;
}

void kap_vcpu_stop(void)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);

	direct_go_home();
	kap_set_deadline(cpu, ~0ULL);
	vcpu->state = KAP_VCPU_OFF;
	store_release(&starts[cpu].state, (kap_u32)STOPPED);
	/* Its runners may hold what others need: a bell ends the wait. */
	while (load_acquire(&starts[cpu].state) == STOPPED) {
		futex_wait(&vcpu->pending, 0, NULL);
		kap_take_pending(cpu);
	}
	thread_restart(starts[cpu].stack_top, next_start, cpu);
}
