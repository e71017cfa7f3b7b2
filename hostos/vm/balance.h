/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which vCPU should run on which host CPU. Nothing here asks the host: numbers in, numbers out.
 */
#ifndef HOSTOS_BALANCE_H
#define HOSTOS_BALANCE_H

#include <stdint.h>

struct balance_vcpu {
	int cpu;		/* index of its host CPU; -1: none, one must be found */
	unsigned int load;	/* percent of a host CPU that it wants */
};

/*
 * others[n]: percent of host CPU n that others than these vCPUs use. Gives a CPU to whoever has
 * none, then takes vCPUs from full CPUs to emptier ones as long as that helps clearly: each move
 * costs warm caches, so a difference that may be chance moves nothing. nr_cpus: at least 1.
 * Returns how many vCPUs have another CPU now.
 */
int balance__decide(const uint8_t *others, int nr_cpus, struct balance_vcpu *vcpus, int nr_vcpus);

#endif
