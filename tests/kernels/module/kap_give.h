/* SPDX-License-Identifier: GPL-2.0-only */
/* What kap_give exports. */
#ifndef KAP_GIVE_H
#define KAP_GIVE_H

#include <linux/percpu.h>

extern int kap_give_value;
extern int kap_give_twice(int n);
DECLARE_PER_CPU(int, kap_give_counter);

#endif
