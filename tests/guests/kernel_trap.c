// SPDX-License-Identifier: GPL-2.0-only
/* Faults of kernel code reach kap_kernel_trap and can be repaired. */
#include "lib.h"

#define AT	KAP_VMALLOC_START

static struct kap_trap last;
static struct kap_regs last_regs;
static unsigned int nr_traps;
static kap_u64 new_ip;
static kap_u64 map_phys;

static void fix_up(struct kap_regs *regs, const struct kap_trap *trap)
{
	last = *trap;
	last_regs = *regs;
	nr_traps++;
	if (!irqs_are_off())
		give_up("interrupts are on in kap_kernel_trap");
	if (nr_traps > 20)
		give_up("the trap comes again and again");
	if (map_phys)
		kap_kernel_map(AT, map_phys, PAGE, KAP_PROT_READ | KAP_PROT_WRITE);
	else
		regs->ip = new_ip;
}

/* Runs one instruction that traps, or not; where it goes on afterwards is in new_ip. */
#define try(insn, ...)									\
	asm volatile("lea 2f(%%rip), %%rax; mov %%rax, %0; 1: " insn "; 2:"			\
		     : "=m"(new_ip)                                         \
		     : __VA_ARGS__                                          \
		     : "rax", "rcx", "memory", "cc")

static void trap_is(kap_u32 nr, const char *what)
{
	if (!check(nr_traps == 1 && last.nr == nr, "%s is trap %u", what, nr))
		say("# %u traps, nr %u addr %lx error %lx signal %d code %d\n", nr_traps, last.nr,
		    last.addr, last.error, last.signo, last.code);
	nr_traps = 0;
}

static void page_faults(kap_u64 phys)
{
	kap_u64 value = 0;

	try("mov (%1), %%rcx", "r"(AT + 0x123));
	trap_is(KAP_EXC_PF, "a load from nowhere");
	check_eq(last.addr, AT + 0x123, "its address is right");
	check_eq(last.error & (KAP_PF_PRESENT | KAP_PF_WRITE), 0, "it is a load, of nothing");
	check(!(last_regs.flags & KAP_FLAGS_IF), "interrupts were off");
	check(last_regs.sp > KAP_WINDOW + KAP_PHYS_RAM, "sp is the kernel's");

	map_phys = phys;
	asm volatile("mov (%1), %0" : "=r"(value) : "r"(AT + 8) : "memory");
	map_phys = 0;
	check_eq(nr_traps, 1, "a fault whose page is mapped then comes once");
	check_eq(value, 0x4321, "and the load goes through");
	nr_traps = 0;

	check_eq(kap_kernel_protect(AT, PAGE, KAP_PROT_READ), 0, "kap_kernel_protect works");
	try("movq $1, (%1)", "r"(AT + 8));
	trap_is(KAP_EXC_PF, "a store to a read-only page");
	check_eq(last.addr, AT + 8, "its address is right");
	check_eq(last.error & (KAP_PF_PRESENT | KAP_PF_WRITE), KAP_PF_PRESENT | KAP_PF_WRITE,
		 "it is a store, denied");
	check_eq(*(kap_u64 *)kap_va(phys + 8), 0x4321, "nothing was stored");

	try("jmp *%1", "r"(AT + 16));
	trap_is(KAP_EXC_PF, "a jump to a page without exec");
	check_eq(last.addr, AT + 16, "its address is right");
	check(last.error & KAP_PF_EXEC, "it is a fetch");

	check_eq(kap_kernel_unmap(AT, PAGE), 0, "kap_kernel_unmap works");
	try("mov (%1), %%rcx", "r"(AT + 8));
	trap_is(KAP_EXC_PF, "a load after kap_kernel_unmap");
}

static void exceptions(void)
{
	try("ud2");
	trap_is(KAP_EXC_UD, "ud2");
	try("xor %%ecx, %%ecx; div %%ecx");
	trap_is(KAP_EXC_DE, "a division by zero");
	try("mov (%1), %%rcx", "r"(0x8000000000000000));
	trap_is(KAP_EXC_GP, "an address that is none");
	try("hlt");
	trap_is(KAP_EXC_GP, "hlt");
	try("int3; nop");
	trap_is(KAP_EXC_BP, "int3");
}

static void flags_and_stack(void)
{
	kap_u64 before, after;

	irqs_on();
	asm volatile("mov %%rsp, %0" : "=r"(before));
	try("std; ud2");
	asm volatile("cld; mov %%rsp, %0" : "=r"(after));
	trap_is(KAP_EXC_UD, "with interrupts on, ud2");
	check(last_regs.flags & KAP_FLAGS_IF, "interrupts were on");
	check(!irqs_are_off(), "and are on again");
	check_eq(after, before, "the stack pointer is what it was");
	irqs_off();
}

void test(void)
{
	kap_u8 *page = pages(1);

	*(kap_u64 *)(page + 8) = 0x4321;
	on_trap = fix_up;
	page_faults(kap_phys(page));
	exceptions();
	flags_and_stack();
}
