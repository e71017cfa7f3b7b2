/* SPDX-License-Identifier: GPL-2.0-only */
/* Time that the host gave to others while a vCPU had work: the monitor measures it. */
#ifndef _ASM_KAP_PARAVIRT_H
#define _ASM_KAP_PARAVIRT_H

#include <linux/types.h>

struct static_key;
extern struct static_key paravirt_steal_enabled;
extern struct static_key paravirt_steal_rq_enabled;

extern u64 paravirt_steal_clock(int cpu);

#endif
