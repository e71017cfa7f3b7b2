// SPDX-License-Identifier: GPL-2.0-only
/*
 * modify_ldt(2): segments of a program's own. The processor looks them up in a table
 * that only the host can set, so each entry is set there as well; here is what the
 * program reads back, what fork copies, and what says which selectors are good.
 *
 * Few processes have a table. They are found by their mm in a hash, so that all others
 * carry nothing for it.
 */
#include <linux/hashtable.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/ldt.h>
#include <asm/sys_x86.h>
#include <kap/ldt.h>

#include "ldt.h"

/* modify_ldt's functions. */
#define LDT_READ		0
#define LDT_WRITE_OLD		1
#define LDT_READ_DEFAULT	2
#define LDT_WRITE		0x11

#define DEFAULT_LDT_SIZE	128	/* bytes; all of them zero on x86-64 */

/* A descriptor (Intel SDM vol. 3, 3.4.5). */
#define DESC_WRITABLE		BIT_ULL(41)	/* data */
#define DESC_EXPAND_DOWN	BIT_ULL(42)	/* data */
#define DESC_CONFORMING		BIT_ULL(42)	/* code */
#define DESC_CODE		BIT_ULL(43)
#define DESC_ALWAYS		(BIT_ULL(40) | BIT_ULL(44) | 3ULL << 45)	/* A, S, DPL 3 */
#define DESC_PRESENT		BIT_ULL(47)
#define DESC_AVL		BIT_ULL(52)
#define DESC_BIG		BIT_ULL(54)
#define DESC_GRANULAR		BIT_ULL(55)

struct ldt {
	struct hlist_node node;
	struct mm_struct *mm;
	unsigned int nr;
	u64 desc[] __counted_by(nr);
};

static DEFINE_HASHTABLE(tables, 6);
static DEFINE_SPINLOCK(tables_lock);

/* Who changes or copies a table holds this as well: the host is told before the table is. */
static DEFINE_MUTEX(change_lock);

static_assert(sizeof(struct user_desc) == sizeof(struct kap_ldt_entry));

static struct ldt *find(struct mm_struct *mm)
{
	struct ldt *ldt;

	hash_for_each_possible(tables, ldt, node, (unsigned long)mm) if (ldt->mm == mm) return ldt;
	return NULL;
}

static u64 get_desc(struct mm_struct *mm, unsigned int nr)
{
	unsigned long flags;
	struct ldt *ldt;
	u64 desc = 0;

	spin_lock_irqsave(&tables_lock, flags);
	ldt = find(mm);
	if (ldt && nr < ldt->nr)
		desc = ldt->desc[nr];
	spin_unlock_irqrestore(&tables_lock, flags);
	return desc;
}

static u64 make_desc(const struct user_desc *info)
{
	u64 desc = DESC_ALWAYS | (info->limit & 0xffff) | (u64)(info->base_addr & 0xffffff) << 16 |
		   (u64)(info->limit & 0xf0000) << 32 | (u64)(info->base_addr >> 24) << 56;

	desc |= (u64)info->contents << 42;
	if (!info->read_exec_only)
		desc |= DESC_WRITABLE;
	if (!info->seg_not_present)
		desc |= DESC_PRESENT;
	if (info->useable)
		desc |= DESC_AVL;
	if (info->seg_32bit)
		desc |= DESC_BIG;
	if (info->limit_in_pages)
		desc |= DESC_GRANULAR;
	return desc;
}

static u32 desc_base(u64 desc)
{
	return (desc >> 16 & 0xffffff) | (desc >> 56) << 24;
}

/* What makes the host's modify_ldt write this descriptor. */
static struct kap_ldt_entry make_entry(unsigned int nr, u64 desc)
{
	struct user_desc info = { .entry_number = nr };
	struct kap_ldt_entry entry;

