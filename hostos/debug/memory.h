/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory for a debugger, by virtual address: the kernel window directly, vmalloc, modules
 * and user code through the guest's page tables. Everything that is read on the way is the
 * guest's: bounds are checked, loops end. Valid while the vCPUs are parked.
 */
#ifndef HOSTOS_MEMORY_H
#define HOSTOS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kap/park.h>

struct vm;

/*
 * User addresses (outside of the hole) belong to the space that memory__choose() named; without
 * one, to the space that vCPU cpu runs or ran last. A space that was chosen and has ended maps
 * nothing.
 */
void memory__choose(uint32_t space); /* 0: none */
uint32_t memory__chosen(void);

/* How many bytes from addr on could be read: may be fewer than len, and 0. */
size_t memory__read(struct vm *vm, unsigned int cpu, uint64_t addr, void *to, size_t len);

/* All or nothing. 0; -EFAULT where nothing is mapped. Also writes what the guest has read-only. */
int memory__write(struct vm *vm, unsigned int cpu, uint64_t addr, const void *from, size_t len);

/*
 * Guest-physical address of addr and, in *len (if not NULL), how many bytes follow it in the same
 * page. 0 or -EFAULT.
 */
int memory__physical(struct vm *vm, unsigned int cpu, uint64_t addr, uint64_t *phys, uint64_t *len);

/*
 * The number of the space whose process has this pid, 0 when there is none. fn for each space, in
 * the guest's order; at most 65536, whatever the list looks like.
 */
uint32_t memory__space_of(struct vm *vm, int32_t pid);
void memory__spaces(struct vm *vm, void (*fn)(const struct kap_space_info *space, void *arg),
		    void *arg);

/*
 * What the kernel has mapped in [start, end) of vmalloc or modules: fn for each run of pages that
 * follow each other at both addresses, by rising addr, until it returns false. False: not all of it
 * was looked at.
 */
bool memory__kernel_runs(struct vm *vm, uint64_t start, uint64_t end,
			 bool (*fn)(uint64_t addr, uint64_t phys, uint64_t len, void *arg),
			 void *arg);

#endif
