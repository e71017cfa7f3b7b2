// SPDX-License-Identifier: GPL-2.0-only
/* Offsets of C structures for assembly. */
#define ASM_OFFSETS_C 1
#include <linux/kbuild.h>
#include <linux/sched.h>

int main(void);
int main(void)
{
	OFFSET(TASK_stack, task_struct, stack);
	OFFSET(TASK_thread_sp, task_struct, thread.sp);
	DEFINE(KAP_pt_regs_size, sizeof(struct pt_regs));
	return 0;
}
