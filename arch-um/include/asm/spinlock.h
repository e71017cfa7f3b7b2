/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queued locks. While vCPUs share host CPUs, a queue would be as slow as the slowest in it that
 * has no CPU: then whoever runs takes the lock that is free. It is not while there is a queue.
 */
#ifndef _ASM_KAP_SPINLOCK_H
#define _ASM_KAP_SPINLOCK_H

#include <asm-generic/qspinlock_types.h>
#include <asm/vdso/processor.h>
#include <linux/atomic.h>

#define virt_spin_lock virt_spin_lock
static inline bool virt_spin_lock(struct qspinlock *lock)
{
	int free;

	if (likely(!kap_crowded))
		return false;
	for (;;) {
		free = atomic_read(&lock->val);
		if (!free && atomic_try_cmpxchg(&lock->val, &free, _Q_LOCKED_VAL))
			return true;
		cpu_relax();
	}
}

#include <asm/qspinlock.h>
#include <asm/qrwlock.h>

#endif
