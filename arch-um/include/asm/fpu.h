/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Floating-point and vector state of user threads, as signal frames, ptrace and
 * core files show it. Sizes and components come from the processor, never
 * from a constant.
 */
#ifndef _ASM_KAP_FPU_H
#define _ASM_KAP_FPU_H

#include <linux/types.h>
#include <linux/compiler.h>

struct task_struct;
struct user_regset;
struct membuf;

#define XFEATURE_BIT_FP		0x1ULL
#define XFEATURE_BIT_SSE	0x2ULL
#define XFEATURE_BIT_YMM	0x4ULL
#define XFEATURE_BITS_LEGACY	(XFEATURE_BIT_FP | XFEATURE_BIT_SSE)
#define XFEATURE_BITS_TILE	(0x3ULL << 17)

#define FXSAVE_SIZE		512
#define FXSAVE_SW_OFFSET	464	/* bytes that belong to software from here on */
#define XSAVE_HEADER_SIZE	64

/* Components that user threads have, and bytes that they take in standard format. */
extern u64 fpu_user_mask(void);
extern unsigned int fpu_user_size(void);

/* Place of component nr (2 and up) in the standard format; false: not there. */
extern bool fpu_component(int nr, u32 *offset, u32 *size);

/* Bits of MXCSR that may be set. */
extern u32 fpu_mxcsr_mask(void);

/* Entry to a signal handler: current gets the initial state. */
extern void fpu_flush(void);

/* Returns task's state up to date in standard format; legacy parts always valid. */
extern void *fpu_sync(struct task_struct *task);

/*
 * Replacing the state of current or of a stopped task: between begin and
 * end the returned area belongs to the caller, who may sleep. What stands in it
 * at the end must have gone through fpu_complete(). fpu_abort() leaves the
 * initial state instead.
 */
extern void *fpu_replace_begin(struct task_struct *task);
extern void fpu_replace_end(struct task_struct *task);
extern void fpu_abort(struct task_struct *task);

/* Clears reserved fields and fills in legacy parts that `present` leaves out. */
extern void fpu_complete(void *area, u64 present);

/* Components whose bytes all lie below `size`. */
extern u64 fpu_mask_within(unsigned int size);

/* In signal frames: bytes with the closing magic; both directions. */
extern unsigned int fpu_frame_size(void);
extern int fpu_save_to_frame(void __user *frame);
extern int fpu_restore_from_frame(void __user *frame);

/* x86-64's si_code for the exception that is pending, 0: none. */
extern int fpu_exception_code(bool simd);

/* Register sets of ptrace and core files. */
extern int fpregs_get(struct task_struct *task, const struct user_regset *set, struct membuf to);
extern int fpregs_set(struct task_struct *task, const struct user_regset *set, unsigned int pos,
		      unsigned int count, const void *kbuf, const void __user *ubuf);
extern int xstateregs_get(struct task_struct *task, const struct user_regset *set,
			  struct membuf to);
extern int xstateregs_set(struct task_struct *task, const struct user_regset *set, unsigned int pos,
			  unsigned int count, const void *kbuf, const void __user *ubuf);

#endif
