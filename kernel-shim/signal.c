// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host signals as the guest kernel's interrupts and traps.
 *
 * A handler runs on its own small stack, with every signal blocked, and does not
 * call the kernel. It builds a frame on the interrupted kernel stack and lets
 * the thread go on at a vector (x86/entry.S). So the kernel never executes
 * inside of a host signal frame, may be preempted in an interrupt, and leaves no
 * state of one host process on a stack that another may continue.
 */
#include "engine/direct.h"

struct frame {
	struct kap_regs regs;
	struct kap_trap trap;
	kap_u64 pad;
};
_Static_assert(sizeof(struct frame) % 16 == 0, "keeps the stack aligned");
_Static_assert(__builtin_offsetof(struct frame, trap) == 27 * 8, "FRAME_TRAP of entry.S");

#define KERNEL_CS 0x10
#define HOST_CS 0x33
#define HOST_SS 0x2b

/* CF PF AF ZF SF DF OF NT RF AC ID: what kernel code can change by itself. */
#define FLAG_TF 0x100ULL
#define TRAP_TRACE 2 /* si_code: after a step (sigaction(2)) */
#define FLAGS_USER 0x254cd5ULL

void signal_restorer(void);
void vector_interrupt(void);
void vector_trap(void);
extern char wait_user_start[], wait_user_end[], wait_user_abort[];

/* Handlers' stacks look like the kernel's, so that what they call knows its vCPU. */
static kap_u8 boot_signal_stack[KAP_STACK_SIZE] __attribute__((aligned(KAP_STACK_SIZE)));
static void *signal_stack[KAP_MAX_VCPUS] = { boot_signal_stack };

handler_code void signal_fill_regs(struct kap_regs *r, const struct host_ucontext *uc, int irqs_off)
{
	r->r15 = uc->r15;
	r->r14 = uc->r14;
	r->r13 = uc->r13;
	r->r12 = uc->r12;
	r->bp = uc->bp;
	r->bx = uc->bx;
	r->r11 = uc->r11;
	r->r10 = uc->r10;
	r->r9 = uc->r9;
	r->r8 = uc->r8;
	r->ax = uc->ax;
	r->cx = uc->cx;
	r->dx = uc->dx;
	r->si = uc->si;
	r->di = uc->di;
	r->orig_ax = ~0ULL;
	r->ip = uc->ip;
	r->cs = KERNEL_CS;
	/* TF is only ever a debugger's, for the one instruction. */
	r->flags = (uc->eflags & ~(kap_u64)(KAP_FLAGS_IF | FLAG_TF)) |
		   (irqs_off ? 0 : KAP_FLAGS_IF);
	r->sp = uc->sp;
}

/* What the debugger has changed; interrupts stay on or off, as they were. */
handler_code void signal_take_regs(struct host_ucontext *uc, const struct kap_regs *r)
{
	uc->r15 = r->r15;
	uc->r14 = r->r14;
	uc->r13 = r->r13;
	uc->r12 = r->r12;
	uc->bp = r->bp;
	uc->bx = r->bx;
	uc->r11 = r->r11;
	uc->r10 = r->r10;
	uc->r9 = r->r9;
	uc->r8 = r->r8;
	uc->ax = r->ax;
	uc->cx = r->cx;
	uc->dx = r->dx;
	uc->si = r->si;
	uc->di = r->di;
	uc->ip = r->ip;
	uc->sp = r->sp;
	uc->eflags = (r->flags & FLAGS_USER) | KAP_FLAGS_IF | 2;
}

static handler_code struct frame *build_frame(const struct host_ucontext *uc, int irqs_off)
{
	struct frame *frame = (struct frame *)(uc->sp & ~15ULL) - 1;

	zero(frame, sizeof(*frame));
	signal_fill_regs(&frame->regs, uc, irqs_off);
	return frame;
}

static handler_code void go_to(struct host_ucontext *uc, struct frame *frame, void (*vector)(void))
{
	uc->sp = (kap_u64)frame;
	uc->ip = (kap_u64)vector;
	uc->eflags &= ~0x40500ULL; /* AC, DF, TF */
}

handler_code int signal_on_kernel_stack(kap_u64 sp)
{
	struct kap_boot *boot = kap_boot_info();

	return sp >= KAP_WINDOW + KAP_PHYS_RAM + sizeof(struct frame) &&
	       sp < KAP_WINDOW + boot->mem_start + boot->mem_size;
}

