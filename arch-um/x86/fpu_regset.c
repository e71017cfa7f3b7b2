// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floating-point and vector state as register sets: NT_PRFPREG is the FXSAVE
 * image, NT_X86_XSTATE the XSAVE image with the component mask in its software bytes.
 */
#include <linux/regset.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <asm/fpu.h>
#include <uapi/asm/sigcontext.h>

int fpregs_get(struct task_struct *task, const struct user_regset *set, struct membuf to)
{
	membuf_write(&to, fpu_sync(task), FXSAVE_SW_OFFSET);
	return membuf_zero(&to, FXSAVE_SIZE - FXSAVE_SW_OFFSET);
}

int fpregs_set(struct task_struct *task, const struct user_regset *set, unsigned int pos,
	       unsigned int count, const void *kbuf, const void __user *ubuf)
{
	struct _fpstate image;
	struct _xstate *x;
	u64 present;
	int ret;

	BUILD_BUG_ON(sizeof(image) != FXSAVE_SIZE);
	if (pos != 0 || count != sizeof(image))
		return -EINVAL;
	ret = user_regset_copyin(&pos, &count, &kbuf, &ubuf, &image, 0, -1);
	if (ret)
		return ret;
	if (image.mxcsr & ~fpu_mxcsr_mask())
		return -EINVAL;

	x = fpu_sync(task);
	present = x->xstate_hdr.xfeatures;
	fpu_replace_begin(task);
	x->fpstate = image;
	fpu_complete(x, present | XFEATURE_BITS_LEGACY);
	fpu_replace_end(task);
	return 0;
}

int xstateregs_get(struct task_struct *task, const struct user_regset *set, struct membuf to)
{
	void *area = fpu_sync(task);

	membuf_write(&to, area, FXSAVE_SW_OFFSET);
	membuf_store(&to, fpu_user_mask());
	membuf_zero(&to, FXSAVE_SIZE - FXSAVE_SW_OFFSET - sizeof(u64));
	return membuf_write(&to, area + FXSAVE_SIZE, fpu_user_size() - FXSAVE_SIZE);
}

static bool image_valid(const struct _xstate *x)
{
	u64 present = x->xstate_hdr.xfeatures;

	if (present & ~fpu_user_mask())
		return false;
	if (memchr_inv(x->xstate_hdr.reserved1, 0, sizeof(x->xstate_hdr) - sizeof(present)))
		return false;
	return !(present & (XFEATURE_BITS_LEGACY | XFEATURE_BIT_YMM)) ||
	       !(x->fpstate.mxcsr & ~fpu_mxcsr_mask());
}

int xstateregs_set(struct task_struct *task, const struct user_regset *set, unsigned int pos,
		   unsigned int count, const void *kbuf, const void __user *ubuf)
{
	unsigned int size = fpu_user_size();
	struct _xstate *x;
	int ret;

	if (pos != 0 || count != size)
		return -EFAULT;
	x = kmalloc(size, GFP_KERNEL);
	if (!x)
		return -ENOMEM;

	ret = user_regset_copyin(&pos, &count, &kbuf, &ubuf, x, 0, -1);
	if (!ret && !image_valid(x))
		ret = -EINVAL;
	if (!ret) {
		void *area = fpu_replace_begin(task);

		memcpy(area, x, size);
		fpu_complete(area, x->xstate_hdr.xfeatures);
		fpu_replace_end(task);
	}
	kfree(x);
	return ret;
}
