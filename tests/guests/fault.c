// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of user code: where, why, and again after a mapping was made. */
#include "lib.h"

#define AT 0x300000123000UL

USER_PROGRAM(load, "mov (%rdi), %rax; int3");
USER_PROGRAM(store, "mov %rsi, (%rdi); int3");
USER_PROGRAM(jump, "jmp *%rdi");
USER_PROGRAM(straddle, "mov -4(%rdi), %rax; int3");
USER_PROGRAM(spinning, "1: inc %rax; jmp 1b");

static struct user u;

static int fault_is(kap_u64 addr, kap_u64 error, const char *what)
{
	kap_u32 kind = user_run(&u);
	kap_u64 bits = u.trap.error & ~(kap_u64)KAP_PF_UNSURE;
	int ok;

	/* An engine that is not sure leaves the bit for writing out. */
	if (u.trap.error & KAP_PF_UNSURE)
		error &= ~(kap_u64)(KAP_PF_WRITE | KAP_PF_EXEC);
	ok = kind == KAP_TRAP_FAULT && u.trap.addr == addr && u.trap.nr == KAP_EXC_PF &&
	     bits == (error | KAP_PF_USER);
	if (!check(ok, "%s", what))
		say("# kind %u nr %u addr %lx error %lx ip %lx\n", kind, u.trap.nr, u.trap.addr,
		    u.trap.error, u.regs.ip);
	return ok;
}

static void start(const char *from, const char *to, kap_u64 di, kap_u64 si)
{
	user_load_range(&u, from, to);
	u.regs.di = di;
	u.regs.si = si;
}

#define start(name, di, si) start(name, name##_end, di, si)

static void unmapped(kap_u8 *page)
{
	*(kap_u64 *)(page + 8) = 0x1234;
	start(load, AT + 8, 0);
	fault_is(AT + 8, 0, "a load where nothing is faults, at its address");
	check_eq(u.regs.ip, USER_CODE, "ip is at the instruction");
	fault_is(AT + 8, 0, "and again as long as nothing is there");
	kap_space_map(u.space, AT, kap_phys(page), PAGE, KAP_PROT_READ);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "with a mapping it goes on");
	check_eq(u.regs.ax, 0x1234, "and sees the page");
}

static void read_only(kap_u8 *page)
{
	start(store, AT + 16, 0x77);
	fault_is(AT + 16, KAP_PF_PRESENT | KAP_PF_WRITE, "a store to a read-only page faults");
	check_eq(*(kap_u64 *)(page + 16), 0, "and did not reach memory");
	kap_space_protect(u.space, AT, PAGE, KAP_PROT_READ | KAP_PROT_WRITE);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "after kap_space_protect it goes on");
	check_eq(*(kap_u64 *)(page + 16), 0x77, "and the kernel sees the store");
}

static void no_exec(kap_u8 *page)
{
	page[32] = 0xcc;
	start(jump, AT + 32, 0);
	fault_is(AT + 32, KAP_PF_PRESENT | KAP_PF_EXEC, "a jump to a page without exec faults");
	check_eq(u.regs.ip, AT + 32, "ip is the target");
	kap_space_protect(u.space, AT, PAGE, KAP_PROT_READ | KAP_PROT_EXEC);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "with exec it goes on");
	check_eq(u.regs.ip, AT + 33, "at the target");
}

static void across(kap_u8 *page)
{
	kap_u8 *second = pages(1);

	*(kap_u32 *)(page + PAGE - 4) = 0x11111111;
	*(kap_u32 *)second = 0x22222222;
	start(straddle, AT + PAGE, 0);
	fault_is(AT + PAGE, 0, "a load across two pages faults in the second");
	kap_space_map(u.space, AT + PAGE, kap_phys(second), PAGE, KAP_PROT_READ);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "with both it goes on");
	check_eq(u.regs.ax, 0x2222222211111111, "and has both halves");
}

/* On the direct engine it is there, behind a key, if the host has keys. */
static void kernel_window(void)
{
	const struct kap_boot *boot = kap_boot_info();
	kap_u64 present = boot->engine == KAP_ENGINE_DIRECT ? KAP_PF_PRESENT : 0;

	if (present && !boot->keys)
		return;
	start(store, KAP_WINDOW + KAP_PHYS_RAM, 0xbad);
	fault_is(KAP_WINDOW + KAP_PHYS_RAM, present | KAP_PF_WRITE,
		 "the kernel window is not there");
	start(load, KAP_WINDOW + KAP_PHYS_BOOT, 0);
	fault_is(KAP_WINDOW + KAP_PHYS_BOOT, present, "nor can it be read");
}

static void edges(void)
{
	start(load, 0, 0);
	fault_is(0, 0, "address 0");
	start(load, KAP_USER_END - PAGE, 0);
	fault_is(KAP_USER_END - PAGE, 0, "the last page of user addresses");
	start(load, 0xffffffff81000000, 0);
	kap_u32 kind = user_run(&u);

	check(kind == KAP_TRAP_FAULT && u.trap.addr == 0xffffffff81000000,
	      "a kernel address of the host faults like any other");
	start(jump, 0x8000000000000000, 0);
	check_eq(user_run(&u), KAP_TRAP_EXCEPTION, "a jump out of all addresses");
	check_eq(u.trap.nr, KAP_EXC_GP, "is a protection fault");
	kernel_window();
	start(store, KAP_STUB_CTL, 0xbad);
	fault_is(KAP_STUB_CTL, KAP_PF_PRESENT | KAP_PF_WRITE, "the control page is read-only");
	start(store, KAP_STUB_CODE, 0xbad);
	fault_is(KAP_STUB_CODE, KAP_PF_PRESENT | KAP_PF_WRITE, "so is the keeper's code");
}

static void outside_signal(const char *name)
{
	kap_u64 faults = kap_vcpu(0)->nr_faults;

	user_load(&u, spinning);
	ask_script(&u, name);
	check_eq(u.trap.kind, KAP_TRAP_DOORBELL, "a signal from outside is no trap");
	check_eq(kap_vcpu(0)->nr_faults, faults, "and is not counted as a fault");
	check_eq(user_run_for(&u, 5000000), KAP_TRAP_DOORBELL, "the program runs on");
	check(u.regs.ax > 1000, "and gets somewhere");
}

void test(void)
{
	kap_u8 *page = pages(1);

	user_create(&u, NULL);
	unmapped(page);
	read_only(page);
	no_exec(page);
	across(page);
	edges();
	outside_signal("SEGV");
	outside_signal("TRAP");
	outside_signal("FPE");
	outside_signal("USR2");
	check(kap_vcpu(0)->nr_faults >= 10, "faults are counted");
}
