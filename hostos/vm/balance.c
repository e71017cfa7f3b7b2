// SPDX-License-Identifier: GPL-2.0-only
/*
 * Balancing vCPUs over host CPUs.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "vm/balance.h"

/* Wanted by more than this percent, somebody on the CPU must wait. */
#define FULL		110
/* A move is worth it when the fuller one of both CPUs gets relief of so many percent. */
#define WORTH_IT	20

struct host_cpu {
	unsigned int total;	/* percent wanted, by all */
	unsigned int vcpus;
};

/* The one with least to do; between equals the one with fewest vCPUs, which may wake up. */
static int emptiest(const struct host_cpu *cpus, int nr)
{
	int best = 0;

	for (int i = 1; i < nr; i++)
		if (cpus[i].total < cpus[best].total ||
		    (cpus[i].total == cpus[best].total && cpus[i].vcpus < cpus[best].vcpus))
			best = i;
	return best;
}

static void put(struct host_cpu *cpus, struct balance_vcpu *vcpu, int cpu)
{
	vcpu->cpu = cpu;
	cpus[cpu].total += vcpu->load;
	cpus[cpu].vcpus++;
}

/* By how much the fuller CPU of the two gets emptier. */
static int gain(const struct host_cpu *cpus, const struct balance_vcpu *vcpu, int to)
{
	int from_after = cpus[vcpu->cpu].total - vcpu->load;
	int to_after = cpus[to].total + vcpu->load;

	return (int)cpus[vcpu->cpu].total - (from_after > to_after ? from_after : to_after);
}

/* The vCPU whose move helps most; between equals the lighter one. NULL: none is worth it. */
static struct balance_vcpu *best_to_move(const struct host_cpu *cpus, struct balance_vcpu *vcpus,
					 int nr, int to)
{
	struct balance_vcpu *best = NULL;
	int best_gain = WORTH_IT - 1;

	for (int i = 0; i < nr; i++) {
		int by;

		if (vcpus[i].cpu == to || !vcpus[i].load || cpus[vcpus[i].cpu].total <= FULL)
			continue;
		by = gain(cpus, &vcpus[i], to);
		if (by > best_gain || (best && by == best_gain && vcpus[i].load < best->load)) {
			best = &vcpus[i];
			best_gain = by;
		}
	}
	return best;
}

int balance__decide(const uint8_t *others, int nr_cpus, struct balance_vcpu *vcpus, int nr_vcpus)
{
	struct host_cpu *cpus = calloc(nr_cpus, sizeof(*cpus));
	int moved = 0;

	if (!cpus)
		return 0;
	for (int i = 0; i < nr_cpus; i++)
		cpus[i].total = others[i];
	for (int i = 0; i < nr_vcpus; i++)
		if (vcpus[i].cpu >= 0)
			put(cpus, &vcpus[i], vcpus[i].cpu);
	for (int i = 0; i < nr_vcpus; i++) {
		if (vcpus[i].cpu < 0) {
			put(cpus, &vcpus[i], emptiest(cpus, nr_cpus));
			moved++;
		}
	}
	/* Each move evens out; the limit is for what nobody thought of. */
	for (int i = 0; i < nr_vcpus; i++) {
		int to = emptiest(cpus, nr_cpus);
		struct balance_vcpu *vcpu = best_to_move(cpus, vcpus, nr_vcpus, to);

		if (!vcpu)
			break;
		cpus[vcpu->cpu].total -= vcpu->load;
		cpus[vcpu->cpu].vcpus--;
		put(cpus, vcpu, to);
		moved++;
	}
	free(cpus);
	return moved;
}
