// SPDX-License-Identifier: GPL-2.0-only
/* The ways a kernel ends badly; the command line says which. */
#include "lib.h"

#define noinline __attribute__((noinline))

static void noinline innermost(void)
{
	struct kap_regs regs = { .bx = 0xb0b0b0b0, .r15 = 0xf15f15 };

	if (asked("ud2"))
		asm volatile("mov $0xb0b0b0b0, %%ebx; mov $0xf15f15, %%r15d; ud2"
			     :
			     :
			     : "rbx", "r15");
	asm volatile("lea (%%rip), %0; mov %%rsp, %1; mov %%rbp, %2"
		     : "=r"(regs.ip), "=r"(regs.sp), "=r"(regs.bp));
	kap_exit(KAP_EXIT_PANIC, 0, "this panic is wanted", &regs);
}

static void noinline middle_one(void)
{
	innermost();
	asm volatile("");
}

static void noinline outer_one(void)
{
	middle_one();
	asm volatile("");
}

static void noinline wild_stack(kap_u64 sp)
{
	asm volatile("mov $0xb0b0b0b0, %%ebx; mov $0xf15f15, %%r15d; mov %0, %%rsp; push %%rax"
		     :
		     : "a"(sp)
		     : "rbx", "r15", "memory");
}

void test(void)
{
	if (asked("wild-stack"))
		wild_stack(0x10000);
	if (asked("wild-stack-user"))
		wild_stack(0x7fff00000000);
	if (asked("wild-stack-noncanonical"))
		wild_stack(0x8000000000000000);
	if (asked("overflow")) {
		/* Down through the stack into the image, and beyond. */
		asm volatile("1: push $0; jmp 1b");
	}
	if (asked("host"))
		kap_exit(KAP_EXIT_HOST, 0, "the host was asked too much", NULL);
	say("last words\n");
	outer_one();
}
