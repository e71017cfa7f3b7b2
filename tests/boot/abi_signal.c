// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signal frames: alternate stacks, what the frame says of the xstate behind it, frames that a
 * handler has broken, masks, information that a sender adds.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "abi.h"

#define MAGIC1		0x46505853
#define MAGIC2		0x46505845
#define AUTODISARM	(1U << 31)

/* What the kernel adds to the legacy image, in the bytes that the hardware leaves to software. */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t size;
};

static char stack[65536] __attribute__((aligned(64)));
static volatile bool frame_good[8];
static volatile long frame_used;
static volatile stack_t inside, saved;
static volatile bool on_stack;
static siginfo_t info;
static sigset_t mask_inside;

static struct _libc_fpstate *fp_of(void *uc)
{
	return ((ucontext_t *)uc)->uc_mcontext.fpregs;
}

static struct sw_bytes *sw_of(void *uc)
{
	return (void *)((char *)fp_of(uc) + 464);
}

static void look(int sig, siginfo_t *si, void *uc)
{
	char *cfa = (char *)__builtin_frame_address(0) + 16;
	struct sw_bytes *sw = sw_of(uc);
	uint32_t mxcsr, magic2;
	uint64_t header[2];
	uint16_t cw;

	asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(cw), "=m"(mxcsr));
	memcpy(&magic2, (char *)fp_of(uc) + sw->size, sizeof(magic2));
	memcpy(header, (char *)fp_of(uc) + 512, sizeof(header));
	frame_good[0] = sw->magic1 == MAGIC1;
	frame_good[1] = magic2 == MAGIC2 && sw->extended_size == sw->size + 4;
	frame_good[2] = !((uintptr_t)fp_of(uc) & 63);
	frame_good[3] = !((uintptr_t)cfa & 15);
	frame_good[4] = cw == 0x37f && mxcsr == 0x1f80;
	frame_good[5] = (sw->features & 3) == 3 && !(header[0] & ~sw->features) && !header[1];
	frame_good[6] = (char *)si > (char *)uc && (char *)fp_of(uc) > (char *)si;
	frame_good[7] = sig == SIGUSR1;
	frame_used = stack + sizeof(stack) - cfa;
}

static void frame(void)
{
	static const char *const names[] = {
		"the frame has the first magic number of an xstate",
		"and the second behind it, where the sizes say",
		"its xstate is aligned",
		"a handler's stack is aligned",
		"a handler starts with the FPU as after exec",
		"xstate has x87 and SSE, and no component beyond its features",
		"ucontext, siginfo, xstate is the order in memory",
		"the first argument is the signal",
	};
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	size_t i;

	sigaltstack(&ss, NULL);
	on_signal(SIGUSR1, look, SA_ONSTACK);
	raise(SIGUSR1);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		check(frame_good[i], "%s", names[i]);
	if (!check(frame_used > 0 && frame_used <= (long)getauxval(AT_MINSIGSTKSZ),
		   "a frame is at most AT_MINSIGSTKSZ long"))
		note("%ld bytes, AT_MINSIGSTKSZ %lu", frame_used, getauxval(AT_MINSIGSTKSZ));
}

/* ---- frames that a handler breaks: each in a child */

static void bad_mxcsr(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	fp_of(uc)->mxcsr = ~0U;
}

static void bad_header(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((uint64_t *)((char *)fp_of(uc) + 512))[1] = 1;
}

static void bad_reserved(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((uint64_t *)((char *)fp_of(uc) + 512))[2] = 1;
}

static void legacy_only(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	sw_of(uc)->magic1 = 0;
}

static void no_fpstate(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.fpregs = NULL;
}

static void junk_fpstate(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.fpregs = (void *)0x1000;
}

static void kernel_ip(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)0xffffffff81000000;
}

static void noncanonical_ip(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000000000;
}

static void kernel_cs(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_CSGSFS] = 0x10;
}

/* IOPL, NT, VM, VIF: none of them is for programs. */
static void privileged_flags(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] |= 0xb7000;
}

static void (*breaker)(int, siginfo_t *, void *);

static void break_it(void)
{
	unsigned long flags;

	signal(SIGSEGV, SIG_DFL);
	on_signal(SIGUSR1, breaker, 0);
	raise(SIGUSR1);
	asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tpop %0\n\tlea 128(%%rsp), %%rsp"
		     : "=r"(flags)::"memory");
	_exit(flags & 0xb7000 ? 1 : 0);
}

