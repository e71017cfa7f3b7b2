// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers of user tasks, for debuggers: x86-64's offsets of u_debugreg in
 * PTRACE_PEEKUSER and PTRACE_POKEUSER.
 *
 * Few tasks have any. They are found in a hash; the real registers are set before such
 * a task runs user code, and cleared behind it.
 */
#include <linux/hashtable.h>
#include <linux/mm_types.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/processor.h>
#include <uapi/asm/debugreg.h>
#include <kap/debug.h>

#include "debugreg.h"

struct debugged {
	struct hlist_node node;
	struct task_struct *task;
	bool loaded;
	struct kap_debug regs;
};

unsigned int kap_debugged_tasks;

static DEFINE_HASHTABLE(debugged_tasks, 4);

/* Taken where neither lockdep nor RCU may look: on the last steps to user code. */
static arch_spinlock_t debugged_lock = __ARCH_SPIN_LOCK_UNLOCKED;

static unsigned long take_lock(void)
{
	unsigned long flags;

	raw_local_irq_save(flags);
	arch_spin_lock(&debugged_lock);
	return flags;
}

static void drop_lock(unsigned long flags)
{
	arch_spin_unlock(&debugged_lock);
	raw_local_irq_restore(flags);
}

static noinstr struct debugged *find(struct task_struct *task)
{
	struct hlist_node *node;

	for (node = debugged_tasks[hash_min((unsigned long)task, HASH_BITS(debugged_tasks))].first;
	     node; node = node->next) {
		struct debugged *debugged = hlist_entry(node, struct debugged, node);

		if (debugged->task == task)
			return debugged;
	}
	return NULL;
}

unsigned long kap_get_debugreg(struct task_struct *task, unsigned int nr)
{
	unsigned long value = nr == DR_STATUS ? DR6_RESERVED : 0, flags;
	struct debugged *debugged;

	flags = take_lock();
	debugged = find(task);
	if (debugged && nr <= DR_LASTADDR)
		value = debugged->regs.addr[nr];
	else if (debugged && nr == DR_STATUS)
		value = debugged->regs.status;
	else if (debugged && nr == DR_CONTROL)
		value = debugged->regs.control;
	drop_lock(flags);
	return value;
}

/* Whether the host takes them; the task is stopped, and so is what runs its user code. */
static int try_on_host(struct task_struct *task, const struct kap_debug *regs)
{
	struct kap_debug read;
	unsigned long flags;
	int err;

	if (!(regs->control & (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK)) || !task->mm)
		return 0;
	local_irq_save(flags);
	err = kap_debug_load(&task->mm->context.space, regs);
	if (!err)
		kap_debug_unload(&task->mm->context.space, &read);
	local_irq_restore(flags);
	return err;
}

static struct debugged *find_or_add(struct task_struct *task)
{
	struct debugged *debugged, *new;
	unsigned long flags;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->task = task;
	new->regs.status = DR6_RESERVED;
	flags = take_lock();
	debugged = find(task);
	if (!debugged) {
		debugged = new;
		new = NULL;
		hash_add(debugged_tasks, &debugged->node, (unsigned long)task);
		WRITE_ONCE(kap_debugged_tasks, kap_debugged_tasks + 1);
	}
	drop_lock(flags);
	kfree(new);
	return debugged;
}

int kap_set_debugreg(struct task_struct *task, unsigned int nr, unsigned long value)
{
	struct debugged *debugged = find_or_add(task);
	struct kap_debug regs;
	unsigned long flags;
	int err;

	if (!debugged)
		return -ENOMEM;
	regs = debugged->regs;
	if (nr <= DR_LASTADDR) {
		if (value >= TASK_SIZE_MAX || kap_in_hole(value, sizeof(long)))
			return -EINVAL;
		regs.addr[nr] = value;
	} else if (nr == DR_STATUS) {
		regs.status = value;
	} else {
		regs.control = value & ~DR_CONTROL_RESERVED;
	}
	err = try_on_host(task, &regs);
	if (err)
		return err;
	flags = take_lock();
	debugged->regs = regs;
	drop_lock(flags);
	return 0;
}

void kap_drop_debugregs(struct task_struct *task)
{
	struct debugged *debugged;
	unsigned long flags;

	if (!kap_debugging())
		return;
	flags = take_lock();
	debugged = find(task);
	if (debugged) {
		hash_del(&debugged->node);
		WRITE_ONCE(kap_debugged_tasks, kap_debugged_tasks - 1);
	}
	drop_lock(flags);
	kfree(debugged);
}

noinstr void kap_debug_enter_user(void)
{
	struct debugged *debugged;

	arch_spin_lock(&debugged_lock);
	debugged = find(current);
	arch_spin_unlock(&debugged_lock);
	if (!debugged || !(debugged->regs.control & (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK)))
		return;
	debugged->loaded = !kap_debug_load(&current->mm->context.space, &debugged->regs);
}

noinstr void kap_debug_leave_user(const struct kap_trap *trap)
{
	struct debugged *debugged;
	struct kap_debug read;

	arch_spin_lock(&debugged_lock);
	debugged = find(current);
	arch_spin_unlock(&debugged_lock);
	if (!debugged || !debugged->loaded)
		return;
	debugged->loaded = false;
	kap_debug_unload(&current->mm->context.space, &read);
	if (trap->kind == KAP_TRAP_EXCEPTION && trap->nr == KAP_EXC_DB)
		debugged->regs.status = read.status;
}
