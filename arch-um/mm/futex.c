// SPDX-License-Identifier: GPL-2.0-only
/* Atomic operations on user words for the futex code (called with page faults off). */
#include <linux/mutex.h>
#include <linux/futex.h>
#include <linux/uaccess.h>
#include <linux/irqflags.h>
#include <linux/atomic.h>
#include <asm/futex.h>

#include "uaccess.h"

static u32 apply(int op, u32 old, u32 arg)
{
	switch (op) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return old + arg;
	case FUTEX_OP_OR:
		return old | arg;
	case FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

int arch_futex_atomic_op_inuser(int op, u32 oparg, int *oval, u32 __user *uaddr)
{
	unsigned long flags;
	u32 *p, old, seen;

	if (op < FUTEX_OP_SET || op > FUTEX_OP_XOR)
		return -ENOSYS;
	if (!access_ok(uaddr, sizeof(u32)))
		return -EFAULT;
	local_irq_save(flags);
	p = kap_user_ptr((unsigned long)uaddr, true);
	if (p) {
		seen = READ_ONCE(*p);
		do {
			old = seen;
			seen = cmpxchg(p, old, apply(op, old, oparg));
		} while (seen != old);
		*oval = old;
	}
	kap_user_done();
	local_irq_restore(flags);
	return p ? 0 : -EFAULT;
}

int futex_atomic_cmpxchg_inatomic(u32 *uval, u32 __user *uaddr, u32 oldval, u32 newval)
{
	unsigned long flags;
	u32 *p;

	if (!access_ok(uaddr, sizeof(u32)))
		return -EFAULT;
	local_irq_save(flags);
	p = kap_user_ptr((unsigned long)uaddr, true);
	if (p)
		*uval = cmpxchg(p, oldval, newval);
	kap_user_done();
	local_irq_restore(flags);
	return p ? 0 : -EFAULT;
}
