// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parking: a vCPU stands still, with its registers in the vCPU page, until the monitor lets
 * it go (kap/park.h has the protocol).
 *
 * Kernel code is parked in the signal handler that interrupted it, whatever its interrupt
 * flag says, so that no place in it is closed to a debugger. User code is parked by the vCPU that
 * runs it, once the engine has its registers.
 */
#include "park.h"

#define FLAG_TF 0x100ULL

/* si_code of a SIGTRAP (sigaction(2)). */
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4

enum step {
	STEP_NONE,
	STEP_KERNEL, /* TF is set: one instruction of the kernel */
	STEP_LEAVE, /* TF is set: up to the kernel's code behind kap_run_user() */
	STEP_ENTER, /* to the first instruction of user code */
	STEP_USER, /* one instruction of user code, which may fault and come back */
};

static struct {
	enum step step;
	kap_u64 ip; /* STEP_LEAVE: where to; STEP_USER: where from */
	const struct kap_regs *owner; /* STEP_USER: registers of the program that makes it */
	enum kap_park_why self; /* why park_for() has sent the signal */
	kap_u32 parked;
} cpus[KAP_MAX_VCPUS];

kap_u32 park_watched[KAP_MAX_VCPUS];

void park_setup(void)
{
	struct kap_guest_info *info = &kap_ctl()->info;

	info->no_break_start = (kap_u64)__start_kap_handlers;
	info->no_break_end = (kap_u64)__stop_kap_handlers;
}

static handler_code void ring_parked(void)
{
	struct kap_ctl *ctl = kap_ctl();
	static const kap_u64 one = 1;

	/* Also when a bit is set: whoever has set it may have been parked before it could ring. */
	__atomic_fetch_or(&ctl->dev_pending, KAP_CTL_PARK, __ATOMIC_RELEASE);
	host_call(HOST_write, KAP_FD_DOORBELL, &one, sizeof(one));
}

/*
 * Everything that the monitor reads is filled in; returns the order. From before that until the
 * registers are taken back cpus[].parked is set: KAP_PARK_SIGNAL must not park a second time in
 * between. The monitor repeats it.
 */
static handler_code kap_u32 wait_released(struct kap_vcpu *vcpu)
{
	struct kap_park *park = &vcpu->park;
	kap_u32 state = vcpu->state, hold;

	__atomic_fetch_and(&vcpu->pending, ~KAP_BELL_PARK, __ATOMIC_RELAXED);
	/* One that parks by itself is held from here on, like one that was asked. */
	if (!load_acquire(&park->hold))
		__atomic_store_n(&park->hold, KAP_HOLD_SELF, __ATOMIC_RELAXED);
	vcpu->state = KAP_VCPU_PARKED;
	while ((hold = load_acquire(&park->hold))) {
		if (park->parked != hold) {
			store_release(&park->parked, hold);
			ring_parked();
		}
		futex_wait(&park->hold, hold, NULL);
	}
	__atomic_store_n(&park->parked, 0, __ATOMIC_SEQ_CST);
	vcpu->state = state;
	return park->order;
}

static handler_code kap_u32 park_kernel(struct host_ucontext *uc, enum kap_park_why why)
{
	struct kap_stack *stack = stack_of(uc->sp);
	kap_u32 cpu = this_stack()->cpu, order;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct kap_park *park = &vcpu->park;

	cpus[cpu].parked = 1;
	signal_fill_regs(&park->regs, uc, stack->irqs_off);
	park->regs.flags &= ~FLAG_TF;
	park->why = why;
	park->user = 0;
	park->has_xsave = 0;
	park->status = 0;
	park->stack = uc->sp;
	cpus[cpu].step = STEP_NONE;

	order = wait_released(vcpu);

	signal_take_regs(uc, &park->regs);
	cpus[cpu].parked = 0;
	uc->eflags &= ~FLAG_TF;
	if (order == KAP_GO_STEP) {
		cpus[cpu].step = STEP_KERNEL;
		uc->eflags |= FLAG_TF;
	} else if (!stack->irqs_off && vcpu->pending && order == KAP_GO_RUN) {
		signal_deliver_bells(uc);
	}
	return order;
}

handler_code void park_asked(struct host_ucontext *uc)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	enum kap_park_why why = cpus[cpu].self;

	if (cpus[cpu].parked)
		return;
	if (why) {
		cpus[cpu].self = KAP_PARK_NONE;
		if (why == KAP_PARK_START) {
			/* As if it had just been called, by nobody. */
			uc->sp = (uc->sp & ~15ULL) - 8;
			*(kap_u64 *)uc->sp = 0;
			uc->ip = (kap_u64)kap_kernel_start;
			uc->bp = 0;
		}
	} else if (!load_acquire(&vcpu->park.hold)) {
		return;
	} else {
		why = KAP_PARK_ASKED;
	}
	/* The engine does it, as soon as it has the registers of the user code that runs. */
	if (vcpu->state == KAP_VCPU_USER)
		return;
	park_kernel(uc, why);
}

