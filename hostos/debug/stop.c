// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping and going on, for the whole machine. A stop goes in three steps: the first vCPU
 * parks or somebody asks; all others are told to park; when the last one has, the clock is held and
 * the reason is worked out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "debug/memory.h"
#include "debug/points.h"
#include "debug/stop.h"
#include "dev/dev.h"
#include "vm/clock.h"
#include "vm/loop.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define RETRY_NS 20000000ull
#define RETRIES 150 /* 3 s */

/*
 * Whoever steps over a breakpoint, or has one with a condition, lets everything go only to have
 * it stand again some microseconds later. So the vCPU that has reported goes first, and the others
 * follow when it has not come back by then; but none of them falls far behind in guest time.
 */
#define FOLLOW_NS 200000ull
#define LAG_NS 1000000ull

static struct vm *vm;
static void (*on_stop)(const struct rsp_stop *stop);
static struct loop_timer *retry;
static unsigned int tries;
static enum { RUNS, STOPPING, STANDS } state;

static bool asked; /* somebody waits for on_stop() */

/* What a vCPU has parked for and nobody was told of yet. */
static uint32_t unreported[KAP_MAX_VCPUS];

/* What was asked for, and what came of it: one that was away is heard of when it comes. */
static enum rsp_action wanted[RSP_MAX_CPUS];
static enum { STAYS, FOLLOWS, GOES, AWAY } moves[KAP_MAX_VCPUS];
static uint32_t orders[KAP_MAX_VCPUS]; /* of those that follow */
static struct loop_timer *follow, *recheck;
static bool followers, rechecking;
static bool apart; /* one stays or follows */
static int told = -1; /* the vCPU of the last report, when it had parked by itself */
static uint64_t together_ns; /* guest time when all ran last */

static struct kap_park *park_of(unsigned int cpu)
{
	return &vm__vcpu(vm, cpu)->park;
}

bool stop__parked(unsigned int cpu)
{
	const struct kap_park *park = park_of(cpu);

	uint32_t hold = __atomic_load_n(&park->hold, __ATOMIC_ACQUIRE);

	return hold && __atomic_load_n(&park->parked, __ATOMIC_ACQUIRE) == hold;
}

bool stop__alive(unsigned int cpu)
{
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);

	return __atomic_load_n(&vcpu->host_pid, __ATOMIC_ACQUIRE) > 0 &&
	       __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED) != KAP_VCPU_OFF;
}

