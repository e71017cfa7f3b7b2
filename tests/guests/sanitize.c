// SPDX-License-Identifier: GPL-2.0-only
/* No register value makes the host refuse, or gives user code more rights. */
#include "lib.h"

USER_PROGRAM(call, "syscall; jmp .");

/* struct kap_regs as words */
#define CS	(__builtin_offsetof(struct kap_regs, cs) / 8)

static struct user u;
static kap_u64 state;

static kap_u64 random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Values at which checks tend to be wrong, and any others. */
static kap_u64 nasty(void)
{
	/* clang-format off */
	static const kap_u64 edges[] = {
		0, 1, 3, 0xffff, 0x10000, ~0ULL, 1ULL << 63, 1ULL << 47, (1ULL << 47) - 1,
		KAP_USER_END, KAP_USER_END - 1, 0xffff800000000000, 0xffffffff80000000,
		0x33, 0x23, 0x2b, 0x2a, 0x10, 0x8, 0x7, 0xfff8, 0xfffb, 0x63, 0x6b, 0x53,
	};

	/* clang-format on */
	return random() % 3 ? edges[random() % (sizeof(edges) / sizeof(edges[0]))] : random();
}

static int survives(kap_u64 *raw)
{
	kap_u64 *all = (kap_u64 *)&u.regs;
	kap_u32 kind;

	for (unsigned int i = 0; i < sizeof(u.regs) / 8; i++)
		all[i] = raw[i];
	u.regs.ip = USER_CODE;
	kap_regs_sanitize(&u.regs);
	kind = user_run_for(&u, 1000000000);
	if (u.regs.ss != 0x2b || (u.regs.flags & 0x23200) != 0x200)
		return 0;
	/* With the single-step flag, the step comes before or after. */
	if (kind == KAP_TRAP_EXCEPTION && u.trap.nr == KAP_EXC_DB)
		return 1;
	/* 32-bit code may be refused the instruction. */
	if (kind == KAP_TRAP_EXCEPTION && u.regs.cs == 0x23)
		return 1;
	return kind == KAP_TRAP_SYSCALL && (u.regs.cs == 0x33 || u.regs.cs == 0x23);
}

static int one(void)
{
	kap_u64 raw[sizeof(u.regs) / 8];

	for (unsigned int i = 0; i < sizeof(raw) / 8; i++)
		raw[i] = nasty();
	if (survives(raw))
		return 1;
	say("# trap kind %u nr %u ip %lx cs %lx flags %lx\n", u.trap.kind, u.trap.nr, u.regs.ip,
	    u.regs.cs, u.regs.flags);
	for (unsigned int i = 15; i < sizeof(raw) / 8; i++)
		say("# word %u: %lx\n", i, raw[i]);
	return 0;
}

void test(void)
{
	kap_u64 raw[sizeof(u.regs) / 8];
	int good = 0;

	memcpy(&state, kap_boot_info()->seed, 8);
	state |= 1;
	say("# seed %lx\n", state);
	user_create(&u, NULL);
	user_load(&u, call);
	memset(raw, 0xff, sizeof(raw));
	check(survives(raw), "all ones");
	memset(raw, 0, sizeof(raw));
	check(survives(raw), "all zeroes");
	for (int i = 0; i < 4; i++) {
		raw[CS] = i % 2 ? 0x33 : 0x23;
		check(survives(raw), "%s-bit code, all else the same", i % 2 ? "64" : "32");
	}
	for (int i = 0; i < 3000 && good == i; i++)
		good += one();
	check_eq(good, 3000, "3000 sets of registers are taken by the host");

	/* What the flags may be stays, what they may not goes. */
	user_load(&u, call);
	u.regs.flags = 0xcd5 | 0x40000 | 0x200000 | 0x23000;
	kap_regs_sanitize(&u.regs);
	check_eq(u.regs.flags, 0xcd5 | 0x40000 | 0x200000 | 0x202,
		 "arithmetic flags stay, IOPL and VM go");
	u.regs.fs_base = 0x123456789000;
	kap_regs_sanitize(&u.regs);
	check_eq(u.regs.fs_base, 0x123456789000, "a good base stays");
}
