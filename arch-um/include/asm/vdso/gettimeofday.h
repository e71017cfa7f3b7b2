/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the generic vDSO code gets at this machine's clock: the time page gives
 * monotonic nanoseconds from the time-stamp counter. Where the counter can't
 * be trusted, the system call is made instead.
 */
/* clang-format off */
#ifndef _ASM_KAP_VDSO_GETTIMEOFDAY_H
#define _ASM_KAP_VDSO_GETTIMEOFDAY_H

#ifndef __ASSEMBLY__

#include <uapi/linux/time.h>
#include <asm/barrier.h>
#include <asm/unistd.h>
#include <kap/time.h>

#define VDSO_HAS_TIME		1
#define VDSO_HAS_CLOCK_GETRES	1

/* Only in the vDSO: the page that is mapped before it. */
extern struct kap_time kap_vvar_time __attribute__((visibility("hidden")));

#define KAP_VDSO_CALL2(nr, a, b)					\
({									\
	long __ret;							\
									\
	asm volatile("syscall" : "=a" (__ret)				\
		     : "0" ((long)(nr)), "D" (a), "S" (b)		\
		     : "rcx", "r11", "memory");				\
	__ret;								\
})

static __always_inline long clock_gettime_fallback(clockid_t clock, struct __kernel_timespec *ts)
{
	return KAP_VDSO_CALL2(__NR_clock_gettime, (long)clock, ts);
}

static __always_inline long clock_getres_fallback(clockid_t clock, struct __kernel_timespec *ts)
{
	return KAP_VDSO_CALL2(__NR_clock_getres, (long)clock, ts);
}

static __always_inline long gettimeofday_fallback(struct __kernel_old_timeval *tv,
						  struct timezone *tz)
{
	return KAP_VDSO_CALL2(__NR_gettimeofday, tv, tz);
}

static __always_inline u64 kap_vdso_tsc(void)
{
	u32 lo, hi;

	/* the fence keeps the read behind the loads before it */
	asm volatile("lfence\n\trdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return ((u64)hi << 32) | lo;
}

/* ULLONG_MAX: no answer without asking the kernel. */
static __always_inline u64 __arch_get_hw_counter(s32 clock_mode, const struct vdso_data *vd)
{
	const struct kap_time *t = &kap_vvar_time;
	u64 delta, ns;
	u32 seq;

	if (unlikely(clock_mode != VDSO_CLOCKMODE_KAP))
		return ULLONG_MAX;

	do {
		while (unlikely((seq = READ_ONCE(t->seq)) & 1))
			cpu_relax();
		smp_rmb();
		if (unlikely(!(READ_ONCE(t->flags) & KAP_TIME_TSC_OK)))
			return ULLONG_MAX;
		delta = kap_vdso_tsc() - READ_ONCE(t->base_tsc);
		/* another CPU's counter may be a little behind the one that set the base */
		if (unlikely((s64)delta < 0))
			delta = 0;
		ns = READ_ONCE(t->base_ns) +
		     (u64)(((unsigned __int128)delta * READ_ONCE(t->mult)) >> READ_ONCE(t->shift));
		smp_rmb();
	} while (unlikely(READ_ONCE(t->seq) != seq));

	return ns;
}

static __always_inline bool kap_vdso_cycles_ok(u64 cycles)
{
	return cycles != ULLONG_MAX;
}
#define vdso_cycles_ok kap_vdso_cycles_ok

/* The product is 128 bits wide: a CPU may have been idle for any time. */
static __always_inline u64 vdso_calc_ns(const struct vdso_data *vd, u64 cycles, u64 base)
{
	u64 delta = cycles - vd->cycle_last;

	if (unlikely((s64)delta < 0))
		delta = 0;
	return (u64)(((unsigned __int128)delta * vd->mult + base) >> vd->shift);
}
#define vdso_calc_ns vdso_calc_ns

static __always_inline const struct vdso_data *__arch_get_vdso_data(void)
{
	return _vdso_data;
}

#ifdef CONFIG_TIME_NS
static __always_inline
const struct vdso_data *__arch_get_timens_vdso_data(const struct vdso_data *vd)
{
	return _timens_data;
}
#endif

#endif
#endif