static void hold(unsigned int cpu)
{
	static uint32_t number = KAP_HOLD_SELF;
	struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
	uint32_t nobody = 0;

	if (++number <= KAP_HOLD_SELF)
		number = KAP_HOLD_SELF + 1;
	__atomic_compare_exchange_n(&vcpu->park.hold, &nobody, number, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
	__atomic_fetch_or(&vcpu->pending, KAP_BELL_PARK, __ATOMIC_SEQ_CST);
	vm__signal(vm, cpu, KAP_PARK_SIGNAL);
}

static void let_go(unsigned int cpu, uint32_t order)
{
	struct kap_park *park = park_of(cpu);

	/*
	 * One that is asked again before it has noticed has nothing new to report. One that is only
	 * about to park does.
	 */
	if (stop__parked(cpu)) {
		park->order = order;
		park->why = KAP_PARK_ASKED;
	}
	__atomic_store_n(&park->hold, 0, __ATOMIC_RELEASE);
	syscall(SYS_futex, &park->hold, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* How many vCPUs have yet to park; tells them (again) when `ask`. */
static unsigned int outstanding(bool ask)
{
	unsigned int nr = 0, parked = 0;

	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		if (!stop__alive(cpu))
			continue;
		if (stop__parked(cpu)) {
			parked++;
			continue;
		}
		nr++;
		if (ask)
			hold(cpu);
	}
	/* Before the first one has come up there is nothing that could stand. */
	return nr || parked ? nr : 1;
}

/*
 * The int3 was not the debugger's. When the byte is gone, another vCPU was at a breakpoint that has
 * been taken away meanwhile: then its instruction is to be executed. Else it is the kernel's own.
 */
static void not_ours(unsigned int cpu)
{
	struct kap_park *park = park_of(cpu);
	uint64_t at = park->regs.ip - 1;
	uint64_t phys;

	if (!memory__physical(vm, cpu, at, &phys, NULL) && vm->mem[phys] != 0xcc)
		park->regs.ip = at;
	else
		unreported[cpu] = KAP_GO_DELIVER << 16;
}

/* Takes what the vCPU has parked for; registers are made as if the int3 had not been there. */
static void collect(unsigned int cpu)
{
	struct kap_park *park = park_of(cpu);
	uint32_t why = park->why;

	if (unreported[cpu] || why == KAP_PARK_NONE || why == KAP_PARK_ASKED)
		return;
	park->why = KAP_PARK_ASKED;
	if (why == KAP_PARK_FETCH) {
		/* A breakpoint in memory without the right to be executed: a stack. */
		unreported[cpu] = points__has_break(park->regs.ip) ? KAP_PARK_BREAK :
								     KAP_GO_DELIVER << 16;
		return;
	}
	if (why != KAP_PARK_BREAK) {
		unreported[cpu] = why;
		return;
	}
	if (!points__has_break(park->regs.ip - 1)) {
		not_ours(cpu);
		return;
	}
	park->regs.ip--;
	unreported[cpu] = why;
}

static bool explain(unsigned int cpu, struct rsp_stop *stop)
{
	uint32_t why = unreported[cpu];

	if (why >> 16)
		return false;
	unreported[cpu] = 0;
	*stop = (struct rsp_stop){ .cpu = cpu };
	switch (why) {
	case KAP_PARK_START:
		stop->why = RSP_WHY_ASKED;
		return true;
	case KAP_PARK_STEP:
		stop->why = RSP_WHY_STEP;
		return true;
	case KAP_PARK_BREAK:
		/* It may have been taken away since it was hit. */
		stop->why = RSP_WHY_BREAK;
		return points__has_break(park_of(cpu)->regs.ip);
	case KAP_PARK_DEBUG:
		return points__hit(vm, cpu, stop);
	case KAP_PARK_PANIC:
		stop->why = RSP_WHY_PANIC;
		return true;
	}
	return false;
}

/* Something that a vCPU has to report; the panic comes first. */
static bool next_report(struct rsp_stop *stop)
{
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		if (unreported[cpu] == KAP_PARK_PANIC)
			return explain(cpu, stop);
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		if (unreported[cpu] && explain(cpu, stop))
			return true;
	return false;
}

static void all_stand(void)
{
	struct rsp_stop stop = { 0 };

	loop__timer_stop(retry);
	if (followers)
		loop__timer_stop(follow);
	followers = false;
	clock__hold(vm);
	if (!apart)
		together_ns = clock__guest_ns();
	told = -1;
	dev__hold(vm, true);
	state = STANDS;
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		if (stop__parked(cpu))
			collect(cpu);
	if (next_report(&stop)) {
		asked = false;
		told = stop.cpu;
		on_stop(&stop);
	} else if (asked) {
		asked = false;
		for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
			stop.cpu = cpu;
			if (stop__parked(cpu))
				break;
		}
		stop.why = RSP_WHY_ASKED;
		on_stop(&stop);
	} else {
		/* What is the kernel's own business, or a vCPU that has come up. */
		for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
			if (moves[cpu] == AWAY)
				wanted[cpu] = RSP_CONTINUE;
		stop__resume(wanted);
	}
}

static void look(bool ask)
{
	if (!outstanding(ask)) {
		all_stand();
		return;
	}
	if (ask)
		loop__timer_set(retry, RETRY_NS);
}

static void on_retry(void *arg)
{
	(void)arg;
	if (state != STOPPING)
		return;
	if (++tries < RETRIES) {
		look(true);
		return;
	}
	if (asked)
		msg__note("%u vCPU(s) don't answer: the debugger sees the others",
			  outstanding(false));
	all_stand();
}

static void begin(void)
{
	state = STOPPING;
	tries = 0;
	look(true);
}

void stop__ask(void)
{
	if (state == STANDS)
		return;
	asked = true;
	if (state == RUNS)
		begin();
}

static bool one_came_back(void)
{
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		if ((moves[cpu] == GOES || moves[cpu] == AWAY) && stop__parked(cpu))
			return true;
	return false;
}

void stop__doorbell(void)
{
	if (!vm || !on_stop)
		return;
	/* The bell of one that was seen already may come late. */
	if (state == RUNS && one_came_back())
		begin();
	else if (state == STOPPING)
		look(false);
}

bool stop__standing(void)
{
	return state == STANDS;
}

static void on_follow(void *arg)
{
	(void)arg;
	if (state != RUNS || !followers)
		return;
	if (one_came_back()) {
		begin();
		return;
	}
	followers = apart = false;
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		apart |= moves[cpu] == STAYS;
		if (moves[cpu] != FOLLOWS)
			continue;
		moves[cpu] = GOES;
		unreported[cpu] = 0;
		let_go(cpu, orders[cpu]);
	}
}

