// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other ways into a kernel than `syscall`: frames for rt_sigreturn that were forged, int 0x80,
 * sysenter, 32-bit code, the vsyscall page. Each is refused with the signal that a kernel without
 * 32-bit programs gives.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <ucontext.h>

#define IMAGE (KAP_WINDOW + KAP_PHYS_RAM)
#define USER_CS 0x33
#define USER_DS 0x2b
#define LOW 0x20000000UL
#define PKRU_AT 9 /* its bit in XSTATE_BV */

struct forged {
	const char *name;
	void (*forge)(ucontext_t *uc);
	int good; /* the program may go on */
};

static char *stack_top;
static void (*forge)(ucontext_t *uc);
void forged_return(void);
void forged_landing(void);

asm(".text\n"
    "forged_landing:\n"
    "	mov $60, %eax\n"
    "	mov $7, %edi\n"
    "	syscall\n"
    "	ud2\n");

static void set_cs(ucontext_t *uc, ulong cs, ulong ss)
{
	uc->uc_mcontext.gregs[REG_CSGSFS] = (greg_t)(cs | ss << 48);
}

static void kernel_cs(ucontext_t *uc)
{
	set_cs(uc, 0x10, 0x18);
}

static void null_cs(ucontext_t *uc)
{
	set_cs(uc, 0, 0);
}

static void odd_ss(ucontext_t *uc)
{
	set_cs(uc, USER_CS, 0xfff8);
}

static void ip_in_kernel(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = IMAGE;
}

static void ip_in_stub(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = KAP_HOLE_START + 3 * PAGE;
}

static void ip_not_canonical(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000000000UL;
}

static void ip_in_upper_half(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0xffffffff81000000UL;
}

static void sp_in_stacks(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RSP] = KAP_DIRECT_STACKS + KAP_STACK_SIZE - 64;
}

static void sp_in_kernel(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RSP] = IMAGE + PAGE;
}

static void all_flags(ucontext_t *uc)
{
	/* All but TF: iopl, NT, RF, VM, AC, VIF, VIP, ID. */
	uc->uc_mcontext.gregs[REG_EFL] = ~0x100L;
}

static void fpu_in_kernel(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)(IMAGE + PAGE);
}

static void fpu_in_stacks(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)(KAP_DIRECT_STACKS + PAGE);
}

static void fpu_garbage(ucontext_t *uc)
{
	memset((void *)uc->uc_mcontext.fpregs, 0xff, 512);
}

/* An extended state that opens every key. */
static void open_pkru(ucontext_t *uc)
{
	unsigned char *image = (void *)uc->uc_mcontext.fpregs;
	unsigned int a, offset, c, d;
	ulong bit = 1UL << PKRU_AT;

	if (!__get_cpuid_count(13, PKRU_AT, &a, &offset, &c, &d) || !a)
		offset = 2688;
	*(ulong *)(image + 512) |= bit;
	/* The software's bytes tell how large the image is. */
	if (*(unsigned int *)(image + 464 + 16) >= offset + 8)
		memset(image + offset, 0, 8);
}

static void xstate_all_bits(ucontext_t *uc)
{
	unsigned char *image = (void *)uc->uc_mcontext.fpregs;

	memset(image + 512, 0xff, 64);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)forged_landing;
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)stack_top;
	forge(uc);
}

static int return_forged(ulong fn)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	forge = (void (*)(ucontext_t *))fn;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	return 1;
}

/* rt_sigreturn without a frame, with rsp where it likes */
static int return_at(ulong sp)
{
	asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" : : "r"(sp) : "memory");
	return 1;
}

static void on_signal_open(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	open_pkru(context);
}

/* The same return, but to where the signal was. */
static int pkru_after_open(ulong arg)
{
	struct sigaction sa = { .sa_sigaction = on_signal_open, .sa_flags = SA_SIGINFO };
	unsigned int before = read_pkru();

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	return read_pkru() == before ? 7 : 8;
}

/* The host can kill a process whose rsp is in the direct engine's stacks: no more than that. */
static bool killed_for(ulong sp, int status, bool direct)
{
	return direct && sp >= KAP_DIRECT_STACKS && sp < KAP_DIRECT_STACKS_END &&
	       died_of(status, SIGKILL);
}

