// SPDX-License-Identifier: GPL-2.0-only
/* Spaces come and go: none is left, none remembers. */
#include "lib.h"
#include "pool.h"

#define AT 0x300000000000UL

USER_PROGRAM(load, "mov (%rdi), %rax; int3");
USER_PROGRAM(store, "mov %rsi, (%rdi); int3");

static struct user u;
static struct kap_shell *used_shell;

/* A user whose space was somebody's before finds nothing at AT. */
static int used_once(kap_u64 phys)
{
	int ok;

	user_create(&u, NULL);
	used_shell = u.space->shell;
	user_load(&u, load);
	u.regs.di = AT;
	ok = user_run(&u) == KAP_TRAP_FAULT && u.trap.addr == AT;
	kap_space_map(u.space, AT, phys, PAGE, KAP_PROT_READ | KAP_PROT_WRITE);
	ok &= user_run(&u) == KAP_TRAP_EXCEPTION && u.regs.ax == 0x1234;
	/* What user code can write of the shim's own: it must not matter afterwards. */
	user_load(&u, store);
	u.regs.di = KAP_STUB_SCRATCH;
	u.regs.si = ~0ULL;
	ok &= user_run(&u) == KAP_TRAP_EXCEPTION;
	user_destroy(&u);
	return ok;
}

static int known(struct kap_shell **seen, int nr)
{
	for (int i = 0; i < nr; i++)
		if (seen[i] == used_shell)
			return 1;
	return 0;
}

static void one_after_the_other(kap_u64 phys)
{
	static struct kap_shell *seen[200];
	int good = 0, processes = 0;

	for (int i = 0; i < 200; i++) {
		good += used_once(phys);
		if (!known(seen, processes))
			seen[processes++] = used_shell;
	}
	check_eq(good, 200, "200 spaces, one after the other, each empty at first");
	check(processes <= 24, "%d processes of the host did it, at most 24", processes);
	user_create(&u, NULL);
	ask_script(&u, "few");
	user_destroy(&u);
}

static void many_at_once(void)
{
	static struct kap_space space[40];
	int made = 0;

	for (int i = 0; i < 40; i++)
		made += !kap_space_create(&space[i]);
	check_eq(made, 40, "40 spaces at once");
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < i; j++)
			if (space[i].info.id == space[j].info.id ||
			    space[i].shell == space[j].shell)
				give_up("spaces %d and %d are the same", i, j);
	user_create(&u, NULL);
	ask_script(&u, "many");
	for (int i = 0; i < 40; i++)
		kap_space_destroy(&space[i]);
	ask_script(&u, "few-again");
	user_destroy(&u);
	/* The ones that ended and the ones that were kept: all can be used again. */
	made = 0;
	for (int i = 0; i < 40; i++)
		made += !kap_space_create(&space[i]);
	check_eq(made, 40, "and 40 once more");
	for (int i = 0; i < 40; i++)
		kap_space_destroy(&space[i]);

	kap_u64 before = kap_phys(pages(1)), used;

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 40; i++)
			made += !kap_space_create(&space[i]);
		for (int i = 0; i < 40; i++)
			kap_space_destroy(&space[i]);
	}
	check_eq(made, 440, "and ten times more");
	used = (kap_phys(pages(1)) - before) / PAGE;
	check(used < 400, "memory of ended processes is used again (%lu new pages)", used);
	kap_space_destroy(&space[0]);
	check(!space[0].shell, "destroying a space twice does no harm");
}

/*
 * User code writes into the scratch page that the next request was done. The space has
 * so many mappings that emptying it takes a while, and is taken again at once.
 */
static void forged_answer(kap_u64 phys)
{
	int good = 0;

	for (int i = 0; i < 5; i++) {
		user_create(&u, NULL);
		for (kap_u64 n = 0; n < 20000; n++)
			kap_space_map(u.space, AT + 2 * n * PAGE, phys, PAGE, KAP_PROT_READ);
		kap_space_sync(u.space);
		user_load(&u, store);
		u.regs.di = KAP_STUB_SCRATCH + __builtin_offsetof(struct stub_scratch, done);
		u.regs.si = u.space->shell->seq + 1;
		if (user_run(&u) != KAP_TRAP_EXCEPTION)
			give_up("the scratch page can't be written");
		user_destroy(&u);
		good += used_once(phys);
	}
	check_eq(good, 5, "no forged answer gives a space to the next before it is empty");
}

void test(void)
{
	kap_u64 *page = pages(1);

	*page = 0x1234;
	forged_answer(kap_phys(page));
	one_after_the_other(kap_phys(page));
	many_at_once();
}
