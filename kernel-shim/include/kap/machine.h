/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 6: what kernel-shim does for a guest kernel, and
 * the four functions that the guest kernel provides to it. Guest side only.
 *
 * All functions of the shim are called with preemption off, on a kernel stack
 * (struct kap_stack at its aligned base). Errors are negative host errno values.
 */
#ifndef KAP_MACHINE_H
#define KAP_MACHINE_H

#include <kap/abi.h>
#include <kap/boot.h>
#include <kap/vcpu.h>
#include <kap/time.h>
#include <kap/dev.h>

#define kap_va(phys)	((void *)(KAP_WINDOW + (kap_u64)(phys)))
#define kap_phys(ptr) ((kap_u64)(ptr)-KAP_WINDOW)

static inline struct kap_boot *kap_boot_info(void)
{
	return (struct kap_boot *)kap_va(KAP_PHYS_BOOT);
}

static inline struct kap_ctl *kap_ctl(void)
{
	return (struct kap_ctl *)kap_va(KAP_PHYS_CTL);
}

static inline struct kap_time *kap_time_page(void)
{
	return (struct kap_time *)kap_va(KAP_PHYS_TIME);
}

static inline struct kap_vcpu *kap_vcpu(kap_u32 cpu)
{
	return (struct kap_vcpu *)kap_va(KAP_PHYS_VCPU + (kap_u64)cpu * KAP_VCPU_STRIDE);
}

static inline struct kap_dev *kap_dev(kap_u32 slot)
{
	return (struct kap_dev *)kap_va(KAP_PHYS_DEV + (kap_u64)slot * KAP_PAGE_SIZE);
}

/* ---- provided by the guest kernel ------------------------------------ */

/* First C function, on vCPU 0's boot stack, interrupts off, boot info checked. */
void kap_kernel_start(void) __attribute__((noreturn));

/*
 * A doorbell rang while this vCPU ran kernel code with irqs_off == 0. Called with
 * irqs_off == 1 on the interrupted stack; the shim restores regs when it returns.
 * regs->flags has KAP_FLAGS_IF set (it was on), as on real hardware.
 */
void kap_kernel_interrupt(struct kap_regs *regs);

/*
 * Kernel code faulted or trapped. Same conventions; KAP_FLAGS_IF tells whether
 * irqs_off was 0. The kernel may change regs (exception fix-up).
 */
void kap_kernel_trap(struct kap_regs *regs, const struct kap_trap *trap);

/* Pages for the shim: 2^order pages, zeroed, 2^order aligned; 0 when out of memory. */
void *kap_kernel_alloc(unsigned int order);

#define KAP_FLAGS_IF	0x200	/* virtual: kept in kap_stack.irqs_off */

/* ---- CPU and doorbells ------------------------------------------------ */

/* Takes (and clears) the pending doorbells of this vCPU. */
kap_u32 kap_take_pending(kap_u32 cpu);

/*
 * Ends this vCPU's time slice until a doorbell is pending or the deadline has come.
 * Called with irqs_off == 1; returns with irqs_off == 1.
 */
void kap_idle(kap_u32 cpu);

/*
 * Sets the next deadline of this vCPU (ns as of kap_now(); ~0: none). When it
 * is reached, KAP_BELL_TIMER becomes pending. A past deadline rings at once.
 */
void kap_set_deadline(kap_u32 cpu, kap_u64 ns);

/* Rings another vCPU: sets bits in its pending word and signals it if needed. */
void kap_ring_vcpu(kap_u32 cpu, kap_u32 bells);

/* Lets other host threads run: for a vCPU that spins for a lock. */
void kap_relax(void);

/* 1 while vCPUs share a host CPU: what one waits for in a loop may be about one that has none. */
extern int kap_crowded;

/*
 * Starts vCPU `cpu` (1 and up) with `entry` on the stack whose base is `stack`, interrupts off.
 * Also for one that was stopped. -EAGAIN (host limit on threads), -ENOMEM.
 */
int kap_vcpu_start(kap_u32 cpu, void *stack, void (*entry)(void));

/* Stops the calling vCPU until somebody starts it anew; irqs_off == 1. */
void kap_vcpu_stop(void) __attribute__((noreturn));

/* Monotonic ns by asking the host (slow; when KAP_TIME_TSC_OK is clear). */
kap_u64 kap_host_ns(void);

/* Monotonic ns from the time page, or from the host where the TSC can't be used. */
kap_u64 kap_now(void);

/* ---- log, devices, end ------------------------------------------------ */

void kap_log(const char *s, kap_u32 len);

/* Rings the monitor: bits for kap_ctl.dev_pending. */
void kap_ring_monitor(kap_u64 bits);

/* Waits until *word != old or timeout_ns have passed (shared futex). */
void kap_wait_word(kap_u32 *word, kap_u32 old, kap_u64 timeout_ns);

/*
 * Ends the VM. code: for KAP_EXIT_HOST the host's errno, positive. regs (may be null) go to the
 * vCPU page for the crash report.
 */