/* The interrupted code goes on at the vector, as if a processor had taken an interrupt. */
handler_code void signal_deliver_bells(struct host_ucontext *uc)
{
	stack_of(uc->sp)->irqs_off = 1;
	go_to(uc, build_frame(uc, 0), vector_interrupt);
}

static inline __attribute__((always_inline)) int waits_for_user(const struct host_ucontext *uc)
{
	return uc->ip >= (kap_u64)wait_user_start && uc->ip < (kap_u64)wait_user_end;
}

static handler_code void bell_handler(int sig, struct host_siginfo *info, struct host_ucontext *uc)
{
	struct kap_stack *stack = stack_of(uc->sp);
	struct kap_vcpu *vcpu = kap_vcpu(stack->cpu);

	(void)info;
	if (sig == KAP_TIMER_SIGNAL)
		cpu_timer_fired(stack->cpu);
	if (waits_for_user(uc))
		uc->ip = (kap_u64)wait_user_abort;
	if (stack->irqs_off || !vcpu->pending || park_stepping(stack->cpu))
		return;
	signal_deliver_bells(uc);
}

static handler_code void park_handler(int sig, struct host_siginfo *info, struct host_ucontext *uc)
{
	(void)sig;
	(void)info;
	if (waits_for_user(uc) && kap_vcpu(this_stack()->cpu)->state == KAP_VCPU_USER)
		uc->ip = (kap_u64)wait_user_abort;
	park_asked(uc);
}

static handler_code void trap_handler(int sig, struct host_siginfo *info, struct host_ucontext *uc)
{
	struct kap_stack *stack = stack_of(uc->sp);
	struct frame *frame;

	if (!signal_on_kernel_stack(uc->sp)) {
		struct kap_regs crash;

		zero(&crash, sizeof(crash));
		signal_fill_regs(&crash, uc, 1);
		kap_exit(KAP_EXIT_PANIC, 0, "kernel stack pointer is not on a stack", &crash);
	}
	if (unlikely(kap_ctl()->debug & KAP_DEBUG_ON) && park_trap(uc, info))
		return;
	/* A debugger has left while a vCPU was about to make a step for it. */
	if (unlikely(uc->trapno == KAP_EXC_DB && info->code == TRAP_TRACE)) {
		uc->eflags &= ~FLAG_TF;
		return;
	}
	frame = build_frame(uc, stack->irqs_off);
	frame->trap.kind = KAP_TRAP_EXCEPTION;
	frame->trap.nr = uc->trapno;
	frame->trap.error = uc->err;
	frame->trap.addr = frame->trap.nr == KAP_EXC_PF ? uc->cr2 : info->addr;
	frame->trap.signo = sig;
	frame->trap.code = info->code;
	stack->irqs_off = 1;
	go_to(uc, frame, vector_trap);
	/* A step into a fault ends at the first instruction of its handler. */
	if (unlikely(park_stepping(stack->cpu)))
		park_stepped(uc);
}

kap_u32 host_deaths;

/*
 * A process of a space has ended. Who waits for its keeper's answer looks at it
 * then; a word in every vCPU's eventfd is seen also by one that begins to wait only now.
 */
static handler_code void child_handler(int sig)
{
	static const kap_u64 look = STUB_LOOK;
	kap_u32 cpu;

	(void)sig;
	__atomic_fetch_add(&host_deaths, 1, __ATOMIC_RELEASE);
	for (cpu = 0; cpu < kap_boot_info()->nr_cpus; cpu++)
		host_call(HOST_write, KAP_FD_REPLY + cpu, &look, sizeof(look));
	if (direct())
		direct_child_ended();
}

/* The direct engine's, whose runners all have these handlers, also those that wait. */
handler_code void signal_in_kernel(int sig, struct host_siginfo *info, struct host_ucontext *uc)
{
	switch (sig) {
	case KAP_BELL_SIGNAL:
	case KAP_TIMER_SIGNAL:
		if (likely(!direct_forward(sig)))
			bell_handler(sig, info, uc);
		break;
	case KAP_PARK_SIGNAL:
		/* In the middle of a trap of user code: that ends with a look at what is wanted. */
		if (likely(!direct_forward(sig)) && signal_on_kernel_stack(uc->sp))
			park_handler(sig, info, uc);
		break;
	case HOST_SIGCHLD:
		child_handler(sig);
		break;
	default:
		trap_handler(sig, info, uc);
		break;
	}
}

