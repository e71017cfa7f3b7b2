/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks between vCPUs, taken with interrupts off. The holder may wait for the host, or may not have
 * a host CPU at all: who finds a lock taken spins for a moment, then sleeps.
 */
#ifndef SHIM_LOCK_H
#define SHIM_LOCK_H

#include "shim.h"

#define LOCK_FREE	0
#define LOCK_TAKEN	1
#define LOCK_WAITED_FOR	2
#define LOCK_SPINS	200

static inline int try_lock(kap_u32 *lock)
{
	kap_u32 free = LOCK_FREE;

	return __atomic_compare_exchange_n(lock, &free, LOCK_TAKEN, 0, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void take_lock(kap_u32 *lock)
{
	int i;

	for (i = 0; i < LOCK_SPINS; i++) {
		if (likely(try_lock(lock)))
			return;
		asm volatile("pause");
	}
	while (__atomic_exchange_n(lock, LOCK_WAITED_FOR, __ATOMIC_ACQUIRE) != LOCK_FREE)
		futex_wait(lock, LOCK_WAITED_FOR, NULL);
}

static inline void drop_lock(kap_u32 *lock)
{
	if (unlikely(__atomic_exchange_n(lock, LOCK_FREE, __ATOMIC_RELEASE) == LOCK_WAITED_FOR))
		futex_wake(lock);
}

#endif
