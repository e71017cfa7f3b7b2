// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gates: the table that patched call sites jump through, what each site calls, and the C part of
 * the way in that x86/gate.S begins.
 */
#include <kap/gate.h>
#include <kap/getcpu.h>
#include "engine/direct.h"

#define TABLE_BYTES ((kap_u64)(KAP_GATE_TABLE_END - KAP_GATE_TABLE))
#define USER_CS 0x33
#define STUB_MOVED 3 /* bytes of a stub with keys after which the user's rdx is in r11 */

extern char gate_stubs_keys[], gate_stubs_open[], gate_stubs_end[];
extern char gate_open[], gate_moved[], gate_flags[], gate_stack[], gate_entered[];
void gate_trap(kap_u32 site, struct direct_user *user);

struct gate_site {
	kap_u32 offset;
	kap_u16 base;
	kap_u16 nr;
};

/* User code sees this; the entries say nothing but where the kernel's text is. */
static struct {
	kap_u64 stub[KAP_GATE_SITES];
	struct host_user_desc desc[KAP_MAX_VCPUS]; /* here because it is below 4 GiB */
} table __attribute__((aligned(KAP_PAGE_SIZE)));
_Static_assert(sizeof(table) == KAP_GATE_TABLE_END - KAP_GATE_TABLE, "gate.h");

static struct gate_site sites[KAP_GATE_SITES];
static kap_u32 nr_sites, refused;

/* How gate.S finds its vCPU. */
extern char gate_find[], gate_find_only[];
void *gate_finder = gate_find;

/* The calling thread's segment says that it is a runner of that vCPU. */
void gate_set_thread(kap_u32 cpu)
{
	kap_u64 low = KAP_GATE_TABLE + ((kap_u64)&table.desc[cpu] - (kap_u64)&table);
	int ret;

	table.desc[cpu] = (struct host_user_desc){
		.entry = KAP_GETCPU_ENTRY,
		.limit = cpu,
		.flags = HOST_DESC_32BIT | HOST_DESC_USEABLE,
	};
	asm volatile("call direct_set_descriptor"
		     : "=a"(ret), "+D"(low)
		     :
		     : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	/* A host without 32-bit programs refuses. */
	if (!ret)
		store_release(&refused, 1u);
}

int kap_gate_usable(void)
{
	if (!direct())
		return 0;
	if (kap_boot_info()->nr_cpus > 1)
		return !load_acquire(&refused);
	gate_finder = gate_find_only;
	return 1;
}

static char *stub(kap_u32 site)
{
	if (kap_boot_info()->keys)
		return gate_stubs_keys + site * GATE_STUB_KEYS;
	return gate_stubs_open + site * GATE_STUB_OPEN;
}

int kap_gate_add(kap_u32 base, kap_u32 offset, kap_u32 nr)
{
	kap_u32 site = nr_sites;

	if (site == KAP_GATE_SITES || base >= KAP_GATE_BASES)
		return -HOST_ENOSPC;
	sites[site].offset = offset;
	sites[site].base = base;
	sites[site].nr = nr;
	table.stub[site] = (kap_u64)stub(site);
	store_release(&nr_sites, site + 1);
	return site;
}

void gate_first_ops(struct kap_shell *shell)
{
	shell_op(shell, HOST_mmap, KAP_GATE_TABLE, TABLE_BYTES, HOST_PROT_READ,
		 HOST_MAP_SHARED | HOST_MAP_FIXED | HOST_MAP_POPULATE, KAP_FD_RAM,
		 kap_phys(&table));
}

static handler_code void fill_call(kap_u32 nr, struct kap_space *space, struct kap_regs *regs)
{
	const struct gate_site *site = &sites[nr % KAP_GATE_SITES];
	const kap_u64 *bases = space->bases;

	regs->ip = (bases ? bases[site->base] : 0) + site->offset;
	regs->cx = regs->ip;
	regs->ax = site->nr;
	regs->orig_ax = site->nr;
}

/* On the kernel's stack; gate.S has saved all that SYSCALL keeps. */
void gate_trap(kap_u32 site, struct direct_user *user)
{
	struct kap_regs *regs = user->regs;

	*(volatile kap_u8 *)&user->block->selector = DIRECT_ALLOW;
	regs->sp = user->sp;
	fill_call(site, user->space, regs);
	/* Only 64-bit code can come to a stub; ss is still the program's. */
	regs->cs = USER_CS;
	asm volatile("mov %%ss, %k0" : "=r"(regs->ss));
	direct_fill_segments(regs);
	user->trap->kind = KAP_TRAP_SYSCALL;
	user->trap->nr = KAP_CALL_GATE;
}

static handler_code int within(kap_u64 ip, const char *start, const char *end)
{
	return ip >= (kap_u64)start && ip < (kap_u64)end;
}

/* LAHF has put SF ZF AF PF CF into ah, SETO has put OF into al. */
static handler_code kap_u64 flags_of(const struct kap_regs *regs)
{
	return (regs->flags & ~(kap_u64)FLAGS_SHOWN) | ((regs->ax >> 8) & FLAGS_LAHF) |
	       (regs->ax & 1) << 11;
}

handler_code int gate_unwind(kap_u32 cpu, struct kap_regs *regs)
{
	kap_u64 ip = regs->ip;
	kap_u32 site = regs->cx;

	if (likely(!within(ip, gate_stubs_keys, gate_entered)))
		return 0;
	if (within(ip, gate_stubs_keys, gate_stubs_open)) {
		site = (ip - (kap_u64)gate_stubs_keys) / GATE_STUB_KEYS;
		if (ip - (kap_u64)stub(site) >= STUB_MOVED)
			regs->dx = regs->r11;
	} else if (within(ip, gate_stubs_open, gate_stubs_end)) {
		site = (ip - (kap_u64)gate_stubs_open) / GATE_STUB_OPEN;
	} else {
		if (ip >= (kap_u64)gate_moved)
			regs->dx = regs->r11;
		if (ip >= (kap_u64)gate_flags)
			regs->flags = flags_of(regs);
		if (ip >= (kap_u64)gate_stack)
			regs->sp = direct_users[cpu].sp;
	}
	fill_call(site, direct_users[cpu].space, regs);
	regs->r11 = regs->flags;
	return 1;
}
