// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floating-point and vector state in signal frames: an XSAVE image in
 * standard format, described by magic numbers in bytes that the processor leaves
 * alone. What comes back from a frame was written by a program and is checked
 * as the XRSTOR instruction would.
 */
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <uapi/asm/sigcontext.h>

unsigned int fpu_frame_size(void)
{
	return fpu_user_size() + FP_XSTATE_MAGIC2_SIZE;
}

int fpu_save_to_frame(void __user *frame)
{
	struct _xstate *x = fpu_sync(current);
	unsigned int size = fpu_user_size();

	x->fpstate.sw_reserved = (struct _fpx_sw_bytes){
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = fpu_frame_size(),
		.xfeatures = fpu_user_mask(),
		.xstate_size = size,
	};
	if (copy_to_user(frame, x, size))
		return -EFAULT;
	return put_user(FP_XSTATE_MAGIC2, (u32 __user *)(frame + size));
}

/* Says how much of the frame to take: the whole image, or its FXSAVE part. */
static int read_extent(void __user *frame, u64 *mask, unsigned int *size)
{
	struct _fpx_sw_bytes sw;
	u32 magic2;

	if (copy_from_user(&sw, frame + FXSAVE_SW_OFFSET, sizeof(sw)))
		return -EFAULT;

	*mask = XFEATURE_BITS_LEGACY;
	*size = FXSAVE_SIZE;
	if (sw.magic1 != FP_XSTATE_MAGIC1 || sw.xstate_size < FXSAVE_SIZE + XSAVE_HEADER_SIZE ||
	    sw.xstate_size > fpu_user_size() || sw.xstate_size > sw.extended_size)
		return 0;

	if (get_user(magic2, (u32 __user *)(frame + sw.xstate_size)))
		return -EFAULT;
	if (magic2 != FP_XSTATE_MAGIC2)
		return 0;

	*mask = sw.xfeatures & fpu_mask_within(sw.xstate_size);
	*size = sw.xstate_size;
	return 0;
}

static bool image_valid(const struct _xstate *x, u64 mask, unsigned int size)
{
	bool fx_only = size == FXSAVE_SIZE;

	if (!fx_only && ((x->xstate_hdr.xfeatures & ~kap_xsave_mask()) ||
			 x->xstate_hdr.reserved1[0] || x->xstate_hdr.reserved1[1]))
		return false;
	return !(mask & (XFEATURE_BIT_SSE | XFEATURE_BIT_YMM)) ||
	       !(x->fpstate.mxcsr & ~fpu_mxcsr_mask());
}

int fpu_restore_from_frame(void __user *frame)
{
	struct _xstate *x;
	unsigned int size;
	u32 mxcsr;
	u64 mask;

	if (!frame) {
		fpu_flush();
		return 0;
	}

	if (!access_ok(frame, fpu_frame_size()) || read_extent(frame, &mask, &size))
		goto bad;
	x = fpu_replace_begin(current);
	if (copy_from_user(x, frame, size) || !image_valid(x, mask, size))
		goto bad;

	/* MXCSR is loaded when its components are asked for, present or not. */
	mxcsr = x->fpstate.mxcsr;
	fpu_complete(x, size == FXSAVE_SIZE ? mask : mask & x->xstate_hdr.xfeatures);
	if (mask & (XFEATURE_BIT_SSE | XFEATURE_BIT_YMM))
		x->fpstate.mxcsr = mxcsr;
	fpu_replace_end(current);
	return 0;

bad:
	fpu_abort(current);
	return -EFAULT;
}
