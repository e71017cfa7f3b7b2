// SPDX-License-Identifier: GPL-2.0-only
/*
 * Demand and steal of a vCPU.
 *
 * The host knows for each thread how long it was ready and waited. But a vCPU and its runner take
 * turns on one host CPU, and whoever was woken waits until the other one sleeps. That is no steal.
 * Two limits take it out: no more can have been stolen than there was time in which the vCPU
 * was neither idle nor running; and each trap is two such turns.
 *
 * A vCPU has one runner for each program, and a look sees the one that it works with then. For the
 * time of the others that one stands as a sample.
 */
#include <stddef.h>

#include "vm/demand.h"

#define TURNS_NS	4000	/* of a trap: stop, and go on */
/* After idling: how long it has been busy is not known yet, it may be all the time. */
#define WOKEN_LOAD	50

static uint64_t grown(uint64_t now, uint64_t before, uint64_t most)
{
	uint64_t by = now > before ? now - before : 0;

	return by < most ? by : most;
}

static struct demand_runner *find_runner(struct demand *d, int32_t tid)
{
	struct demand_runner *r;

	for (int i = 0; i < DEMAND_RUNNERS; i++)
		if (d->runners[i].tid == tid)
			return &d->runners[i];
	r = &d->runners[d->next_runner];
	d->next_runner = (d->next_runner + 1) % DEMAND_RUNNERS;
	*r = (struct demand_runner){ .tid = tid };
	return r;
}

static struct usage_thread growth(const struct usage_thread *now, struct usage_thread *before)
{
	struct usage_thread by;

	/* The number of a thread that ended was given to another one. */
	if (now->run_ns < before->run_ns || now->wait_ns < before->wait_ns)
		*before = (struct usage_thread){ 0 };
	by.run_ns = now->run_ns - before->run_ns;
	by.wait_ns = now->wait_ns - before->wait_ns;
	*before = *now;
	return by;
}

static uint64_t stolen_of(uint64_t active, uint64_t turns, const struct usage_thread *kernel,
			  const struct usage_thread *runner, bool same_runner)
{
	uint64_t ran = kernel->run_ns, waited = kernel->wait_ns, rest;
	double all = (double)runner->run_ns + runner->wait_ns;

	if (same_runner) {
		ran += runner->run_ns;
		waited += runner->wait_ns;
	}
	rest = grown(active, ran + waited, active);
	if (all > 0)
		waited += rest * (runner->wait_ns / all);
	return grown(waited, turns, grown(active, ran, active));
}

static void look_at_busy(struct demand *d, const struct demand_look *look)
{
	uint64_t passed = look->now_ns - d->busy_ns;
	uint64_t active = passed - grown(look->idle_ns, d->busy_idle_ns, passed);
	uint64_t traps = grown(look->nr_traps, d->busy_traps, passed / TURNS_NS);
	struct usage_thread kernel = { 0 }, runner = { 0 };
	bool first = !d->busy_ns, same = look->runner_tid == d->last_runner;
	uint64_t stolen;

	if (look->has_kernel)
		kernel = growth(&look->kernel, &d->kernel);
	if (look->has_runner)
		runner = growth(&look->runner, &find_runner(d, look->runner_tid)->used);
	d->busy_ns = look->now_ns;
	d->busy_idle_ns = look->idle_ns;
	d->busy_traps = look->nr_traps;
	d->last_runner = look->has_runner ? look->runner_tid : 0;
	d->got = d->load;
	if (first)
		return;
	stolen = stolen_of(active, traps * TURNS_NS, &kernel, &runner, same);
	d->steal_ns += stolen;
	if (active)
		d->got = d->load - d->load * stolen / active;
}

void demand__update(struct demand *d, const struct demand_look *look)
{
	uint64_t passed = look->now_ns - d->seen_ns;
	uint64_t idled = grown(look->idle_ns, d->seen_idle_ns, passed);
	bool slept_on = look->idle && d->was_idle && look->idle_ns == d->seen_idle_ns;

	if (slept_on || !passed)
		d->load = 0;
	else if (look->idle)
		d->load /= 2;
	else
		d->load = 100 - 100 * idled / passed;
	if (!look->idle && d->was_idle && d->load < WOKEN_LOAD)
		d->load = WOKEN_LOAD;
	d->seen_ns = look->now_ns;
	d->seen_idle_ns = look->idle_ns;
	d->was_idle = look->idle;
	if (look->idle)
		d->got = d->load;
	else
		look_at_busy(d, look);
}
