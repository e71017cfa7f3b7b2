// SPDX-License-Identifier: GPL-2.0-only
/* System calls and exceptions of user code, as the kernel sees them. */
#include "lib.h"

USER_PROGRAM(call, "mov $0x123456789, %rax; mov $1, %edi; mov $2, %esi; mov $3, %edx\n"
	     "mov $4, %r10d; mov $5, %r8d; mov $6, %r9d\n"
	     "mov $0x1122334455667788, %rbx; mov %rbx, %rbp; mov %rbx, %r12; mov %rbx, %r15\n"
	     "syscall\n"
	     "mov %rax, %rdi; mov $-1, %rax; syscall; jmp .");
USER_PROGRAM(breakpoint, "nop; int3; nop");
USER_PROGRAM(undefined, "nop; ud2");
USER_PROGRAM(division, "xor %ecx, %ecx; mov $1, %eax; div %ecx");
USER_PROGRAM(privileged, "nop; cli");
USER_PROGRAM(wild, "mov $0x8000000000000000, %rax; mov (%rax), %rax");
USER_PROGRAM(halt, "hlt");
USER_PROGRAM(steps, "nop; nop; mov $7, %eax; jmp .");
USER_PROGRAM(icebp, ".byte 0xf1; nop");
USER_PROGRAM(unaligned, "pushf; orl $0x40000, (%rsp); popf; mov 1(%rsp), %eax; ud2");
USER_PROGRAM(simd, "movl $0, -4(%rsp); ldmxcsr -4(%rsp); xorps %xmm0, %xmm0; divss %xmm0, %xmm0\n"
		   "ud2");
USER_PROGRAM(x87, "pushw $0; fldcw (%rsp); fld1; fldz; fdivrp; fwait; ud2");
USER_PROGRAM(count, "mov $100, %ebx; 1: mov $39, %eax; syscall; add %rax, %rcx; mov %rax, %rdx\n"
		    "add %rdx, %r14; dec %ebx; jnz 1b; int3");

static struct user u;

static void system_calls(void)
{
	user_load(&u, call);
	if (!check_eq(user_run(&u), KAP_TRAP_SYSCALL, "a system call traps"))
		return;
	check_eq(u.regs.orig_ax, 0x123456789, "its number has 64 bits");
	check(u.regs.di == 1 && u.regs.si == 2 && u.regs.dx == 3 && u.regs.r10 == 4 &&
		      u.regs.r8 == 5 && u.regs.r9 == 6,
	      "six arguments arrive");
	check(u.regs.bx == 0x1122334455667788 && u.regs.bp == u.regs.bx &&
		      u.regs.r12 == u.regs.bx && u.regs.r15 == u.regs.bx,
	      "other registers are kept");
	check_eq(u.regs.cx, u.regs.ip, "rcx is the return address");
	check_eq(u.trap.signo, 0, "no host signal told of it");
	u.regs.ax = 0xfeedfacecafebeef;
	check_eq(user_run(&u), KAP_TRAP_SYSCALL, "the program goes on behind it");
	check_eq(u.regs.di, 0xfeedfacecafebeef, "with the result in rax");
	check_eq(u.regs.orig_ax, ~0ULL, "number -1 is passed too");

	user_load(&u, count);
	for (kap_u64 i = 1; i <= 100; i++) {
		if (user_run(&u) != KAP_TRAP_SYSCALL || u.regs.orig_ax != 39)
			break;
		u.regs.ax = i;
	}
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "100 calls, then the breakpoint");
	check_eq(u.regs.r14, 5050, "no call was done by the host, each result arrived");
	check_eq(u.regs.sp, USER_STACK, "the stack pointer is where it was");
}

static void exception(const char *start, const char *end, kap_u32 nr, kap_u64 offset,
		      const char *name)
{
	kap_u32 kind;

	user_load_range(&u, start, end);
	kind = user_run(&u);
	if (!check(kind == KAP_TRAP_EXCEPTION && u.trap.nr == nr, "%s is exception %u", name, nr))
		say("# kind %u nr %u signal %d code %d\n", kind, u.trap.nr, u.trap.signo,
		    u.trap.code);
	if (!check(u.regs.ip == USER_CODE + offset, "%s: ip is right", name))
		say("# ip %lx\n", u.regs.ip);
}

#define exception(name, nr, offset) exception(name, name##_end, nr, offset, #name)

static void stepping(void)
{
	user_load(&u, steps);
	u.regs.flags |= 0x100;
	for (int i = 1; i <= 2; i++) {
		check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "a step traps");
		check_eq(u.trap.nr, KAP_EXC_DB, "as a debug exception");
		check_eq(u.regs.ip, USER_CODE + i, "behind one instruction");
		check(u.regs.flags & 0x100, "the flag stays");
	}
	u.regs.flags &= ~0x100UL;
	check_eq(user_run_for(&u, 5000000), KAP_TRAP_DOORBELL, "without the flag it runs");
	check_eq(u.regs.ax, 7, "to the end");
}

void test(void)
{
	user_create(&u, NULL);
	system_calls();
	exception(breakpoint, KAP_EXC_BP, 2);
	exception(undefined, KAP_EXC_UD, 1);
	exception(division, KAP_EXC_DE, 7);
	exception(privileged, KAP_EXC_GP, 1);
	exception(halt, KAP_EXC_GP, 0);
	exception(wild, KAP_EXC_GP, 10);
	user_load(&u, icebp);
	check(user_run(&u) == KAP_TRAP_EXCEPTION && u.trap.nr == KAP_EXC_DB,
	      "icebp is exception %d", KAP_EXC_DB);
	exception(unaligned, KAP_EXC_AC, 9);
	exception(simd, KAP_EXC_XF, 16);
	exception(x87, KAP_EXC_MF, 12);
	stepping();
	check(kap_vcpu(0)->nr_traps > 100, "traps are counted");
}
