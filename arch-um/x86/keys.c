// SPDX-License-Identifier: GPL-2.0-only
/*
 * WRPKRU and XRSTOR of programs, which exec twins (mm/twin.c) have traps for: the one may only
 * write what is there already, the other restores everything but PKRU. And the instructions that
 * have traps because their bytes look like that.
 */
#include <linux/bits.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu.h>
#include <asm/processor.h>
#include <kap/emulate.h>
#include <kap/machine.h>
#include <kap/scan.h>
#include <uapi/asm/sigcontext.h>

#include "carry_out.h"
#include "keys.h"

#define COMPACTED BIT_ULL(63)
#define MXCSR_DEFAULT 0x1f80

static struct emulate_layout layout __ro_after_init;

static int __init keys_init(void)
{
	u32 a = 0xd, b, c = 1, d, lo, hi;
	int i;

	if (kap_boot_info()->engine != KAP_ENGINE_DIRECT)
		return 0;
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	layout.features = (u64)hi << 32 | lo;
	layout.mxcsr_mask = fpu_mxcsr_mask();
	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	layout.compacts = !!(a & BIT(1));
	for (i = 2; i < 63; i++) {
		if (!(layout.features & BIT_ULL(i)))
			continue;
		a = 0xd;
		c = i;
		asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		layout.size[i] = a;
		layout.offset[i] = b;
		layout.aligned[i] = !!(c & BIT(1));
	}
	return 0;
}
core_initcall(keys_init);

static void take_legacy(struct _xstate *to, const struct _xstate *from, u64 mask, u64 present)
{
	bool compacted = *(const u64 *)((const u8 *)from + FXSAVE_SIZE + 8) & COMPACTED;

	if (mask & XFEATURE_BIT_FP)
		memcpy(to, from, offsetof(struct _fpstate, mxcsr));
	if (mask & XFEATURE_BIT_FP)
		memcpy(to->fpstate.st_space, from->fpstate.st_space, sizeof(to->fpstate.st_space));
	if (mask & XFEATURE_BIT_SSE)
		memcpy(to->fpstate.xmm_space, from->fpstate.xmm_space,
		       sizeof(to->fpstate.xmm_space));
	if (compacted ? mask & present & XFEATURE_BIT_SSE :
			mask & (XFEATURE_BIT_SSE | XFEATURE_BIT_YMM))
		to->fpstate.mxcsr = from->fpstate.mxcsr;
	else if (compacted && (mask & XFEATURE_BIT_SSE))
		to->fpstate.mxcsr = MXCSR_DEFAULT;
}

/* What the image says of the components in mask goes into area, which is in the standard format. */
static u64 merge(void *area, const void *image, u64 mask)
{
	struct _xstate *to = area;
	const struct _xstate *from = image;
	u64 present = *(const u64 *)(image + FXSAVE_SIZE);
	u64 comp = *(const u64 *)(image + FXSAVE_SIZE + 8);
	u64 had = to->xstate_hdr.xfeatures;
	u32 at = EMULATE_XSAVE_MIN, offset, size;
	int i;

	take_legacy(to, from, mask & present, present);
	for (i = 2; i < 63; i++) {
		if (comp & COMPACTED) {
			if (!(comp & BIT_ULL(i)))
				continue;
			at = layout.aligned[i] ? ALIGN(at, 64) : at;
		} else {
			at = layout.offset[i];
		}
		if ((mask & present & BIT_ULL(i)) && fpu_component(i, &offset, &size))
			memcpy(area + offset, image + at, size);
		at += layout.size[i];
	}
	return (had & ~mask) | (mask & present);
}

static enum emulate_verdict xrstor(const struct emulate_insn *insn)
{
	const void __user *user = (const void __user *)insn->addr;
	enum emulate_verdict verdict = EMULATE_SIGSEGV;
	u64 mask = emulate_xrstor_mask(&layout, insn);
	u32 size = kap_xsave_size();
	void *image, *area;
	u64 present;

	/* The operand may be anything; the largest image there is fits. */
	image = kzalloc(2 * size, GFP_KERNEL);
	if (!image)
		return EMULATE_SIGSEGV;
	area = image + size;
	if (!access_ok(user, EMULATE_XSAVE_MIN) || copy_from_user(image, user, EMULATE_XSAVE_MIN))
		goto out;
	size = emulate_xrstor_size(&layout, insn, image);
	if (!size || size > kap_xsave_size() ||
	    copy_from_user(image + EMULATE_XSAVE_MIN, user + EMULATE_XSAVE_MIN,
			   size - EMULATE_XSAVE_MIN))
		goto out;
	memcpy(area, fpu_sync(current), kap_xsave_size());
	present = merge(area, image, mask);
	fpu_complete(area, present);
	memcpy(fpu_replace_begin(current), area, kap_xsave_size());
	fpu_replace_end(current);
	verdict = EMULATE_GO_ON;
out:
	kfree(image);
	return verdict;
}

static int carry_out(struct pt_regs *regs, unsigned long *bad)
{
	u8 bytes[MAX_INSN_SIZE];
	struct insn insn;

	return kap_read_insn(regs, &insn, bytes) ? kap_carry_out(regs, &insn, bad) : -EINVAL;
}

bool kap_cannot_be_shown(const struct pt_regs *regs, unsigned long addr, unsigned long error)
{
	u8 around[4];

	if (error & KAP_PF_WRITE)
		return !((addr ^ regs->ip) & PAGE_MASK);
	/* An instruction across two pages that are not shown together. */
	return (error & KAP_PF_EXEC) && addr != regs->ip && !(addr & ~PAGE_MASK) &&
	       !copy_from_user(around, (const void __user *)addr - 2, sizeof(around)) &&
	       scan_next(around, sizeof(around), 0) < sizeof(around);
}

bool kap_do_instead(struct pt_regs *regs)
{
	unsigned long bad;

	return !carry_out(regs, &bad);
}

bool kap_emulate_keys(struct pt_regs *regs)
{
	const struct kap_regs *kregs = (const struct kap_regs *)regs;
	enum emulate_verdict verdict = EMULATE_SIGILL;
	struct emulate_insn insn;
	u8 code[EMULATE_MAX_LEN];
	unsigned long bad = 0;
	u32 avail;
	int err;

	avail = sizeof(code) - copy_from_user(code, (void __user *)regs->ip, sizeof(code));
	emulate_decode(&insn, kregs, code, avail);
	switch (insn.what) {
	case EMULATE_WRPKRU:
		verdict = emulate_wrpkru(kregs, EMULATE_USER_PKRU);
		break;
	case EMULATE_XRSTOR:
		verdict = xrstor(&insn);
		break;
	default:
		err = carry_out(regs, &bad);
		if (err == -EFAULT)
			force_sig_fault(SIGSEGV, SEGV_MAPERR, (void __user *)bad);
		return !err || err == -EFAULT;
	}
	switch (verdict) {
	case EMULATE_GO_ON:
		regs->ip += insn.len;
		return true;
	case EMULATE_SIGSEGV:
		force_sig(SIGSEGV);
		return true;
	default:
		return false;
	}
}
