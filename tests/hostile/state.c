// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traps (a system call, a page fault, int3) with rsp, flags and segments as no compiler would have
 * them. The program goes on with everything as it was, or is killed; the guest lives.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <asm/prctl.h>

#define FLAG_TF 0x100UL
#define FLAG_DF 0x400UL
#define FLAG_NT 0x4000UL
#define FLAG_AC 0x40000UL
#define FLAG_ID 0x200000UL
#define KEPT (FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID)

enum { SYSCALL, FAULT, INT3, NR_TRAPS };
static const char *const trap_name[] = { "system call", "page fault", "int3" };

/* What is set before the trap, and what is found after it. */
struct state {
	ulong sp, flags, result, saved_sp, fresh;
};

struct state *now_state;
void trap_syscall(struct state *s);
void trap_fault(struct state *s);
void trap_int3(struct state *s);
static void (*const traps[])(struct state *) = { trap_syscall, trap_fault, trap_int3 };
static volatile int nr_int3, nr_steps;

/*
 * Each: the callee's registers saved, the flags and rsp loaded, the trap, flags and rsp looked at.
 * Flags are loaded on the old stack; r12 has the state, r13 the sum of what must not change.
 */
#define TRAP(name, code)                                     \
	asm(".text\n.globl " #name "\n" #name ":\n"          \
	    "	push %rbx\n	push %rbp\n	push %r12\n"           \
	    "	push %r13\n	push %r14\n	push %r15\n"           \
	    "	mov %rdi, %r12\n"                              \
	    "	mov %rsp, 24(%r12)\n"                          \
	    "	mov 32(%r12), %r14\n"                          \
	    "	mov $0x1122334455667788, %r13\n"               \
	    "	mov %r13, %r15\n"                              \
	    "	mov %r13, %rbp\n"                              \
	    "	mov 8(%r12), %rcx\n"                           \
	    "	push %rcx\n"                                   \
	    "	mov 0(%r12), %rbx\n"                           \
	    "	mov $110, %eax\n"                              \
	    "	popfq\n"                                       \
	    "	mov %rbx, %rsp\n" code "	mov %rsp, %rcx\n"   \
	    "	mov 24(%r12), %rsp\n"                          \
	    "	pushfq\n"                                      \
	    "	pop %rdx\n"                                    \
	    "	push $2\n"                                     \
	    "	popfq\n"                                       \
	    "	mov %rax, 16(%r12)\n"                          \
	    "	mov %rdx, 8(%r12)\n"                           \
	    "	mov %rcx, 0(%r12)\n"                           \
	    "	cmp %r13, %r15\n"                              \
	    "	jne 1f\n"                                      \
	    "	cmp %r13, %rbp\n"                              \
	    "	je 2f\n"                                       \
	    "1:	movq $-1, 16(%r12)\n"                        \
	    "2:	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n" \
	    "	pop %rbp\n	pop %rbx\n"                         \
	    "	ret\n")

TRAP(trap_syscall, "	syscall\n");
TRAP(trap_fault, "	mov $0x77, %eax\n	movb %al, (%r14)\n	movzbl (%r14), %eax\n");
TRAP(trap_int3, "	int3\n	mov $0x55, %eax\n");

struct attempt {
	ulong sp, flags;
	int trap;
};

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (info->si_code == TRAP_TRACE || info->si_code == TRAP_BRKPT)
		nr_steps++;
	else
		nr_int3++;
}

static void take_traps(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_size = 1UL << 16 };

	stack.ss_sp = must_map(NULL, stack.ss_size, RW, ANON);
	sigaltstack(&stack, NULL);
	sigaction(SIGTRAP, &sa, NULL);
}

static int with_state(ulong arg)
{
	const struct attempt *a = (const struct attempt *)arg;
	ulong wanted[] = { (ulong)getppid(), 0x77, 0x55 };
	struct state s = { .sp = a->sp, .flags = a->flags | 2 };

	take_traps();
	s.fresh = (ulong)must_map(NULL, PAGE, RW, ANON) + 5;
	if (!s.sp)
		s.sp = (ulong)must_map(NULL, 4 * PAGE, RW, ANON) + 2 * PAGE;
	else if (s.sp == 1)
		s.sp = 0;
	traps[a->trap](&s);
	if (s.result != wanted[a->trap])
		return 8;
	if (s.sp != (a->sp == 1 ? 0 : a->sp) && a->sp)
		return 9;
	if ((s.flags & KEPT) != (a->flags & KEPT))
		return 10;
	if (a->trap == INT3 && !(a->flags & FLAG_TF) && nr_int3 != 1)
		return 11;
	if ((a->flags & FLAG_TF) && nr_steps < 3)
		return 12;
	return 7;
}

static bool killed_or_good(int status)
{
	return status == 7 << 8 || died_of(status, SIGSEGV) || died_of(status, SIGBUS) ||
	       died_of(status, SIGKILL);
}

