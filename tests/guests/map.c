// SPDX-License-Identifier: GPL-2.0-only
/* Runs of pages become few host calls and few host mappings; unmap and protect are in force. */
#include "lib.h"
#include "pool.h"

#define AT	0x300000000000UL
#define RW	(KAP_PROT_READ | KAP_PROT_WRITE)

USER_PROGRAM(load, "mov (%rdi), %rax; int3");
USER_PROGRAM(store, "mov %rsi, (%rdi); int3");

static struct user u;

static unsigned int queued(void)
{
	return u.space->shell->nr_ops;
}

static void fresh(void)
{
	kap_space_unmap(u.space, AT, 1UL << 40);
	kap_space_sync(u.space);
	check_eq(queued(), 0, "after kap_space_sync nothing is queued");
}

static void map(kap_u64 page, kap_u64 phys, kap_u32 prot)
{
	kap_space_map(u.space, AT + page * PAGE, phys, PAGE, prot);
}

static void joining(kap_u64 phys)
{
	fresh();
	for (int i = 0; i < 16; i++)
		map(i, phys + i * PAGE, RW);
	check_eq(queued(), 1, "16 pages in a row are one call");
	map(17, phys + 17 * PAGE, RW);
	check_eq(queued(), 2, "a hole in the addresses starts another");
	map(18, phys + 30 * PAGE, RW);
	check_eq(queued(), 3, "a hole in the memory does");
	map(19, phys + 31 * PAGE, KAP_PROT_READ);
	check_eq(queued(), 4, "another protection does");
	kap_space_protect(u.space, AT, PAGE, KAP_PROT_READ);
	kap_space_protect(u.space, AT + PAGE, PAGE, KAP_PROT_READ);
	check_eq(queued(), 5, "protect joins");
	kap_space_unmap(u.space, AT + 4 * PAGE, PAGE);
	kap_space_unmap(u.space, AT + 5 * PAGE, PAGE);
	kap_space_unmap(u.space, AT + 3 * PAGE, PAGE);
	check_eq(queued(), 6, "unmap joins at both ends");
	map(5, phys, RW);
	check_eq(queued(), 7, "order is kept: a map behind an unmap is its own call");
	fresh();

	/* More than one control page holds. */
	for (int i = 0; i < 300; i++)
		map(2 * i, phys, KAP_PROT_READ);
	check(queued() < 300, "a full queue is carried out on its own");
	kap_space_sync(u.space);
	user_load(&u, load);
	u.regs.di = AT + 2 * 299 * PAGE;
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "the last of 300 is there");
	u.regs.ip = USER_CODE;
	u.regs.di = AT;
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "so is the first");
}

/* The script counts mappings of the user's process and their pages in this range. */
static void host_mappings(kap_u64 phys)
{
	fresh();
	for (int i = 0; i < 64; i++)
		map(i, phys + i * PAGE, RW);
	kap_space_sync(u.space);
	ask_script(&u, "one-run");
	kap_space_protect(u.space, AT + 16 * PAGE, 16 * PAGE, KAP_PROT_READ);
	kap_space_sync(u.space);
	ask_script(&u, "three-runs");
	fresh();
	ask_script(&u, "no-run");
}

static int stores(kap_u64 page)
{
	u.regs.ip = USER_CODE;
	u.regs.di = AT + page * PAGE;
	u.regs.si++;
	return user_run(&u) == KAP_TRAP_EXCEPTION;
}

static void in_force(kap_u64 phys)
{
	kap_u64 *page = kap_va(phys + PAGE);

	fresh();
	user_load(&u, store);
	for (int i = 0; i < 3; i++)
		map(i, phys + i * PAGE, RW);
	check(stores(0) && stores(1) && stores(2), "stores reach mapped pages");
	kap_space_protect(u.space, AT + PAGE, PAGE, KAP_PROT_READ);
	check(!stores(1), "after protect the store faults");
	check(stores(0) && stores(2), "the neighbours are not touched");
	kap_space_unmap(u.space, AT + PAGE, PAGE);
	user_load(&u, load);
	u.regs.di = AT + PAGE;
	check_eq(user_run(&u), KAP_TRAP_FAULT, "after unmap the load faults");
	check(!(u.trap.error & KAP_PF_PRESENT), "as not present");
	*page = 0x99;
	map(1, phys + PAGE, KAP_PROT_READ);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "mapped again it is there");
	check_eq(u.regs.ax, 0x99, "with what the kernel wrote");
	/* Another page in the same place. */
	*(kap_u64 *)kap_va(phys + 5 * PAGE) = 0x55;
	map(1, phys + 5 * PAGE, KAP_PROT_READ);
	u.regs.ip = USER_CODE;
	user_run(&u);
	check_eq(u.regs.ax, 0x55, "a map over a mapping replaces it");
	/* All in one batch: only the last counts. */
	map(1, phys, RW);
	kap_space_unmap(u.space, AT, 3 * PAGE);
	map(1, phys + 5 * PAGE, KAP_PROT_READ);
	kap_space_protect(u.space, AT + PAGE, PAGE, RW);
	kap_space_protect(u.space, AT + PAGE, PAGE, KAP_PROT_READ);
	user_load(&u, store);
	check(!stores(1), "a batch is carried out in order");
	check(!stores(0), "to its end");
	/* What is not there may be taken away: no error. */
	kap_space_unmap(u.space, AT + (1UL << 30), 1UL << 30);
	kap_space_sync(u.space);
	check(!stores(1), "unmapping nothing does nothing");
}

void test(void)
{
	kap_u64 phys = kap_phys(pages(64));

	user_create(&u, NULL);
	kap_space_sync(u.space);
	joining(phys);
	in_force(phys);
	host_mappings(phys);
}
