// SPDX-License-Identifier: GPL-2.0-only
/* Call chains of performance samples: the stack walks of this port, fed to perf. */
#include <linux/perf_event.h>
#include <linux/stacktrace.h>
#include <asm/ptrace.h>

static bool store_entry(void *ctx, unsigned long addr)
{
	return perf_callchain_store(ctx, addr) == 0;
}

void perf_callchain_kernel(struct perf_callchain_entry_ctx *ctx, struct pt_regs *regs)
{
	arch_stack_walk(store_entry, ctx, NULL, regs);
}

void perf_callchain_user(struct perf_callchain_entry_ctx *ctx, struct pt_regs *regs)
{
	arch_stack_walk_user(store_entry, ctx, regs);
}