void kap_exit(enum kap_exit reason, int code, const char *message, const struct kap_regs *regs)
	__attribute__((noreturn));

/* ---- kernel mappings (the vmalloc and modules ranges of the window) ---- */

#define KAP_PROT_READ	1
#define KAP_PROT_WRITE	2
#define KAP_PROT_EXEC	4

/* Shows len bytes at guest-physical phys at kernel address va. */
int kap_kernel_map(kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot);
int kap_kernel_unmap(kap_u64 va, kap_u64 len);

/*
 * On the direct engine the kernel executes in many host processes. What kap_kernel_unmap() takes
 * away is gone in the one of the calling vCPU, and in another when the kernel comes there; for a
 * vCPU that is executing elsewhere right now, this does it, called on that vCPU.
 */
void kap_kernel_catch_up(void);

/* Changes the protection of a part of the linear window (kernel text and rodata). */
int kap_kernel_protect(kap_u64 va, kap_u64 len, kap_u32 prot);

/* The same for a moment: other host processes of the VM don't hear of it. */
int kap_kernel_protect_here(kap_u64 va, kap_u64 len, kap_u32 prot);

/* ---- spaces ----------------------------------------------------------- */

struct kap_shell;

/*
 * The kernel may fill root, pid and name of info, which a debugger shows; the rest is the shim's.
 * A space stays where it is in memory from create to destroy.
 */
struct kap_space {
	struct kap_space_info info;
	struct kap_shell *shell;	/* host process; null: none yet */
	struct kap_space *prev;
	const kap_u64 *bases;		/* the kernel's, for gates (gate.h); null: none */
};

/*
 * Gives a new, empty space. Takes a pooled shell; waits for the host to make one
 * only when the pool is empty. -EAGAIN (host limit on processes), -ENOMEM.
 */
int kap_space_create(struct kap_space *space);

/* Returns the shell to the pool, emptied; the caller's vCPU must have switched away. */
void kap_space_destroy(struct kap_space *space);

/*
 * Around changes of a space, with irqs_off == 1: one vCPU at a time. What the guest's page tables
 * say must be read in between, so that a mapping and its flush come in the right order.
 * May be left out by a kernel that runs on one vCPU.
 */
void kap_space_begin(struct kap_space *space);
void kap_space_end(struct kap_space *space);

/*
 * Batched changes of what a space's user code sees. They are queued in order,
 * joined into runs, and carried out at the latest by kap_space_sync() or
 * kap_run_user() of that space. va, phys and len are multiples of the page size; the
 * ranges never touch the hole. Where the host has no room for a mapping, the shim
 * evicts mappings of the space and goes on: a mapping may always be missing.
 */
void kap_space_map(struct kap_space *space, kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot);
void kap_space_unmap(struct kap_space *space, kap_u64 va, kap_u64 len);
void kap_space_protect(struct kap_space *space, kap_u64 va, kap_u64 len, kap_u32 prot);

/*
 * The remote flush, between begin and end: returns when no user code can use any more what was
 * taken away. If no vCPU runs user code of the space, that is so at once: whoever comes next
 * carries the queue out first.
 */
void kap_space_flush(struct kap_space *space);

/* Returns when everything queued is in force for every runner of the space; without begin. */
void kap_space_sync(struct kap_space *space);

/* ---- user code --------------------------------------------------------- */

/*
 * The floating-point and vector state of one user thread. The state lives in a
 * host runner while the thread runs there, and in `area` otherwise. Only the vCPU that a
 * runner belongs to can read it: the functions below ask it, so they are called with
 * irqs_off == 1 and no lock held that another vCPU may wait for with interrupts off.
 */
struct kap_fpu {
	void *area;		/* kap_xsave_size() bytes, 64-byte aligned */
	void *runner;		/* shim's: the runner that holds the live state, or null */
	void *left;		/* shim's: a runner that was left with what is in area, or null */
	kap_u32 fresh;		/* 1: state is the initial one, area not valid */
};

/* Size of the xstate in bytes (CPUID 0xd, standard format), and its feature mask. */
kap_u32 kap_xsave_size(void);
kap_u64 kap_xsave_mask(void);

/* Brings the live state into area (owner keeps running there afterwards). */
void kap_fpu_save(struct kap_fpu *fpu);

/* area was changed (or `fresh` set): the runner's copy is no longer valid. */
void kap_fpu_changed(struct kap_fpu *fpu);

/* Fills area with the initial state. */
void kap_fpu_init_area(void *area);

/* The thread ends: forget the live copy. */
void kap_fpu_release(struct kap_fpu *fpu);

/*
 * Runs user code of `space` with these registers and this FPU state until it
 * traps. Called with irqs_off == 1. A pending doorbell gives KAP_TRAP_DOORBELL
 * at once. Register values that the host would refuse must have been
 * cleaned by kap_regs_sanitize().
 */
void kap_run_user(struct kap_space *space, struct kap_regs *regs, struct kap_fpu *fpu,
		  struct kap_trap *trap);

/* Forces selectors, flags and bases to values that user mode may have. */
void kap_regs_sanitize(struct kap_regs *regs);

#endif