handler_code int park_trap(struct host_ucontext *uc, const struct host_siginfo *info)
{
	kap_u32 cpu = this_stack()->cpu;
	enum step step = cpus[cpu].step;

	if (uc->trapno == KAP_EXC_BP)
		return park_kernel(uc, KAP_PARK_BREAK) != KAP_GO_DELIVER;
	/* A debugger that calls a function has it return to a breakpoint on the stack. */
	if (uc->trapno == KAP_EXC_PF && uc->cr2 == uc->ip && signal_on_kernel_stack(uc->ip))
		return park_kernel(uc, KAP_PARK_FETCH) != KAP_GO_DELIVER;
	if (uc->trapno != KAP_EXC_DB)
		return 0;
	if (info->code == TRAP_HWBKPT)
		return park_kernel(uc, KAP_PARK_DEBUG) != KAP_GO_DELIVER;
	switch (step) {
	case STEP_LEAVE:
		if (uc->ip != cpus[cpu].ip)
			return 1;
		break;
	case STEP_KERNEL:
		/* User code is one instruction away, as on a processor. */
		if (uc->ip == (kap_u64)kap_run_user) {
			uc->eflags &= ~FLAG_TF;
			cpus[cpu].step = STEP_ENTER;
			park_watched[cpu] = 1;
			return 1;
		}
		break;
	default:
		/* Of a step that something else has ended. */
		uc->eflags &= ~FLAG_TF;
		return 1;
	}
	park_kernel(uc, KAP_PARK_STEP);
	return 1;
}

handler_code int park_stepping(kap_u32 cpu)
{
	return cpus[cpu].step == STEP_KERNEL || cpus[cpu].step == STEP_LEAVE;
}

void park_pause_step(kap_u32 cpu)
{
	if (unlikely(park_stepping(cpu)))
		asm volatile("pushfq; andl %0, (%%rsp); popfq"
			     :
			     : "i"(~(int)FLAG_TF)
			     : "memory", "cc");
}

static void set_tf(void)
{
	asm volatile("pushfq; orl %0, (%%rsp); popfq" : : "i"(FLAG_TF) : "memory", "cc");
}

void park_resume_step(kap_u32 cpu)
{
	if (unlikely(park_stepping(cpu)))
		set_tf();
}

handler_code void park_stepped(struct host_ucontext *uc)
{
	park_kernel(uc, KAP_PARK_STEP);
}

void park_for(enum kap_park_why why)
{
	cpus[this_stack()->cpu].self = why;
	cpu_signal(this_stack()->cpu, KAP_PARK_SIGNAL);
}

/* ---- user code ---- */

/* Hosts without AVX have less. */
static kap_u64 xsave_bytes(void)
{
	return kap_xsave_size() < KAP_PARK_XSAVE ? kap_xsave_size() : KAP_PARK_XSAVE;
}

static void park_user(struct kap_regs *regs, struct kap_fpu *fpu, enum kap_park_why why,
		      kap_u64 status)
{
	kap_u32 cpu = this_stack()->cpu;
	struct kap_vcpu *vcpu = kap_vcpu(cpu);
	struct kap_park *park = &vcpu->park;

	cpus[cpu].parked = 1;
	kap_fpu_save(fpu);
	zero(park->xsave, sizeof(park->xsave));
	copy(park->xsave, fpu->area, xsave_bytes());
	park->has_xsave = 1;
	park->xsave_changed = 0;
	park->regs = *regs;
	park->why = why;
	park->user = 1;
	park->status = status;
	park->stack = (kap_u64)__builtin_frame_address(0);
	cpus[cpu].step = STEP_NONE;

	if (wait_released(vcpu) == KAP_GO_STEP) {
		cpus[cpu].step = STEP_USER;
		cpus[cpu].ip = park->regs.ip;
		cpus[cpu].owner = regs;
	}

	*regs = park->regs;
	kap_regs_sanitize(regs);
	if (park->xsave_changed) {
		copy(fpu->area, park->xsave, xsave_bytes());
		kap_fpu_changed(fpu);
	}
	barrier();
	cpus[cpu].parked = 0;
	park_watched[cpu] = cpus[cpu].step != STEP_NONE;
}

int park_enter_user(struct kap_regs *regs, struct kap_fpu *fpu)
{
	kap_u32 cpu = this_stack()->cpu;

	/* The step may have to wait for a page, and other programs run meanwhile. */
	if (cpus[cpu].step == STEP_USER && regs != cpus[cpu].owner)
		return 0;
	if (cpus[cpu].step == STEP_ENTER ||
	    (cpus[cpu].step == STEP_USER && regs->ip != cpus[cpu].ip))
		park_user(regs, fpu, KAP_PARK_STEP, 0);
	return cpus[cpu].step == STEP_USER;
}

static int owns_step(const struct kap_regs *regs)
{
	kap_u32 cpu = this_stack()->cpu;

	return cpus[cpu].step == STEP_USER && cpus[cpu].owner == regs;
}

int park_left_user(struct kap_regs *regs, struct kap_fpu *fpu, const struct kap_trap *trap,
		   kap_u64 status)
{
	enum kap_park_why why;

	if (trap->kind != KAP_TRAP_EXCEPTION || trap->nr != KAP_EXC_DB)
		return 0;
	if (trap->code == TRAP_TRACE && owns_step(regs))
		why = KAP_PARK_STEP;
	else if (trap->code == TRAP_HWBKPT && status)
		why = KAP_PARK_DEBUG;
	else
		return 0;
	park_user(regs, fpu, why, status);
	return 1;
}

void park_after_user(struct kap_regs *regs, struct kap_fpu *fpu, const struct kap_trap *trap)
{
	/* With a trap under way it is the kernel that stands still, here. */
	if (trap->kind == KAP_TRAP_DOORBELL)
		park_user(regs, fpu, KAP_PARK_ASKED, 0);
	else
		park_for(KAP_PARK_ASKED);
}

void park_into_kernel(const struct kap_regs *regs, void *back)
{
	kap_u32 cpu = this_stack()->cpu;

	if (!owns_step(regs))
		return;
	cpus[cpu].step = STEP_LEAVE;
	cpus[cpu].ip = (kap_u64)back;
	park_watched[cpu] = 0;
	set_tf();
}
