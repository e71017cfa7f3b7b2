// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floating-point and vector state. It stays in the runner for as long as the
 * same thread comes back to it, and moves only when another needs the runner.
 */
#include "engine/direct.h"
#include "engine/ptrace.h"

#define MAX_XSTATE 16384
#define FEATURE_X87 (1ULL << 0)
#define FEATURE_SSE (1ULL << 1)
#define FEATURE_PKRU (1ULL << FPU_PKRU)

static kap_u8 initial[MAX_XSTATE] __attribute__((aligned(64)));
static kap_u32 size;
static kap_u64 mask;
kap_u32 fpu_pkru_at;

static void cpuid(kap_u32 leaf, kap_u32 sub, kap_u32 r[4])
{
	asm volatile("cpuid"
		     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(leaf), "c"(sub));
}

/* XSAVE's size for what XCR0 has on (CPUID 0xd.0), 512 where there is no XSAVE. */
static void learn_size(void)
{
	kap_u32 r[4], lo, hi;

	if (size)
		return;
	cpuid(1, 0, r);
	if (!(r[2] & (1u << 27))) {
		size = 512 + 64;
		mask = 3;
		return;
	}
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	mask = ((kap_u64)hi << 32) | lo;
	cpuid(0xd, 0, r);
	size = r[1];
	if (mask & FEATURE_PKRU) {
		cpuid(0xd, FPU_PKRU, r);
		fpu_pkru_at = r[1];
	}
	if (size > MAX_XSTATE)
		host_failed("vector state of this CPU is larger than 16 KiB", 0);
}

kap_u32 kap_xsave_size(void)
{
	learn_size();
	return size;
}

kap_u64 kap_xsave_mask(void)
{
	learn_size();
	return direct() ? mask & ~FEATURE_PKRU : mask;
}

/* Without PKRU, which is the direct engine's own. */
static void direct_mask(kap_u32 *lo, kap_u32 *hi)
{
	*lo = mask & ~FEATURE_PKRU;
	*hi = mask >> 32;
}

void direct_fpu_save(void *area)
{
	kap_u32 lo, hi;

	direct_mask(&lo, &hi);
	/* The header says what is there; XSAVE leaves other features' bits as they are. */
	zero((char *)area + 512, 64);
	asm volatile("xsave64 (%0)" : : "r"(area), "a"(lo), "d"(hi) : "memory");
}

handler_code void direct_fpu_load(const void *area)
{
	kap_u32 lo = mask & ~FEATURE_PKRU, hi = mask >> 32;

	/* User code may jump to this with another mask: a PKRU of its choice is of no use then. */
	asm volatile("xrstor64 (%0)\n\t"
		     "testl %3, %%eax\n\t"
		     "jnz direct_bad"
		     :
		     : "r"(area), "a"(lo), "d"(hi), "i"(FEATURE_PKRU)
		     : "memory", "cc");
}

static long get(kap_s32 tid, void *area)
{
	struct host_iovec iov = { area, size };

	if (direct()) {
		direct_fpu_save(area);
		return 0;
	}
	return host_ptrace(HOST_PTRACE_GETREGSET, tid, (void *)HOST_NT_X86_XSTATE, &iov);
}

static void set(kap_s32 tid, void *area)
{
	struct host_iovec iov = { area, size };
	long err;

	if (direct()) {
		direct_fpu_load(area);
		return;
	}
	err = host_ptrace(HOST_PTRACE_SETREGSET, tid, (void *)HOST_NT_X86_XSTATE, &iov);
	if (err && err != -3 /* ESRCH: killed */)
		host_failed("setting vector registers by ptrace", err);
}

/*
 * What a runner is born with is the monitor's, by inheritance. Of that only what
 * the host wants to see again is kept: its words in the legacy area, and protection keys.
 */
static void make_initial(void)
{
	kap_u64 *features = (kap_u64 *)(initial + 512);
	kap_u64 had = *features & FEATURE_PKRU, pkru = 0;
	kap_u32 mxcsr_mask = *(kap_u32 *)(initial + 28);

	if (had)
		pkru = *(kap_u64 *)(initial + fpu_pkru_at);
	zero(initial, 464);
	zero(initial + 512, sizeof(initial) - 512);
	*(kap_u16 *)initial = 0x37f;
	*(kap_u32 *)(initial + 24) = 0x1f80;
	*(kap_u32 *)(initial + 28) = mxcsr_mask;
	*features = FEATURE_X87 | FEATURE_SSE | had;
	if (had)
		*(kap_u64 *)(initial + fpu_pkru_at) = pkru;
}

