// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory from the kernel, through the page tables.
 *
 * Each page is looked up and copied with interrupts off, which keeps the tables where they
 * are (RCU frees them). The page itself is kept by a word per CPU that says into whose memory it
 * looks: a flush waits until that is over. What can't be copied like that faults the page in and
 * tries again.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>
#include <linux/export.h>
#include <linux/sched/signal.h>

#include "space.h"
#include "uaccess.h"

/* The address space whose pages this CPU uses right now. */
static DEFINE_PER_CPU_SHARED_ALIGNED(struct mm_struct *, copying);

void kap_user_done(void)
{
	/* Release: what was read or written comes before. */
	smp_store_release(this_cpu_ptr(&copying), NULL);
}

/* Full barriers on both sides: either the copying CPU sees the new entry, or this sees it copy. */
void kap_wait_for_copies(struct mm_struct *mm)
{
	int cpu, me;

	if (num_online_cpus() == 1)
		return;
	smp_mb();
	me = raw_smp_processor_id();
	for_each_online_cpu (cpu)
		while (cpu != me && smp_load_acquire(per_cpu_ptr(&copying, cpu)) == mm)
			cpu_relax();
}

static void *user_ptr(struct mm_struct *mm, unsigned long addr, bool write)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;
	unsigned long val;
	pmd_t pmd;

	if (write)
		need |= _PAGE_WRITE | _PAGE_DIRTY;
	if (!kap_find_pmd(mm, addr, &pmd))
		return NULL;
	val = pmd_val(pmd);
	if (val & _PAGE_LEAF) {
		if ((val & need) != need)
			return NULL;
		return __va((val & PTE_PFN_MASK & PMD_MASK) + (addr & ~PMD_MASK));
	}
	val = pte_val(kap_pte_at(pmd, addr));
	if ((val & need) != need)
		return NULL;
	return __va((val & PTE_PFN_MASK) + (addr & ~PAGE_MASK));
}

void *kap_user_ptr(unsigned long addr, bool write)
{
	struct mm_struct *mm = current->mm;

	if (unlikely(!mm || addr >= TASK_SIZE_MAX || kap_in_hole(addr, 1)))
		return NULL;
	if (num_online_cpus() == 1)
		WRITE_ONCE(*this_cpu_ptr(&copying), mm);
	else
		smp_store_mb(*this_cpu_ptr(&copying), mm);
	return user_ptr(mm, addr, write);
}

bool kap_fault_in(unsigned long addr, bool write)
{
	struct mm_struct *mm = current->mm;
	unsigned int flags = FAULT_FLAG_DEFAULT | (write ? FAULT_FLAG_WRITE : 0);
	struct vm_area_struct *vma;
	vm_fault_t fault;

	if (!mm || pagefault_disabled() || in_atomic() || addr >= TASK_SIZE_MAX ||
	    kap_in_hole(addr, 1))
		return false;
retry:
	vma = lock_mm_and_find_vma(mm, addr, NULL);
	if (!vma)
		return false;
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC))) {
		mmap_read_unlock(mm);
		return false;
	}
	fault = handle_mm_fault(vma, addr, flags, NULL);
	if (fault & VM_FAULT_COMPLETED)
		return true;
	if (fault & VM_FAULT_RETRY) {
		/* The lock is already dropped. */
		if (fatal_signal_pending(current))
			return false;
		flags |= FAULT_FLAG_TRIED;
		goto retry;
	}
	mmap_read_unlock(mm);
	return !(fault & VM_FAULT_ERROR);
}

enum user_op { FROM_USER, TO_USER, CLEAR_USER };

static __always_inline unsigned long user_copy(unsigned long user, void *buf, unsigned long n,
					       const enum user_op op)
{
	while (n) {
		unsigned long chunk = min(n, PAGE_SIZE - (user & ~PAGE_MASK));
		unsigned long flags;
		void *p;

		local_irq_save(flags);
		p = kap_user_ptr(user, op != FROM_USER);
		if (likely(p)) {
			if (op == FROM_USER)
				memcpy(buf, p, chunk);
			else if (op == TO_USER)
				memcpy(p, buf, chunk);
			else
				memset(p, 0, chunk);
		}
		kap_user_done();
		local_irq_restore(flags);
		if (unlikely(!p)) {
			if (!kap_fault_in(user, op != FROM_USER))
				return n;
			continue;
		}
		user += chunk;
		buf += chunk;
		n -= chunk;
	}
	return 0;
}

unsigned long kap_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return user_copy((unsigned long)from, to, n, FROM_USER);
}
EXPORT_SYMBOL(kap_copy_from_user);

unsigned long kap_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return user_copy((unsigned long)to, (void *)from, n, TO_USER);
}
EXPORT_SYMBOL(kap_copy_to_user);

unsigned long kap_clear_user(void __user *to, unsigned long n)
{
	return user_copy((unsigned long)to, NULL, n, CLEAR_USER);
}
EXPORT_SYMBOL(kap_clear_user);

long strncpy_from_user(char *dst, const char __user *src, long count)
{
	unsigned long user = (unsigned long)src;
	long done = 0;

	might_fault();
	if (count <= 0)
		return 0;
	if (user >= TASK_SIZE_MAX)
		return -EFAULT;
	while (done < count) {
		long chunk = min_t(long, count - done, PAGE_SIZE - (user & ~PAGE_MASK));
		long len = chunk;
		unsigned long flags;
		char *p;

		local_irq_save(flags);
		p = kap_user_ptr(user, false);
		if (likely(p)) {
			/* Another thread may change the bytes: copy first, then look. */
			len = strnlen(p, chunk);
			memcpy(dst + done, p, min(len + 1, chunk));
			len = strnlen(dst + done, min(len + 1, chunk));
		}
		kap_user_done();
		local_irq_restore(flags);
		if (unlikely(!p)) {
			if (!kap_fault_in(user, false))
				return -EFAULT;
			continue;
		}
		done += len;
		if (len < chunk)
			return done;
		user += chunk;
	}
	return done;
}
EXPORT_SYMBOL(strncpy_from_user);

long strnlen_user(const char __user *src, long count)
{
	unsigned long user = (unsigned long)src;
	long done = 0;

	might_fault();
	if (count <= 0 || user >= TASK_SIZE_MAX)
		return 0;
	while (done < count) {
		long chunk = min_t(long, count - done, PAGE_SIZE - (user & ~PAGE_MASK));
		long len = chunk;
		unsigned long flags;
		char *p;

		local_irq_save(flags);
		p = kap_user_ptr(user, false);
		if (likely(p))
			len = strnlen(p, chunk);
		kap_user_done();
		local_irq_restore(flags);
		if (unlikely(!p)) {
			if (!kap_fault_in(user, false))
				return 0;
			continue;
		}
		done += len;
		if (len < chunk)
			return done + 1;
		user += chunk;
	}
	return count + 1;
}
EXPORT_SYMBOL(strnlen_user);

#define NOFAULT(name)							\
	int name(void *dst, const void *src, unsigned int size)            \
	{                                                                  \
	int err;							\
									\
	asm volatile("1: rep movsb\n"					\
		     "   xorl %k0, %k0\n"				\
			     "2:\n" _ASM_EXTABLE(1b, 2b)                   \
			     : "=a"(err), "+D"(dst), "+S"(src), "+c"(size) \
			     : "0"(-EFAULT)                                \
			     : "memory");                                  \
	return err;							\
	}                                                                  \
	EXPORT_SYMBOL(name)

NOFAULT(kap_read_nofault);
NOFAULT(kap_write_nofault);