/*
 * A vCPU that stands may have been about to ring, for itself and for whoever found a bit set then:
 * as long as one stays behind, nobody relies on the bell alone.
 */
static void on_recheck(void *arg)
{
	(void)arg;
	rechecking = state == RUNS && apart;
	if (!rechecking)
		return;
	loop__timer_set(recheck, RETRY_NS);
	if (one_came_back())
		begin();
}

static void set_timers(void)
{
	if (followers)
		loop__timer_set(follow, FOLLOW_NS);
	if (apart && !rechecking)
		loop__timer_set(recheck, RETRY_NS);
	rechecking |= apart;
}

static void set_moves(void)
{
	bool one_first = told >= 0 && wanted[told] != RSP_STAY &&
			 clock__guest_ns() - together_ns < LAG_NS;

	followers = apart = false;
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		bool parked = stop__parked(cpu);

		orders[cpu] = unreported[cpu] >> 16   ? unreported[cpu] >> 16 :
			      wanted[cpu] == RSP_STEP ? KAP_GO_STEP :
							KAP_GO_RUN;
		moves[cpu] = GOES;
		if (wanted[cpu] == RSP_STAY)
			moves[cpu] = parked ? STAYS : AWAY;
		else if (one_first && parked && (int)cpu != told)
			moves[cpu] = FOLLOWS;
		followers |= moves[cpu] == FOLLOWS;
		apart |= moves[cpu] == STAYS || moves[cpu] == FOLLOWS;
	}
}

void stop__resume(const enum rsp_action actions[RSP_MAX_CPUS])
{
	struct rsp_stop stop;

	if (state != STANDS)
		return;
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		if (unreported[cpu] && !(unreported[cpu] >> 16) && actions[cpu] != RSP_STAY &&
		    explain(cpu, &stop)) {
			told = cpu;
			on_stop(&stop);
			return;
		}
	points__apply(vm);
	memmove(wanted, actions, sizeof(wanted));
	set_moves();
	clock__release(vm);
	dev__hold(vm, false);
	state = RUNS;
	set_timers();
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		if (moves[cpu] != GOES)
			continue;
		unreported[cpu] = 0;
		/* One that never answered may still do so: it must not stay behind. */
		let_go(cpu, orders[cpu]);
	}
}

void stop__release(void)
{
	enum rsp_action all[RSP_MAX_CPUS];

	/* Nobody is there to be told of anything; what is the kernel's is still delivered. */
	for (unsigned int cpu = 0; cpu < RSP_MAX_CPUS; cpu++) {
		all[cpu] = RSP_CONTINUE;
		if (!(unreported[cpu] >> 16))
			unreported[cpu] = 0;
	}
	told = -1;
	stop__resume(all);
}

int stop__start(struct vm *machine, void (*fn)(const struct rsp_stop *stop))
{
	retry = loop__timer_new(on_retry, NULL);
	follow = loop__timer_new(on_follow, NULL);
	recheck = loop__timer_new(on_recheck, NULL);
	if (!retry || !follow || !recheck)
		return -ENOMEM;
	vm = machine;
	/* Until somebody holds them, all go. */
	for (unsigned int cpu = 0; cpu < KAP_MAX_VCPUS; cpu++) {
		wanted[cpu] = RSP_CONTINUE;
		moves[cpu] = GOES;
	}
	on_stop = fn;
	return 0;
}

void stop__end(void)
{
	loop__timer_free(retry);
	loop__timer_free(follow);
	loop__timer_free(recheck);
	retry = follow = recheck = NULL;
	on_stop = NULL;
}
