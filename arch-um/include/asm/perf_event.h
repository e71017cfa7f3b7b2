/* SPDX-License-Identifier: GPL-2.0-only */
/* Software events only: the machine has no counters of its own. */
#ifndef _ASM_KAP_PERF_EVENT_H
#define _ASM_KAP_PERF_EVENT_H
#endif
