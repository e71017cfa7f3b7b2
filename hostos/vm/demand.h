/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vCPU wants of its host CPU and what it gets. Nothing here asks the host: numbers in,
 * numbers out. Those of the guest may be lies: they can spoil what the guest itself gets.
 */
#ifndef HOSTOS_DEMAND_H
#define HOSTOS_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/usage.h"

#define DEMAND_RUNNERS	32

/* What a look at a vCPU saw. */
struct demand_look {
	uint64_t now_ns;
	uint64_t idle_ns, nr_traps;	/* the guest's words */
	bool idle;			/* or off; what follows is not filled in then */
	bool has_kernel, has_runner;	/* whether the host told */
	int32_t runner_tid;
	struct usage_thread kernel, runner;
};

struct demand_runner {
	int32_t tid;
	struct usage_thread used;
};

struct demand {
	/* Percent of a host CPU that it wanted of late, and that it had. */
	unsigned int load, got;
	/* How long it waited for its host CPU while others had it. Only grows. */
	uint64_t steal_ns;

	/* At the last look, and at the last one that found it busy. */
	uint64_t seen_ns, seen_idle_ns;
	uint64_t busy_ns, busy_idle_ns, busy_traps;
	bool was_idle;
	struct usage_thread kernel;
	struct demand_runner runners[DEMAND_RUNNERS];
	unsigned int next_runner;
	int32_t last_runner;
};

void demand__update(struct demand *demand, const struct demand_look *look);

#endif