	if (desc) {
		info.base_addr = desc_base(desc);
		info.limit = (desc & 0xffff) | (desc >> 32 & 0xf0000);
		info.seg_32bit = !!(desc & DESC_BIG);
		info.contents = desc >> 42 & 3;
		info.read_exec_only = !(desc & DESC_WRITABLE);
		info.limit_in_pages = !!(desc & DESC_GRANULAR);
		info.seg_not_present = !(desc & DESC_PRESENT);
		info.useable = !!(desc & DESC_AVL);
	} else {
		info.read_exec_only = 1;
		info.seg_not_present = 1;
	}
	memcpy(&entry, &info, sizeof(entry));
	return entry;
}

static int tell_host(struct mm_struct *mm, unsigned int nr, u64 desc)
{
	struct kap_ldt_entry entry = make_entry(nr, desc);
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = kap_space_set_ldt(&mm->context.space, &entry);
	local_irq_restore(flags);
	return err;
}

/* A table with room for nr entries, with those that mm has; null: no memory. */
static struct ldt *grown(struct mm_struct *from, struct mm_struct *mm, unsigned int nr)
{
	struct ldt *ldt, *old;

	ldt = kzalloc(struct_size(ldt, desc, nr), GFP_KERNEL_ACCOUNT);
	if (!ldt)
		return NULL;
	ldt->mm = mm;
	ldt->nr = nr;
	spin_lock_irq(&tables_lock);
	old = find(from);
	if (old)
		memcpy(ldt->desc, old->desc, min(nr, old->nr) * sizeof(u64));
	spin_unlock_irq(&tables_lock);
	return ldt;
}

static void replace(struct mm_struct *mm, struct ldt *ldt)
{
	struct ldt *old;

	spin_lock_irq(&tables_lock);
	old = find(mm);
	if (old)
		hash_del(&old->node);
	hash_add(tables, &ldt->node, (unsigned long)mm);
	spin_unlock_irq(&tables_lock);
	kfree(old);
}

static unsigned int entries(struct mm_struct *mm)
{
	unsigned long flags;
	struct ldt *ldt;
	unsigned int nr;

	spin_lock_irqsave(&tables_lock, flags);
	ldt = find(mm);
	nr = ldt ? ldt->nr : 0;
	spin_unlock_irqrestore(&tables_lock, flags);
	return nr;
}

int kap_ldt_copy(struct mm_struct *to, struct mm_struct *from)
{
	struct ldt *ldt;
	unsigned int i;
	int err = 0;

	if (!entries(from))
		return 0;
	mutex_lock(&change_lock);
	ldt = grown(from, to, entries(from));
	if (!ldt) {
		mutex_unlock(&change_lock);
		return -ENOMEM;
	}
	replace(to, ldt);
	for (i = 0; i < ldt->nr && !err; i++)
		if (ldt->desc[i])
			err = tell_host(to, i, ldt->desc[i]);
	mutex_unlock(&change_lock);
	return err;
}

bool kap_ldt_drop(struct mm_struct *mm)
{
	unsigned long flags;
	struct ldt *ldt;

	spin_lock_irqsave(&tables_lock, flags);
	ldt = find(mm);
	if (ldt)
		hash_del(&ldt->node);
	spin_unlock_irqrestore(&tables_lock, flags);
	kfree(ldt);
	return ldt;
}

unsigned int kap_ldt_check_cs(unsigned long selector)
{
	u64 desc = kap_is_local_selector(selector) ? get_desc(current->mm, selector >> 3) : 0;

	if (!(desc & DESC_CODE))
		return KAP_EXC_GP;
	return desc & DESC_PRESENT ? 0 : KAP_EXC_NP;
}

unsigned int kap_ldt_check_ss(unsigned long selector)
{
	u64 desc = kap_is_local_selector(selector) ? get_desc(current->mm, selector >> 3) : 0;

	if (!desc || (desc & DESC_CODE) || !(desc & DESC_WRITABLE))
		return KAP_EXC_GP;
	return desc & DESC_PRESENT ? 0 : KAP_EXC_SS;
}

