/* SPDX-License-Identifier: GPL-2.0-only */
/* The cycle counter is the time-stamp counter, where the host lets us read it. */
#ifndef _ASM_KAP_TIMEX_H
#define _ASM_KAP_TIMEX_H

#include <linux/types.h>

typedef unsigned long cycles_t;

static inline cycles_t get_cycles(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return ((cycles_t)hi << 32) | lo;
}
#define get_cycles get_cycles

#define random_get_entropy() ((unsigned long)get_cycles())

#include <asm-generic/timex.h>

#endif
