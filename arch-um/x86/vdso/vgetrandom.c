// SPDX-License-Identifier: GPL-2.0-only
/* The vDSO's getrandom: the tree's generic code. */
#include <linux/types.h>

#include <lib/vdso/getrandom.c>

ssize_t __vdso_getrandom(void *buffer, size_t len, unsigned int flags, void *state,
			 size_t state_len)
{
	return __cvdso_getrandom(buffer, len, flags, state, state_len);
}

ssize_t getrandom(void *buffer, size_t len, unsigned int flags, void *state, size_t state_len)
	__attribute__((weak, alias("__vdso_getrandom")));
