// SPDX-License-Identifier: GPL-2.0-only
/* Users: programs of a few instructions in spaces. */
#include "lib.h"

void user_create(struct user *u, struct user *from)
{
	memset(u, 0, sizeof(*u));
	u->fpu.area = pages((kap_xsave_size() + PAGE - 1) / PAGE);
	u->fpu.fresh = 1;
	if (from) {
		u->space = from->space;
		u->code = from->code;
		u->data = from->data;
	} else {
		kap_u8 *stack = pages(1);
		int err = kap_space_create(&u->own);

		if (err)
			give_up("kap_space_create: %d", err);
		u->space = &u->own;
		u->code = pages(1);
		u->data = pages(1);
		kap_space_map(u->space, USER_CODE, kap_phys(u->code), PAGE,
			      KAP_PROT_READ | KAP_PROT_EXEC);
		kap_space_map(u->space, USER_DATA, kap_phys(u->data), PAGE,
			      KAP_PROT_READ | KAP_PROT_WRITE);
		kap_space_map(u->space, USER_STACK - PAGE, kap_phys(stack), PAGE,
			      KAP_PROT_READ | KAP_PROT_WRITE);
	}
	u->regs.ip = USER_CODE;
	u->regs.sp = USER_STACK;
	kap_regs_sanitize(&u->regs);
}

void user_destroy(struct user *u)
{
	kap_fpu_release(&u->fpu);
	if (u->space == &u->own)
		kap_space_destroy(&u->own);
	u->space = NULL;
}

void user_load_range(struct user *u, const char *start, const char *end)
{
	if (end - start > PAGE)
		give_up("a user program is longer than a page");
	memset(u->code, 0xcc, PAGE);
	memcpy(u->code, start, end - start);
	memset(&u->regs, 0, sizeof(u->regs));
	u->regs.ip = USER_CODE;
	u->regs.sp = USER_STACK;
	kap_regs_sanitize(&u->regs);
}

kap_u32 user_step(struct user *u)
{
	kap_run_user(u->space, &u->regs, &u->fpu, &u->trap);
	return u->trap.kind;
}

kap_u32 user_run(struct user *u)
{
	while (user_step(u) == KAP_TRAP_DOORBELL)
		kap_take_pending(this_cpu());
	return u->trap.kind;
}

kap_u32 user_run_for(struct user *u, kap_u64 ns)
{
	kap_u32 kind;

	kap_set_deadline(this_cpu(), kap_now() + ns);
	do {
		kind = user_step(u);
	} while (kind == KAP_TRAP_DOORBELL && !(kap_take_pending(this_cpu()) & KAP_BELL_TIMER));
	kap_set_deadline(this_cpu(), ~0ULL);
	kap_take_pending(this_cpu());
	return kind;
}

USER_PROGRAM(spin, "1: pause; jmp 1b");

void ask_script(struct user *u, const char *what)
{
	struct kap_regs saved = u->regs;
	kap_u8 *code = pages(1);

	memcpy(code, u->code, PAGE);
	user_load(u, spin);
	/* The thread is known from the first run on. */
	kap_vcpu(this_cpu())->runner_tid = 0;
	while (!kap_vcpu(this_cpu())->runner_tid)
		if (user_run_for(u, 1000000) != KAP_TRAP_DOORBELL)
			give_up("%s: trap kind %u in an endless loop", what, u->trap.kind);
	say("ASK %s %d\n", what, kap_vcpu(this_cpu())->runner_tid);
	do {
		user_step(u);
	} while (u->trap.kind == KAP_TRAP_DOORBELL && kap_take_pending(this_cpu()));
	memcpy(u->code, code, PAGE);
	u->regs = saved;
	say("# %s: done\n", what);
}