/* Who has an entry in fs or gs while it changes sees the new base, as after loading it again. */
static void reload(unsigned long *selector, unsigned long *base, unsigned int nr, u64 desc)
{
	bool loadable = (desc & DESC_PRESENT) && (!(desc & DESC_CODE) || (desc & DESC_WRITABLE));

	if (!kap_is_local_selector(*selector) || *selector >> 3 != nr)
		return;
	if (!loadable)
		*selector = 0;
	*base = loadable ? desc_base(desc) : 0;
}

static long read_ldt(void __user *to, unsigned long size)
{
	struct ldt *copy;
	unsigned int nr;
	long ret;

	mutex_lock(&change_lock);
	nr = entries(current->mm);
	copy = nr ? grown(current->mm, NULL, nr) : NULL;
	mutex_unlock(&change_lock);
	if (!nr)
		return 0;
	if (!copy)
		return -ENOMEM;
	size = min_t(unsigned long, size, LDT_ENTRIES *LDT_ENTRY_SIZE);
	nr = min_t(unsigned long, size, nr * sizeof(u64));
	ret = size;
	if (copy_to_user(to, copy->desc, nr) || clear_user(to + nr, size - nr))
		ret = -EFAULT;
	kfree(copy);
	return ret;
}

static int check_info(const struct user_desc *info, bool old)
{
	if (info->entry_number >= LDT_ENTRIES)
		return -EINVAL;
	/* Conforming code would run at any level: the old way has none, the new none present. */
	if (info->contents == MODIFY_LDT_CONTENTS_CODE + 1 && (old || !info->seg_not_present))
		return -EINVAL;
	return 0;
}

static bool clears(const struct user_desc *info, bool old)
{
	if (info->base_addr || info->limit)
		return false;
	return old || (!info->contents && info->read_exec_only && !info->seg_32bit &&
		       !info->limit_in_pages && info->seg_not_present && !info->useable);
}

static int set_entry(unsigned int nr, u64 desc)
{
	struct mm_struct *mm = current->mm;
	struct pt_regs *regs = current_pt_regs();
	struct ldt *ldt;
	int err;

	mutex_lock(&change_lock);
	if (nr >= entries(mm)) {
		/* Before the host: afterwards nothing may fail any more. */
		ldt = grown(mm, mm, nr + 1);
		if (!ldt) {
			mutex_unlock(&change_lock);
			return -ENOMEM;
		}
		replace(mm, ldt);
	}
	err = tell_host(mm, nr, desc);
	if (!err) {
		spin_lock_irq(&tables_lock);
		find(mm)->desc[nr] = desc;
		spin_unlock_irq(&tables_lock);
		reload(&regs->fs, &regs->fs_base, nr, desc);
		reload(&regs->gs, &regs->gs_base, nr, desc);
	}
	mutex_unlock(&change_lock);
	return err;
}

static int write_ldt(const void __user *from, unsigned long size, bool old)
{
	struct user_desc info;
	u64 desc = 0;
	int err;

	if (size != sizeof(info))
		return -EINVAL;
	if (copy_from_user(&info, from, sizeof(info)))
		return -EFAULT;
	err = check_info(&info, old);
	if (err)
		return err;
	if (!clears(&info, old)) {
		if (old)
			info.useable = 0;
		desc = make_desc(&info);
	}
	return set_entry(info.entry_number, desc);
}

/* Errors come back without their sign's upper half, as they do on x86-64. */
SYSCALL_DEFINE3(modify_ldt, int, func, void __user *, ptr, unsigned long, size)
{
	int ret = -ENOSYS;

	switch (func) {
	case LDT_READ:
		ret = read_ldt(ptr, size);
		break;
	case LDT_WRITE_OLD:
	case LDT_WRITE:
		ret = write_ldt(ptr, size, func == LDT_WRITE_OLD);
		break;
	case LDT_READ_DEFAULT:
		ret = min_t(unsigned long, size, DEFAULT_LDT_SIZE);
		if (clear_user(ptr, ret))
			ret = -EFAULT;
		break;
	}
	return (unsigned int)ret;
}
