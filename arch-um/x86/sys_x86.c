// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that only x86-64 has. Where a call is about hardware that a guest
 * program does not get (I/O ports, shadow stacks, tagged addresses), the
 * answer is that of a kernel on a processor without it.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/sys_x86.h>
#include <asm/vdso.h>
#include <uapi/asm/prctl.h>

/* Components that a program must ask for before it may use them. */
#define NR_XCOMP_DYNAMIC	(ARCH_XCOMP_TILEDATA + 1)

static long set_base(unsigned long *base, unsigned long *selector, unsigned long value)
{
	if (value >= TASK_SIZE_MAX)
		return -EPERM;
	*selector = 0;
	*base = value;
	return 0;
}

static long request_xcomp(unsigned long component)
{
	if (component >= NR_XCOMP_DYNAMIC)
		return -EINVAL;
	/* No engine grants the tile registers, the only ones that need a request. */
	return -EOPNOTSUPP;
}

/* task is current, or stopped under a tracer. */
long kap_arch_prctl(struct task_struct *task, int option, unsigned long arg)
{
	struct pt_regs *regs = task_pt_regs(task);
	unsigned long __user *out = (unsigned long __user *)arg;

	switch (option) {
	case ARCH_SET_FS:
		return set_base(&regs->fs_base, &regs->fs, arg);
	case ARCH_SET_GS:
		return set_base(&regs->gs_base, &regs->gs, arg);
	case ARCH_GET_FS:
		return put_user(regs->fs_base, out);
	case ARCH_GET_GS:
		return put_user(regs->gs_base, out);
#ifdef CONFIG_CHECKPOINT_RESTORE
	case ARCH_MAP_VDSO_64:
		return task == current ? kap_map_vdso_at(arg) : -EINVAL;
#endif
	default:
		return -EINVAL;
	}
}

SYSCALL_DEFINE2(arch_prctl, int, option, unsigned long, arg)
{
	switch (option) {
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM:
		return put_user(fpu_user_mask(), (u64 __user *)arg);
	case ARCH_REQ_XCOMP_PERM:
		return request_xcomp(arg);
	default:
		return kap_arch_prctl(current, option, arg);
	}
}

SYSCALL_DEFINE6(mmap, unsigned long, addr, unsigned long, len, unsigned long, prot, unsigned long,
		flags, unsigned long, fd, unsigned long, off)
{
	if (off & ~PAGE_MASK)
		return -EINVAL;
	return ksys_mmap_pgoff(addr, len, prot, flags, fd, off >> PAGE_SHIFT);
}

SYSCALL_DEFINE1(iopl, unsigned int, level)
{
	return -ENOSYS;
}

SYSCALL_DEFINE3(ioperm, unsigned long, from, unsigned long, num, int, turn_on)
{
	return -ENOSYS;
}

SYSCALL_DEFINE3(map_shadow_stack, unsigned long, addr, unsigned long, size, unsigned int, flags)
{
	return -EOPNOTSUPP;
}
