// SPDX-License-Identifier: GPL-2.0-only
/* Two spaces: the same addresses, each its own memory, registers and vector state. */
#include "lib.h"

USER_PROGRAM(memory, "1: mov %rsi, (%rdi); syscall; mov (%rdi), %rax; syscall; jmp 1b");
USER_PROGRAM(bases, "mov %fs:0, %rax; mov %gs:0, %rbx; syscall; mov %fs:0, %rcx; mov %gs:0, %rdx\n"
		    "int3");
USER_PROGRAM(vector,
	     "movdqu (%rdi), %xmm3; fninit; fldl (%rdi); movl $0xbf80, -4(%rsp); ldmxcsr -4(%rsp)\n"
	     "1: syscall; movdqu %xmm3, 16(%rdi); fstl 32(%rdi); stmxcsr 40(%rdi); jmp 1b");
USER_PROGRAM(look, ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
		   "movdqu %xmm\\n, \\n * 16(%rdi)\n"
		   ".endr\n"
		   "fnstcw 256(%rdi); stmxcsr 260(%rdi); fnstenv 264(%rdi); syscall; jmp .");

/* A user that has run `look`: all registers zero, control words as after a reset, no x87 value. */
static void is_clean(struct user *u, const char *what)
{
	int clean = 1;

	user_load(u, look);
	u->regs.di = USER_DATA + 1024;
	memset(u->data + 1024, 0xff, 512);
	user_run(u);
	for (int i = 0; i < 256; i++)
		clean &= !u->data[1024 + i];
	check(clean, "%s: vector registers are zero", what);
	check(*(kap_u16 *)(u->data + 1280) == 0x37f && *(kap_u32 *)(u->data + 1284) == 0x1f80,
	      "%s: control words are the machine's", what);
	check(!*(kap_u16 *)(u->data + 1288 + 4) && *(kap_u16 *)(u->data + 1288 + 8) == 0xffff,
	      "%s: x87 is empty", what);
}

static void different_memory(void)
{
	static struct user a, b;
	struct user *both[] = { &a, &b };

	user_create(&a, NULL);
	user_create(&b, NULL);
	check(a.space->info.id != b.space->info.id, "spaces have numbers of their own");
	for (int i = 0; i < 2; i++) {
		user_load(both[i], memory);
		both[i]->regs.di = USER_DATA + 64;
		both[i]->regs.si = 100 + i;
	}
	for (int round = 0; round < 3; round++) {
		check(user_run(&a) == KAP_TRAP_SYSCALL && user_run(&b) == KAP_TRAP_SYSCALL,
		      "both store at one address");
		user_run(&a);
		user_run(&b);
		check(a.regs.orig_ax == 100 && b.regs.orig_ax == 101, "each reads what it stored");
	}
	check_eq(*(kap_u64 *)(a.data + 64), 100, "the kernel sees the one's page");
	check_eq(*(kap_u64 *)(b.data + 64), 101, "and the other's");
	check_eq(kap_vcpu(0)->space, b.space->info.id,
		 "the vCPU page names the space that ran last");
	user_destroy(&a);
	user_destroy(&b);
}

static void segment_bases(void)
{
	static struct user a, b, c;
	struct user *all[] = { &a, &b, &c };

	user_create(&a, NULL);
	user_create(&b, &a);
	user_create(&c, NULL);
	for (int i = 0; i < 3; i++) {
		user_load(all[i], bases);
		all[i]->regs.fs_base = USER_DATA + 512 + 16 * i;
		all[i]->regs.gs_base = USER_DATA + 520 + 16 * i;
	}
	for (int i = 0; i < 2; i++) {
		*(kap_u64 *)(a.data + 512 + 16 * i) = 10 + i;
		*(kap_u64 *)(a.data + 520 + 16 * i) = 20 + i;
	}
	*(kap_u64 *)(c.data + 544) = 12;
	*(kap_u64 *)(c.data + 552) = 22;
	for (int i = 0; i < 3; i++)
		check(user_run(all[i]) == KAP_TRAP_SYSCALL && all[i]->regs.orig_ax == 10u + i &&
			      all[i]->regs.bx == 20u + i,
		      "user %d has its fs and gs base", i);
	for (int i = 2; i >= 0; i--)
		check(user_run(all[i]) == KAP_TRAP_EXCEPTION && all[i]->regs.cx == 10u + i &&
			      all[i]->regs.dx == 20u + i &&
			      all[i]->regs.fs_base == USER_DATA + 512 + 16 * i,
		      "user %d has them again", i);
	user_destroy(&b);
	user_destroy(&a);
	user_destroy(&c);
}

static void vector_state(int shared)
{
	static struct user a, b;
	struct user *both[] = { &a, &b };
	const char *where = shared ? "one space" : "two spaces";

	user_create(&a, NULL);
	user_create(&b, shared ? &a : NULL);
	for (int i = 0; i < 2; i++) {
		user_load(both[i], vector);
		both[i]->regs.di = USER_DATA + 256 * i;
		*(kap_u64 *)(both[i]->data + 256 * i) = 0x4008000000000000 + ((kap_u64)i << 48);
		*(kap_u64 *)(both[i]->data + 256 * i + 8) = 0xabcdef00 + i;
	}
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < 2; i++) {
			kap_u8 *data = both[i]->data + 256 * i;

			if (user_run(both[i]) != KAP_TRAP_SYSCALL)
				give_up("vector state: trap kind %u", both[i]->trap.kind);
			if (round)
				check(!memcmp(data, data + 16, 16) && !memcmp(data, data + 32, 8) &&
					      *(kap_u32 *)(data + 40) == 0xbf80,
				      "%s: user %d keeps SSE, x87 and MXCSR", where, i);
			memset(data + 16, 0, 32);
		}

	/* What the kernel saves and changes is what the user has. */
	kap_fpu_save(&a.fpu);
	check(*(kap_u64 *)((kap_u8 *)a.fpu.area + 160 + 3 * 16) == 0x4008000000000000 &&
		      !a.fpu.fresh,
	      "%s: kap_fpu_save brings xmm3", where);
	*(kap_u64 *)((kap_u8 *)a.fpu.area + 160 + 3 * 16) = 0x77;
	kap_fpu_changed(&a.fpu);
	user_run(&a);
	check_eq(*(kap_u64 *)(a.data + 16), 0x77, "after kap_fpu_changed the user has the new one");

	/* A fresh one starts clean, whoever was there before. */
	a.fpu.fresh = 1;
	kap_fpu_changed(&a.fpu);
	is_clean(&a, shared ? "fresh in one space" : "fresh in two");
	user_destroy(&b);
	user_destroy(&a);
}

static void first_user_is_clean(void)
{
	static struct user u;

	user_create(&u, NULL);
	is_clean(&u, "first user");
	user_destroy(&u);
}

void test(void)
{
	first_user_is_clean();
	different_memory();
	segment_bases();
	vector_state(1);
	vector_state(0);
}
