// SPDX-License-Identifier: GPL-2.0-only
/* More scattered pages than the host lets one process map: user code reads them all. */
#include "lib.h"

#define AT		0x300000000000UL
#define NR_FRAMES	64

/* rdi: address, rsi: number left, rdx: step; sums up in rax */
USER_PROGRAM(sum, "1: add (%rdi), %rax; add %rdx, %rdi; dec %rsi; jnz 1b; int3");

static struct user u;
static kap_u8 *frames;

static kap_u64 phys_of(kap_u64 n)
{
	return kap_phys(frames) + (n * 7 % NR_FRAMES) * PAGE;
}

static void map(kap_u64 n)
{
	kap_space_map(u.space, AT + 2 * n * PAGE, phys_of(n), PAGE, KAP_PROT_READ);
}

void test(void)
{
	kap_u64 count = kap_boot_info()->max_map_count + 5000, wanted = 0, faults = 0;

	if (count > 300000) {
		skip("eviction", "the host allows very many mappings");
		return;
	}
	user_create(&u, NULL);
	frames = pages(NR_FRAMES);
	for (kap_u64 i = 0; i < NR_FRAMES; i++)
		*(kap_u64 *)(frames + i * PAGE) = 1 + i * 1000;
	for (kap_u64 n = 0; n < count; n++)
		wanted += *(kap_u64 *)kap_va(phys_of(n));

	for (kap_u64 n = 0; n < count; n++)
		map(n);
	kap_space_sync(u.space);
	check(1, "%lu scattered pages were mapped", count);

	user_load(&u, sum);
	u.regs.di = AT;
	u.regs.si = count;
	u.regs.dx = 2 * PAGE;
	while (user_run(&u) == KAP_TRAP_FAULT) {
		kap_u64 n = (u.trap.addr - AT) / PAGE / 2;

		faults++;
		/* The user's own pages may be gone as well. */
		if (u.trap.addr == USER_CODE)
			kap_space_map(u.space, USER_CODE, kap_phys(u.code), PAGE,
				      KAP_PROT_READ | KAP_PROT_EXEC);
		else if (u.trap.addr == AT + 2 * n * PAGE && n < count)
			for (kap_u64 i = n; i < n + 32 && i < count; i++)
				map(i);
		else
			give_up("fault at %lx", u.trap.addr);
	}
	check_eq(u.trap.nr, KAP_EXC_BP, "user code came to its end");
	check_eq(u.regs.ax, wanted, "and read every page's own contents");
	check(faults > 0, "mappings had been evicted (%lu faults)", faults);
	check(faults < count / 8, "but not time and again");
	say("# %lu faults for %lu pages\n", faults, count);
}