static void stacks(void)
{
	static const ulong sps[] = {
		1 /* rsp 0 */,
		8,
		0x123,
		0x7fffffffeff8,
		0x800000000000,
		0x8000000000000000,
		0xdead0000beef0000,
		~0UL,
		0xffffffff81000000,
		KAP_STUB_CODE + 8,
		KAP_STUB_SCRATCH + 2048,
		KAP_DIRECT_BLOCKS + 8,
		KAP_DIRECT_BLOCKS + 0x80,
		KAP_DIRECT_BLOCKS + 0x1000,
		KAP_DIRECT_STACKS,
		KAP_DIRECT_STACKS + 8,
		KAP_DIRECT_STACKS + 64,
		KAP_DIRECT_STACKS + 256,
		KAP_DIRECT_STACKS + 0x1000,
		KAP_DIRECT_STACKS + 0x2003,
		KAP_DIRECT_STACKS + KAP_STACK_SIZE - 8,
		KAP_DIRECT_STACKS + KAP_STACK_SIZE - 64,
		KAP_DIRECT_STACKS + KAP_STACK_SIZE,
		KAP_DIRECT_STACKS + 2 * KAP_STACK_SIZE - 64,
		KAP_WINDOW + KAP_PHYS_VCPU + 64,
		KAP_WINDOW + KAP_PHYS_RAM + 0x1000,
	};
	struct attempt a = { 0 };
	unsigned int i;

	for (a.trap = 0; a.trap < NR_TRAPS; a.trap++) {
		for (i = 0; i < sizeof(sps) / sizeof(sps[0]); i++) {
			int status;

			a.sp = sps[i];
			status = attempt(with_state, (ulong)&a);
			check(killed_or_good(status), "%s, rsp %lx (%s)", trap_name[a.trap],
			      a.sp == 1 ? 0 : a.sp, ending(status));
		}
	}
}

static void flags(void)
{
	static const struct {
		const char *name;
		ulong flags;
	} list[] = {
		{ "none", 0 },	   { "AC", FLAG_AC },
		{ "DF", FLAG_DF }, { "NT", FLAG_NT },
		{ "ID", FLAG_ID }, { "AC DF NT ID", KEPT },
		{ "TF", FLAG_TF }, { "TF AC DF NT ID", FLAG_TF | KEPT },
	};
	struct attempt a = { 0 };
	unsigned int i;

	for (a.trap = 0; a.trap < NR_TRAPS; a.trap++) {
		for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
			int status;

			a.flags = list[i].flags;
			status = attempt(with_state, (ulong)&a);
			check(status == 7 << 8, "%s with flags: %s (%s)", trap_name[a.trap],
			      list[i].name, ending(status));
		}
	}
}

/* ---- segments ---- */

static unsigned int selector;

#define SET(seg) asm volatile("mov %0, %%" #seg : : "r"(selector))
#define FOUND(seg)                                                \
	({                                                        \
		unsigned int found;                               \
		asm volatile("mov %%" #seg ", %0" : "=r"(found)); \
		found;                                            \
	})

/* A trap of each kind but int3; no memory of the thread's own is used, fs may be odd. */
#define TWO_TRAPS(fresh)                                                                  \
	({                                                                                \
		long ret;                                                                 \
		asm volatile("syscall" : "=a"(ret) : "0"(110L) : "rcx", "r11", "memory"); \
		*(volatile char *)(fresh) = 1;                                            \
		ret;                                                                      \
	})

__attribute__((optimize("no-stack-protector"))) static int with_segment(ulong which)
{
	void *fresh = must_map(NULL, PAGE, RW, ANON);
	long parent = getppid(), ret = 0, base, fs = 0, err = 0;
	unsigned int found = ~0U;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
	switch (which) {
	case 0:
		SET(ds);
		ret = TWO_TRAPS(fresh);
		found = FOUND(ds);
		break;
	case 1:
		SET(es);
		ret = TWO_TRAPS(fresh);
		found = FOUND(es);
		break;
	case 2:
		SET(gs);
		ret = TWO_TRAPS(fresh);
		found = FOUND(gs);
		break;
	case 3:
		SET(fs);
		ret = TWO_TRAPS(fresh);
		found = FOUND(fs);
		base = fs;
		asm volatile("syscall"
			     : "=a"(err)
			     : "0"(SYS_arch_prctl), "D"((long)ARCH_SET_FS), "S"(base)
			     : "rcx", "r11", "memory");
	}
	if (err || ret != parent || *(volatile char *)fresh != 1)
		return 8;
	/* Of a null selector the processor may drop what is left. */
	return found == selector || (selector < 4 && found < 4) ? 7 : 9;
}

static void segments(void)
{
	static const unsigned int selectors[] = { 0, 3, 0x23, 0x2b, 0x33, 0x18, 0x7b, 0xfff8 };
	static const char *const name[] = { "ds", "es", "gs", "fs" };
	unsigned int i, j;

	for (i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		for (j = 0; j < 4; j++) {
			int status;

			selector = selectors[i];
			status = attempt(with_segment, j);
			check(status == 7 << 8 || died_of(status, SIGSEGV), "traps with %s %x (%s)",
			      name[j], selector, ending(status));
		}
	}
}

int main(void)
{
	start_as_nobody();
	stacks();
	flags();
	segments();
	return comes_to_its_end();
}
