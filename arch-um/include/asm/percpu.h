/* SPDX-License-Identifier: GPL-2.0-only */
/* Per-CPU data: found through the CPU number at the base of the stack. */
#ifndef _ASM_KAP_PERCPU_H
#define _ASM_KAP_PERCPU_H

#include <asm/thread_info.h>

#ifdef CONFIG_SMP
extern unsigned long __per_cpu_offset[];
#define __my_cpu_offset	__per_cpu_offset[READ_ONCE(current_thread_info()->cpu)]
#endif

#include <asm-generic/percpu.h>

#endif