/* open: a host without keys, where nothing keeps user code from executing the kernel's */
static void forged_frames(bool open, bool direct)
{
	static const struct forged list[] = {
		{ "the kernel's cs", kernel_cs, 1 },
		{ "cs 0", null_cs, 1 },
		{ "an ss beyond the table", odd_ss, 1 },
		{ "rip in the kernel", ip_in_kernel, 0 },
		{ "rip behind the stub", ip_in_stub, 0 },
		{ "rip not canonical", ip_not_canonical, 0 },
		{ "rip in the upper half", ip_in_upper_half, 0 },
		{ "rsp in the stacks", sp_in_stacks, 1 },
		{ "rsp in the kernel", sp_in_kernel, 1 },
		{ "all flags", all_flags, 1 },
		{ "the fpu's state in the kernel", fpu_in_kernel, 0 },
		{ "the fpu's state in the stacks", fpu_in_stacks, 0 },
		{ "garbage as the fpu's state", fpu_garbage, 1 },
		{ "all components of the xstate", xstate_all_bits, 1 },
		{ "a PKRU in the xstate", open_pkru, 1 },
	};
	static const ulong sps[] = { 0,
				     8,
				     KAP_DIRECT_STACKS + PAGE,
				     KAP_DIRECT_BLOCKS + 8,
				     IMAGE,
				     KAP_STUB_SCRATCH,
				     0x8000000000000000UL,
				     ~7UL };
	unsigned int i, bad = 0;

	stack_top = (char *)must_map(NULL, 16 * PAGE, RW, ANON) + 8 * PAGE;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		int status;

		if (open && list[i].forge == ip_in_kernel)
			continue;
		status = attempt(return_forged, (ulong)list[i].forge);
		check(died_of(status, SIGSEGV) || (list[i].good && status == 7 << 8) ||
			      (list[i].forge == sp_in_stacks &&
			       killed_for(KAP_DIRECT_STACKS, status, direct)),
		      "rt_sigreturn: %s (%s)", list[i].name, ending(status));
	}
	i = (unsigned int)attempt(pkru_after_open, 0);
	check(died_of((int)i, SIGSEGV) || i == 7 << 8, "rt_sigreturn opens no key (%s)",
	      ending((int)i));
	for (i = 0; i < sizeof(sps) / sizeof(sps[0]); i++) {
		int status = attempt(return_at, sps[i]);

		bad += !died_of(status, SIGSEGV) && !killed_for(sps[i], status, direct);
	}
	check(!bad, "rt_sigreturn without a frame: SIGSEGV (%u not)", bad);
}

/* ---- instructions ---- */

static int by_int80(ulong nr)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "0"(nr), "b"(0), "c"(0), "d"(0) : "memory");
	return ret == -ENOSYS ? 38 : 1;
}

static int by_sysenter(ulong nr)
{
	asm volatile("push %%rbp; mov %%rsp, %%rbp; sysenter; pop %%rbp"
		     : "+a"(nr)
		     : "b"(0), "c"(0), "d"(0)
		     : "memory");
	return 1;
}

static bool refused(int status)
{
	return died_of(status, SIGSEGV) || died_of(status, SIGILL) || died_of(status, SIGSYS);
}

/* Far to 32-bit code at LOW, which must not come back from its call but with ENOSYS. */
static int compat_code(ulong code)
{
	static const unsigned char calls[][2] = { { 0xcd, 0x80 }, { 0x0f, 0x05 }, { 0x0f, 0x34 } };
	unsigned char *p = must_map((void *)LOW, 2 * PAGE, RW | PROT_EXEC, ANON | MAP_FIXED);
	static const unsigned char back[] = { 0xea, 0x00, 0x01, 0x00, 0x20, 0x33, 0x00 };
	static const unsigned char end[] = { 0x3d, 0xda, 0xff, 0xff, 0xff, /* cmp $-ENOSYS, %eax */
					     0x0f, 0x94, 0xc0, /* sete %al */
					     0x0f, 0xb6, 0xf8, /* movzbl %al, %edi */
					     0x8d, 0x7f, 0x07, /* lea 7(%rdi), %edi */
					     0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05 };
	static const unsigned char getpid[] = { 0xb8, 20, 0, 0, 0 };
	struct {
		unsigned int ip;
		unsigned short cs;
	} __attribute__((packed)) to = { LOW, 0x23 };
	unsigned char *at = p;

	memcpy(at, getpid, sizeof(getpid));
	at += sizeof(getpid);
	if (code < 3) {
		memcpy(at, calls[code], 2);
		at += 2;
	}
	memcpy(at, back, sizeof(back));
	memcpy(p + 0x100, end, sizeof(end));
	asm volatile("mov %1, %%rsp; ljmpl *%0" : : "m"(to), "r"(LOW + 2 * PAGE - 64) : "memory");
	return 1;
}

static int by_vsyscall(ulong addr)
{
	struct timeval tv;

	((long (*)(struct timeval *, void *))addr)(&tv, NULL);
	return 1;
}

static void instructions(void)
{
	static const char *const name[] = { "int $0x80", "syscall", "sysenter" };
	unsigned int i, bad = 0;
	int status;

	for (i = 0; i < 512; i++)
		bad += !died_of(attempt(by_int80, i), SIGSEGV);
	check(!bad, "int $0x80 with every number: SIGSEGV (%u not)", bad);
	status = attempt(by_sysenter, 39);
	check(refused(status), "sysenter (%s)", ending(status));
	status = attempt(compat_code, 3);
	check(refused(status) || status == 7 << 8, "32-bit code (%s)", ending(status));
	for (i = 0; i < 3; i++) {
		status = attempt(compat_code, i);
		check(refused(status) || status == 8 << 8, "32-bit code: %s (%s)", name[i],
		      ending(status));
	}
	for (i = 0; i < 4; i++) {
		status = attempt(by_vsyscall, 0xffffffffff600000UL + i * 0x400);
		check(died_of(status, SIGSEGV), "the vsyscall page, %u (%s)", i, ending(status));
	}
}

int main(int argc, char **argv)
{
	start_as_nobody();
	forged_frames(argc > 1 && !strcmp(argv[1], "open"), argc > 1);
	instructions();
	return comes_to_its_end();
}