void fpu_learn(kap_s32 tid)
{
	long err;

	learn_size();
	err = get(tid, initial);
	if (err)
		host_failed("reading vector registers by ptrace", err);
	make_initial();
}

void fpu_learn_here(void)
{
	learn_size();
	direct_fpu_save(initial);
	make_initial();
}

void kap_fpu_init_area(void *area)
{
	copy(area, initial, size);
}

static void save(struct runner *runner)
{
	struct kap_fpu *fpu = runner->fpu;

	if (fpu && fpu->area && runner->state == RUNNER_STOPPED && !get(runner->tid, fpu->area))
		fpu->fresh = 0;
}

/* Parts fpu and runner, on the runner's vCPU. Who sees no runner may use the area. */
static void part(struct runner *runner, int keep)
{
	struct kap_fpu *fpu = runner->fpu;

	if (!fpu)
		return;
	if (keep)
		save(runner);
	runner->fpu = NULL;
	store_release(&fpu->runner, NULL);
}

/*
 * What a vCPU wants of a runner that another one traces. Slot n is vCPU n's, which waits until it
 * is free again; the other vCPU looks at all slots when KAP_BELL_SHIM rings.
 */
static struct {
	struct kap_fpu *fpu;
	kap_u32 of; /* vCPU that is asked, plus 1; 0: nothing wanted */
	kap_u32 keep;
} requests[KAP_MAX_VCPUS];

void fpu_serve(kap_u32 cpu)
{
	kap_u32 i;

	for (i = 0; i < kap_boot_info()->nr_cpus; i++) {
		struct runner *runner;

		if (load_acquire(&requests[i].of) != cpu + 1)
			continue;
		runner = requests[i].fpu->runner;
		if (runner && runner->cpu == cpu)
			part(runner, requests[i].keep);
		store_release(&requests[i].of, 0u);
	}
}

static void ask(kap_u32 cpu, kap_u32 of, struct kap_fpu *fpu, int keep)
{
	kap_u32 spins = 0;

	requests[cpu].fpu = fpu;
	requests[cpu].keep = keep;
	store_release(&requests[cpu].of, of + 1);
	kap_ring_vcpu(of, KAP_BELL_SHIM);
	/* The other one may be asking this one. */
	while (load_acquire(&requests[cpu].of)) {
		fpu_serve(cpu);
		if (++spins % 64)
			asm volatile("pause");
		else
			kap_relax();
	}
}

static void leave_runner(struct kap_fpu *fpu, int keep)
{
	struct runner *runner = load_acquire((struct runner **)&fpu->runner);
	kap_u32 cpu = this_stack()->cpu;

	if (!runner)
		return;
	if (likely(runner->cpu == cpu))
		part(runner, keep);
	else
		ask(cpu, runner->cpu, fpu, keep);
}

void fpu_detach(struct kap_fpu *fpu)
{
	leave_runner(fpu, 1);
}

/* The thread waits with its registers as they are. */
void fpu_leave(struct runner *runner)
{
	struct kap_fpu *fpu = runner->fpu;

	part(runner, 1);
	if (!fpu || !fpu->area || fpu->fresh)
		return;
	runner->had = fpu;
	fpu->left = runner;
}

void fpu_load(struct runner *runner, struct kap_fpu *fpu)
{
	if (likely(fpu->runner == runner))
		return;
	fpu_detach(fpu);
	part(runner, 1);
	if (fpu->left != runner || runner->had != fpu)
		set(runner->tid, fpu->fresh ? initial : fpu->area);
	fpu->left = NULL;
	runner->had = NULL;
	runner->fpu = fpu;
	fpu->runner = runner;
}

void kap_fpu_save(struct kap_fpu *fpu)
{
	struct runner *runner = load_acquire((struct runner **)&fpu->runner);

	if (runner && runner->cpu == this_stack()->cpu)
		save(runner);
	else
		fpu_detach(fpu);
	if (fpu->fresh && !fpu->runner)
		kap_fpu_init_area(fpu->area);
}

void kap_fpu_release(struct kap_fpu *fpu)
{
	fpu->left = NULL;
	leave_runner(fpu, 0);
}

void kap_fpu_changed(struct kap_fpu *fpu)
{
	kap_fpu_release(fpu);
}
