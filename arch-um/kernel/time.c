// SPDX-License-Identifier: GPL-2.0-only
/* Clock source and clock events: the machine's time page and deadlines. */
#include <linux/clocksource.h>
#include <linux/clockchips.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include <linux/init.h>
#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <asm/paravirt.h>
#include <asm/smp.h>

#include "entry.h"

static u64 sched_clock_base;

/* Counts from its first call, which is the first line of the log. */
notrace u64 sched_clock(void)
{
	u64 now = kap_now();

	if (unlikely(!sched_clock_base))
		sched_clock_base = now;
	return now - sched_clock_base;
}

static u64 clock_read(struct clocksource *cs)
{
	return kap_now();
}

static struct clocksource kap_clock = {
	.name		= "kap",
	.rating		= 400,
	.read		= clock_read,
	.mask		= CLOCKSOURCE_MASK(64),
	.flags		= CLOCK_SOURCE_IS_CONTINUOUS | CLOCK_SOURCE_VALID_FOR_HRES,
};

static DEFINE_PER_CPU(struct clock_event_device, kap_event);

static int event_next(unsigned long delta, struct clock_event_device *dev)
{
	kap_set_deadline(smp_processor_id(), kap_now() + delta);
	return 0;
}

static int event_off(struct clock_event_device *dev)
{
	kap_set_deadline(smp_processor_id(), ~0ULL);
	return 0;
}

void kap_timer_interrupt(void)
{
	struct clock_event_device *dev = this_cpu_ptr(&kap_event);

	__this_cpu_inc(irq_stat.timer_irqs);
	if (dev->event_handler)
		dev->event_handler(dev);
}

void setup_cpu_timer(void)
{
	struct clock_event_device *dev = this_cpu_ptr(&kap_event);

	dev->name = "kap";
	dev->features = CLOCK_EVT_FEAT_ONESHOT;
	dev->rating = 400;
	dev->cpumask = cpumask_of(smp_processor_id());
	dev->set_next_event = event_next;
	dev->set_state_shutdown = event_off;
	dev->set_state_oneshot_stopped = event_off;
	clockevents_config_and_register(dev, NSEC_PER_SEC, 1000, LONG_MAX);
}

void read_persistent_clock64(struct timespec64 *ts)
{
	const struct kap_time *time = kap_time_page();

	*ts = ns_to_timespec64(time->wall_ns + (kap_now() - time->wall_mono_ns));
}

struct static_key paravirt_steal_enabled;
struct static_key paravirt_steal_rq_enabled;

/*
 * The monitor tells of stolen time twice a second, all at once; but no more of it can be taken
 * off a tick than the tick is long. So it is handed on at most as fast as time passes.
 */
struct stolen {
	u64 told;
	u64 at;
};

static DEFINE_PER_CPU(struct stolen, stolen);

u64 paravirt_steal_clock(int cpu)
{
	struct stolen *s = per_cpu_ptr(&stolen, cpu);
	u64 now = kap_now();

	s->told += min(READ_ONCE(kap_vcpu(cpu)->steal_ns) - s->told, now - s->at);
	s->at = now;
	return s->told;
}

static int __init steal_init(void)
{
	static_key_slow_inc(&paravirt_steal_enabled);
	return 0;
}
early_initcall(steal_init);

void __init time_init(void)
{
	if (kap_time_page()->flags & KAP_TIME_TSC_OK)
		kap_clock.vdso_clock_mode = VDSO_CLOCKMODE_KAP;
	clocksource_register_hz(&kap_clock, NSEC_PER_SEC);
	setup_cpu_timer();
	/* Delays are measured with the clock, not with a loop count. */
	lpj_fine = NSEC_PER_SEC / HZ;
}

void __delay(unsigned long ns)
{
	u64 end = kap_now() + ns;

	while ((s64)(end - kap_now()) > 0)
		cpu_relax();
}
EXPORT_SYMBOL(__delay);

void __udelay(unsigned long usecs)
{
	__delay(usecs * 1000);
}
EXPORT_SYMBOL(__udelay);

void __ndelay(unsigned long nsecs)
{
	__delay(nsecs);
}
EXPORT_SYMBOL(__ndelay);

/* asm-generic/delay.h scales a constant argument by 2^32 / 10^6 (or 10^9). */
void __const_udelay(unsigned long xloops)
{
	__delay((xloops * 1000) >> 32);
}
EXPORT_SYMBOL(__const_udelay);