/* Interrupts come on again; whatever rang meanwhile is handled first. */
static void irqs_back_on(struct kap_regs *regs)
{
	struct kap_stack *stack = this_stack();

	for (;;) {
		barrier();
		stack->irqs_off = 0;
		barrier();
		if (likely(!__atomic_load_n(&kap_vcpu(stack->cpu)->pending, __ATOMIC_RELAXED)))
			return;
		stack->irqs_off = 1;
		barrier();
		/* This may be another vCPU than a moment ago: look again, interrupts off. */
		if (kap_vcpu(stack->cpu)->pending)
			kap_kernel_interrupt(regs);
	}
}

static void leave_vector(struct kap_regs *regs)
{
	if (regs->flags & KAP_FLAGS_IF)
		irqs_back_on(regs);
	regs->flags |= KAP_FLAGS_IF;
	regs->cs = HOST_CS;
	regs->ss = HOST_SS;
}

void vector_interrupt_c(struct kap_regs *regs)
{
	kap_kernel_interrupt(regs);
	leave_vector(regs);
}

void vector_trap_c(struct kap_regs *regs, const struct kap_trap *trap)
{
	kap_kernel_trap(regs, trap);
	leave_vector(regs);
}

void kap_poll_doorbell(void)
{
	struct kap_regs regs;

	zero(&regs, sizeof(regs));
	regs.ip = (kap_u64)__builtin_return_address(0);
	regs.bp = *(kap_u64 *)__builtin_frame_address(0);
	regs.sp = (kap_u64)__builtin_frame_address(0) + 16;
	regs.cs = KERNEL_CS;
	regs.flags = KAP_FLAGS_IF;
	regs.orig_ax = ~0ULL;
	irqs_back_on(&regs);
}

static void set_handler(int sig, void *handler, kap_u64 flags)
{
	struct host_sigaction sa = {
		.handler = handler,
		.flags = flags | HOST_SA_ONSTACK | HOST_SA_RESTORER,
		.restorer = signal_restorer,
		.mask = ~0ULL,
	};
	long err;

	/* Handlers that leave for good, or return by themselves, block nothing meanwhile. */
	if (direct()) {
		sa.handler = direct_handler();
		sa.restorer = direct_restorer();
		sa.flags = (sa.flags & ~(kap_u64)HOST_SA_RESTART) | HOST_SA_SIGINFO;
		if (flags & HOST_SA_NODEFER)
			sa.mask = 0;
	}
	err = host_call(HOST_rt_sigaction, sig, &sa, NULL, 8);
	/* The restorer is a secret. */
	zero(&sa, sizeof(sa));
	if (err)
		host_failed("sigaction", err);
}

int signal_prepare(kap_u32 cpu)
{
	unsigned int order = __builtin_ctz(KAP_STACK_SIZE / KAP_PAGE_SIZE);

	if (!signal_stack[cpu])
		signal_stack[cpu] = kap_kernel_alloc(order);
	return signal_stack[cpu] ? 0 : -HOST_ENOMEM;
}

void signal_setup(kap_u32 cpu)
{
	static const kap_u8 traps[] = {
		HOST_SIGSEGV, HOST_SIGBUS, HOST_SIGILL, HOST_SIGFPE, HOST_SIGTRAP, HOST_SIGSYS,
	};
	struct host_stack stack = { .sp = signal_stack[cpu], .size = KAP_STACK_SIZE };
	kap_u64 none = 0;
	unsigned int i;
	long err;

	if (direct())
		direct_adopt_home(cpu, signal_stack[cpu], &stack);
	err = host_call(HOST_sigaltstack, &stack, NULL);
	if (err)
		host_failed("sigaltstack", err);
	stack_of((kap_u64)stack.sp)->cpu = cpu;
	stack_of((kap_u64)stack.sp)->irqs_off = 1;
	/* Handlers are the whole process's: vCPU 0 sets them for all. */
	for (i = 0; !cpu && i < sizeof(traps); i++)
		set_handler(traps[i], trap_handler,
			    HOST_SA_SIGINFO | (direct() ? HOST_SA_NODEFER : 0));
	if (!cpu) {
		set_handler(KAP_BELL_SIGNAL, bell_handler, HOST_SA_SIGINFO);
		set_handler(KAP_TIMER_SIGNAL, bell_handler, HOST_SA_SIGINFO);
		set_handler(KAP_PARK_SIGNAL, park_handler, HOST_SA_SIGINFO);
		/* Runners stop all the time: that is waited for, not signalled. */
		set_handler(HOST_SIGCHLD, child_handler,
			    HOST_SA_NOCLDSTOP | HOST_SA_NOCLDWAIT | HOST_SA_RESTART);
	}
	host_call(HOST_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, 8);
}
