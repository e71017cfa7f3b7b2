/* SPDX-License-Identifier: GPL-2.0-only */
/* Atomic operations on a user word: done on its page in the linear map. */
#ifndef _ASM_KAP_FUTEX_H
#define _ASM_KAP_FUTEX_H

#include <linux/types.h>

extern int arch_futex_atomic_op_inuser(int op, u32 oparg, int *oval, u32 __user *uaddr);
extern int futex_atomic_cmpxchg_inatomic(u32 *uval, u32 __user *uaddr, u32 oldval, u32 newval);

#endif
