// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floating-point and vector state of user threads: what there is of it, and
 * who holds it when.
 *
 * The live state is in a host runner while its thread runs there, and in
 * thread.fpu.area otherwise; kernel-shim moves it. Here it is only brought into
 * the area (fpu_sync) or replaced (fpu_replace_begin ... fpu_replace_end).
 */
#include <linux/init.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/signal.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <uapi/asm/sigcontext.h>

#define FCW_INITIAL		0x037f
#define MXCSR_INITIAL		0x1f80
#define MXCSR_MASK_OLD_CPU	0xffbf	/* what a mask of 0 in an FXSAVE image stands for */

static u64 user_mask __ro_after_init;
static unsigned int user_size __ro_after_init;
static u32 mxcsr_mask __ro_after_init;
static struct {
	u32 offset, end;
} component[64] __ro_after_init;

u64 fpu_user_mask(void)
{
	return user_mask;
}

unsigned int fpu_user_size(void)
{
	return user_size;
}

u32 fpu_mxcsr_mask(void)
{
	return mxcsr_mask;
}

u64 fpu_mask_within(unsigned int size)
{
	u64 mask = user_mask & XFEATURE_BITS_LEGACY;
	int i;

	for (i = 2; i < 64; i++)
		if ((user_mask & BIT_ULL(i)) && component[i].end <= size)
			mask |= BIT_ULL(i);
	return mask;
}

bool fpu_component(int nr, u32 *offset, u32 *size)
{
	if (nr < 2 || nr > 63 || !(user_mask & BIT_ULL(nr)))
		return false;
	*offset = component[nr].offset;
	*size = component[nr].end - component[nr].offset;
	return true;
}

static u32 __init read_mxcsr_mask(void)
{
	static u8 image[FXSAVE_SIZE] __initdata __aligned(16);
	struct _fpstate *fx = (struct _fpstate *)image;

	asm volatile("fxsave %0" : "=m"(image));
	return fx->mxcsr_mask ?: MXCSR_MASK_OLD_CPU;
}

/*
 * The tile registers are left out: a program would have to ask for them, and with them
 * every signal frame would outgrow the usual alternate stacks.
 */
static int __init fpu_init(void)
{
	u64 mask = kap_xsave_mask() & ~XFEATURE_BITS_TILE;
	u32 limit = kap_xsave_size();
	int i;

	mxcsr_mask = read_mxcsr_mask();
	user_size = FXSAVE_SIZE + XSAVE_HEADER_SIZE;
	user_mask = mask & XFEATURE_BITS_LEGACY;
	for (i = 2; i < 64; i++) {
		u32 size = 0xd, offset, c = i, d;

		if (!(mask & BIT_ULL(i)))
			continue;
		asm volatile("cpuid" : "+a"(size), "=b"(offset), "+c"(c), "=d"(d));
		if (!size || offset + size > limit)
			continue;
		component[i].offset = offset;
		component[i].end = offset + size;
		user_mask |= BIT_ULL(i);
		user_size = max(user_size, component[i].end);
	}
	return 0;
}
early_initcall(fpu_init);

void fpu_complete(void *area, u64 present)
{
	struct _xstate *x = area;

	if (!(present & XFEATURE_BIT_FP)) {
		memset(area, 0, offsetof(struct _fpstate, mxcsr));
		x->fpstate.cwd = FCW_INITIAL;
		memset(x->fpstate.st_space, 0, sizeof(x->fpstate.st_space));
	}
	if (!(present & XFEATURE_BIT_SSE))
		memset(x->fpstate.xmm_space, 0, sizeof(x->fpstate.xmm_space));
	if (!(present & (XFEATURE_BIT_SSE | XFEATURE_BIT_YMM)))
		x->fpstate.mxcsr = MXCSR_INITIAL;
	x->fpstate.mxcsr_mask = mxcsr_mask;
	memset(area + FXSAVE_SW_OFFSET, 0, FXSAVE_SIZE - FXSAVE_SW_OFFSET);
	memset(&x->xstate_hdr, 0, sizeof(x->xstate_hdr));
	x->xstate_hdr.xfeatures = (present & user_mask) | XFEATURE_BITS_LEGACY;
}

void *fpu_sync(struct task_struct *task)
{
	struct kap_fpu *fpu = &task->thread.fpu;
	struct _xstate *x = fpu->area;
	unsigned long flags;

	local_irq_save(flags);
	kap_fpu_save(fpu);
	fpu_complete(x, x->xstate_hdr.xfeatures);
	local_irq_restore(flags);
	return x;
}

static void fpu_set_fresh(struct kap_fpu *fpu, bool fresh)
{
	unsigned long flags;

	local_irq_save(flags);
	/* First: another vCPU may just be saving the old state, which says that it is not fresh. */
	kap_fpu_changed(fpu);
	fpu->fresh = fresh;
	local_irq_restore(flags);
}

/* While `fresh` stands nobody saves into the area, even if the thread is switched out. */
void *fpu_replace_begin(struct task_struct *task)
{
	fpu_set_fresh(&task->thread.fpu, true);
	return task->thread.fpu.area;
}

void fpu_replace_end(struct task_struct *task)
{
	fpu_set_fresh(&task->thread.fpu, false);
}

void fpu_abort(struct task_struct *task)
{
	fpu_set_fresh(&task->thread.fpu, true);
}

void fpu_flush(void)
{
	fpu_set_fresh(&current->thread.fpu, true);
}

/*
 * Bits 0-5 of the status are the exceptions; the mask bits tell which of them are not
 * wanted. The order is that of their priority.
 */
int fpu_exception_code(bool simd)
{
	struct _xstate *x = fpu_sync(current);
	unsigned int pending;

	if (simd)
		pending = x->fpstate.mxcsr & ~(x->fpstate.mxcsr >> 7);
	else
		pending = x->fpstate.swd & ~x->fpstate.cwd;

	if (pending & 0x01)
		return FPE_FLTINV;
	if (pending & 0x04)
		return FPE_FLTDIV;
	if (pending & 0x08)
		return FPE_FLTOVF;
	if (pending & 0x12)	/* underflow, denormal operand */
		return FPE_FLTUND;
	if (pending & 0x20)
		return FPE_FLTRES;
	return 0;
}