static void bad_frames(void)
{
	static const struct {
		const char *name;
		void (*fn)(int, siginfo_t *, void *);
		int sig;
	} cases[] = {
		{ "a frame with a bad mxcsr kills", bad_mxcsr, SIGSEGV },
		{ "one with a compacted xstate kills", bad_header, SIGSEGV },
		{ "one with reserved bits in the header kills", bad_reserved, SIGSEGV },
		{ "one with an xstate at a wrong address kills", junk_fpstate, SIGSEGV },
		{ "one that returns to the kernel kills", kernel_ip, SIGSEGV },
		{ "one that returns to a noncanonical address kills", noncanonical_ip, SIGSEGV },
		{ "one with the kernel's cs kills", kernel_cs, SIGSEGV },
		{ "one with the legacy image only is right", legacy_only, 0 },
		{ "one without xstate is right", no_fpstate, 0 },
		{ "privileged flags are not taken", privileged_flags, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		breaker = cases[i].fn;
		if (cases[i].sig)
			check(dies_of(cases[i].sig, break_it), "%s", cases[i].name);
		else
			check(exits_with(0, break_it), "%s", cases[i].name);
	}
}

/* ---- alternate stacks */

static void note_stack(int sig, siginfo_t *si, void *uc)
{
	stack_t now;
	char here;

	(void)sig;
	(void)si;
	on_stack = &here >= stack && &here < stack + sizeof(stack);
	sigaltstack(NULL, &now);
	inside = now;
	saved = ((ucontext_t *)uc)->uc_stack;
}

static void overflow(void)
{
	stack_t ss = { .ss_sp = stack, .ss_size = 2048 };

	signal(SIGSEGV, SIG_DFL);
	sigaltstack(&ss, NULL);
	raise(SIGUSR2);
}

static void no_stack_left(void)
{
	static const unsigned long nowhere = 64;

	signal(SIGSEGV, SIG_DFL);
	on_signal(SIGUSR1, note_stack, 0);
	asm volatile("mov %0, %%rsp\n\tmov $62, %%eax\n\tmov $10, %%esi\n\tsyscall"
		     : /* no result: there is no way back */
		     : "r"(nowhere), "D"(getpid())
		     : "rax", "rsi", "memory");
}

static void alternate(void)
{
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;

	on_signal(SIGUSR2, note_stack, SA_ONSTACK);
	sigaltstack(&ss, NULL);
	raise(SIGUSR2);
	check(on_stack && (inside.ss_flags & SS_ONSTACK), "a handler runs on its stack");
	check(saved.ss_sp == stack && saved.ss_size == sizeof(stack), "the frame names the stack");

	ss.ss_flags = (int)AUTODISARM;
	check(!sigaltstack(&ss, NULL), "a stack may disarm itself");
	raise(SIGUSR2);
	check(on_stack && inside.ss_flags == SS_DISABLE, "it does so while a handler runs");
	sigaltstack(NULL, &old);
	check(old.ss_sp == stack && old.ss_flags == (int)AUTODISARM, "and is armed again after it");

	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	raise(SIGUSR2);
	check(!on_stack, "a handler without an alternate stack runs on the usual one");
	ss.ss_flags = 0;
	ss.ss_size = 2048;
	check(!sigaltstack(&ss, NULL), "2048 bytes are enough for a stack to be taken");
	ss.ss_size = 2047;
	errno = 0;
	check(sigaltstack(&ss, NULL) && errno == ENOMEM, "2047 are not");
	check(dies_of(SIGSEGV, overflow), "a frame that does not fit onto it kills");
	check(dies_of(SIGSEGV, no_stack_left), "and so does one that fits nowhere");
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
}

/* ---- masks and information */

static void note_info(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	info = *si;
	sigprocmask(SIG_BLOCK, NULL, &mask_inside);
}

static void masks(void)
{
	struct sigaction action = { .sa_sigaction = note_info, .sa_flags = SA_SIGINFO };
	union sigval value = { .sival_ptr = (void *)0x123456789abcUL };
	sigset_t now;

	sigaddset(&action.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(sigismember(&mask_inside, SIGUSR1) && sigismember(&mask_inside, SIGHUP) &&
		      !sigismember(&mask_inside, SIGUSR2),
	      "a handler runs with its mask");
	sigprocmask(SIG_BLOCK, NULL, &now);
	check(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGHUP), "which goes with it");
	check(info.si_code == SI_TKILL && info.si_pid == getpid() && info.si_uid == getuid(),
	      "si_code, si_pid and si_uid of tgkill");
	kill(getpid(), SIGUSR1);
	check(info.si_code == SI_USER && info.si_pid == getpid(), "and of kill");
	sigqueue(getpid(), SIGUSR1, value);
	check(info.si_code == SI_QUEUE && info.si_value.sival_ptr == value.sival_ptr,
	      "and the value of sigqueue");
	on_signal(SIGRTMIN + 3, note_info, SA_RESETHAND);
	raise(SIGRTMIN + 3);
	sigaction(SIGRTMIN + 3, NULL, &action);
	check(info.si_signo == SIGRTMIN + 3 && action.sa_handler == SIG_DFL,
	      "SA_RESETHAND holds once");
}

int main(void)
{
	frame();
	bad_frames();
	alternate();
	masks();
	return check_end();
}
