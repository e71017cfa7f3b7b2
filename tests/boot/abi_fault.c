// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program learns of its own faults: signal, si_code, si_addr, trap number, error code, CR2
 * and registers; what its handler can change; the trap flag that it sets itself.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "abi.h"

#define FLAG_TF		0x100UL
#define FLAG_DF		0x400UL
#define FLAG_AC		0x40000UL
#define ANY		-1
#define NONCANONICAL	0x8000000000000000UL

enum addr { ADDR_ZERO, ADDR_IP, ADDR_CR2, ADDR_ANY };

struct fault {
	const char *name;
	void (*cause)(void);
	int signo, code, trapno, err;
	enum addr addr;
};

static sigjmp_buf back;
static siginfo_t info;
static mcontext_t context;
static unsigned long context_flags, handler_flags;
static char *past_end;
static char *volatile low;	/* null, unknown to the compiler */
static char stack[65536];
static const char constant[4096] = "constant";

/* AC stays set in a handler: nothing unaligned may come before this. */
static inline __attribute__((always_inline)) unsigned long clear_flags(unsigned long bits)
{
	unsigned long old;

	asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tmov (%%rsp), %0\n\tand %1, (%%rsp)\n\t"
		     "popfq\n\tlea 128(%%rsp), %%rsp\n\tcld"
		     : "=&r"(old)
		     : "r"(~bits)
		     : "memory", "cc");
	return old;
}

static void caught(int sig, siginfo_t *si, void *uc)
{
	handler_flags = clear_flags(FLAG_AC | FLAG_TF);
	(void)sig;
	info = *si;
	context = ((ucontext_t *)uc)->uc_mcontext;
	context_flags = ((ucontext_t *)uc)->uc_flags;
	siglongjmp(back, 1);
}

static void divide(void)
{
	asm volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "rax", "rcx", "rdx", "cc");
}

static void ud2(void)
{
	asm volatile("ud2");
}

static void int3(void)
{
	asm volatile("int3");
}

static void int1(void)
{
	asm volatile(".byte 0xf1");
}

static void hlt(void)
{
	asm volatile("hlt");
}

static void int60(void)
{
	asm volatile("int $0x60");
}

static void noncanonical(void)
{
	(void)*(volatile int *)NONCANONICAL;
}

static void null_read(void)
{
	(void)*(volatile int *)(low + 8);
}

static void null_write(void)
{
	*(volatile int *)(low + 16) = 1;
}

static void kernel_read(void)
{
	(void)*(volatile int *)0xffff888000000000UL;
}

static void constant_write(void)
{
	*(volatile char *)(constant + 100) = 1;
}

static void data_call(void)
{
	((void (*)(void))(void *)&info)();
}

static void past_end_read(void)
{
	(void)*(volatile char *)past_end;
}

static void noncanonical_stack(void)
{
	asm volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tpush %%rax\n\tmov %%rbx, %%rsp" ::"r"(
			     NONCANONICAL)
		     : "rbx", "memory");
}

static void x87_divide(void)
{
	uint16_t cw = 0x37b;

	asm volatile("fldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" ::"m"(cw));
}

static void sse_invalid(void)
{
	double zero = 0;

	_mm_setcsr(0x1f00);
	asm volatile("divsd %0, %0" : "+x"(zero));
}

static void sse_divide(void)
{
	double one = 1, zero = 0;

	_mm_setcsr(0x1d80);
	asm volatile("divsd %1, %0" : "+x"(one) : "x"(zero));
}

static void unaligned(void)
{
	static char buf[16] __attribute__((aligned(16)));

	asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\t"
		     "movl 1(%0), %%eax\n\tpushfq\n\tandq $~0x40000, (%%rsp)\n\tpopfq\n\t"
		     "lea 128(%%rsp), %%rsp" ::"r"(buf)
		     : "rax", "memory", "cc");
}

static const struct fault faults[] = {
	{ "divide by zero", divide, SIGFPE, FPE_INTDIV, 0, 0, ADDR_IP },
	{ "ud2", ud2, SIGILL, ILL_ILLOPN, 6, 0, ADDR_IP },
	{ "int3", int3, SIGTRAP, SI_KERNEL, 3, 0, ADDR_ZERO },
	{ "int1", int1, SIGTRAP, TRAP_BRKPT, 1, 0, ADDR_IP },
	{ "hlt", hlt, SIGSEGV, SI_KERNEL, 13, ANY, ADDR_ZERO },
	{ "int 0x60", int60, SIGSEGV, SI_KERNEL, 13, ANY, ADDR_ZERO },
	{ "noncanonical read", noncanonical, SIGSEGV, SI_KERNEL, 13, ANY, ADDR_ZERO },
	{ "noncanonical stack", noncanonical_stack, SIGBUS, SI_KERNEL, 12, ANY, ADDR_ZERO },
	{ "null read", null_read, SIGSEGV, SEGV_MAPERR, 14, 4, ADDR_CR2 },
	{ "null write", null_write, SIGSEGV, SEGV_MAPERR, 14, 6, ADDR_CR2 },
	{ "read of a kernel address", kernel_read, SIGSEGV, SEGV_MAPERR, 14, ANY, ADDR_ANY },
	{ "write to constant data", constant_write, SIGSEGV, SEGV_ACCERR, 14, 7, ADDR_CR2 },
	{ "call of data", data_call, SIGSEGV, SEGV_ACCERR, 14, 0x15, ADDR_CR2 },
	{ "read past a file's end", past_end_read, SIGBUS, BUS_ADRERR, 14, 4, ADDR_CR2 },
	{ "x87 divide by zero", x87_divide, SIGFPE, FPE_FLTDIV, 16, 0, ADDR_IP },
	{ "SSE invalid", sse_invalid, SIGFPE, FPE_FLTINV, 19, 0, ADDR_IP },
	{ "SSE divide by zero", sse_divide, SIGFPE, FPE_FLTDIV, 19, 0, ADDR_IP },
	{ "unaligned read with AC set", unaligned, SIGBUS, BUS_ADRALN, 17, ANY, ADDR_ZERO },
};

static bool addr_right(enum addr addr)
{
	greg_t got = (greg_t)(uintptr_t)info.si_addr;

	switch (addr) {
	case ADDR_ZERO:
		return !got;
	case ADDR_IP:
		return got == context.gregs[REG_RIP];
	case ADDR_CR2:
		return got == context.gregs[REG_CR2];
	default:
		return true;
	}
}

static void one_fault(const struct fault *f)
{
	bool good;

	memset(&info, 0, sizeof(info));
	if (!sigsetjmp(back, 1))
		f->cause();
	clear_flags(FLAG_AC);
	asm volatile("fninit");
	_mm_setcsr(0x1f80);

	good = info.si_signo == f->signo && info.si_code == f->code &&
	       context.gregs[REG_TRAPNO] == f->trapno &&
	       (f->err == ANY || context.gregs[REG_ERR] == f->err) && addr_right(f->addr);
	if (!check(good, "%s", f->name))
		note("signal %d code %d addr %p, trapno %lld err %llx cr2 %llx rip %llx",
		     info.si_signo, info.si_code, info.si_addr,
		     (long long)context.gregs[REG_TRAPNO], (long long)context.gregs[REG_ERR],
		     (long long)context.gregs[REG_CR2], (long long)context.gregs[REG_RIP]);
}

static void addresses(void)
{
	if (!sigsetjmp(back, 1))
		null_write();
	check(info.si_addr == (void *)16, "si_addr of a null write is its address");
	if (!sigsetjmp(back, 1))
		constant_write();
	check(info.si_addr == constant + 100, "si_addr of a refused write is its address");
	if (!sigsetjmp(back, 1))
		data_call();
	check(info.si_addr == &info && context.gregs[REG_RIP] == (greg_t)&info,
	      "si_addr of a refused call is its target, and so is rip");
	check((context.gregs[REG_CSGSFS] & 0xffff) == 0x33 &&
		      (unsigned long)context.gregs[REG_CSGSFS] >> 48 == 0x2b,
	      "cs and ss in the frame");
	check(context_flags == 7, "uc_flags: xstate, ss, strict ss");
}

/* Skips the ud2 and answers in r12; r13 must be what it was. */
static void change_registers(int sig, siginfo_t *si, void *uc)
{
	greg_t *regs = ((ucontext_t *)uc)->uc_mcontext.gregs;

	handler_flags = clear_flags(0);
	(void)sig;
	(void)si;
	regs[REG_R12] += regs[REG_R13];
	regs[REG_RIP] += 2;
	regs[REG_EFL] ^= 1;
}

static void registers(void)
{
	unsigned long r12, r13, carry;

	on_signal(SIGILL, change_registers, 0);
	asm volatile("mov $0x1111111122222222, %%r12\n\tmov $0x3333333344444444, %%r13\n\t"
		     "clc\n\tstd\n\tud2\n\tcld\n\tmov %%r12, %0\n\tmov %%r13, %1\n\tsbb %2, %2"
		     : "=r"(r12), "=r"(r13), "=r"(carry)::"r12", "r13", "cc", "memory");
	check(r12 == 0x4444444466666666 && r13 == 0x3333333344444444 && carry == ~0UL,
	      "a handler's changes of registers and flags count");
	check(!(handler_flags & FLAG_DF), "DF is clear in a handler");
}

static volatile int steps, step_codes;

static void step(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	steps++;
	step_codes += si->si_code == TRAP_TRACE;
	if (steps == 5)
		((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] &= ~FLAG_TF;
}

static void trap_flag(void)
{
	on_signal(SIGTRAP, step, 0);
	asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
		     "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
		     "lea 128(%%rsp), %%rsp" ::
			     : "memory", "cc");
	if (!check(steps == 5 && step_codes == 5, "a program steps itself with TF"))
		note("%d steps, %d with TRAP_TRACE", steps, step_codes);

	steps = step_codes = 0;
	asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
		     "mov $39, %%eax\n\tsyscall\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
		     "lea 128(%%rsp), %%rsp" ::
			     : "rax", "rcx", "r11", "memory", "cc");
	if (!check(steps == 5 && step_codes == 5, "and over a system call"))
		note("%d steps, %d with TRAP_TRACE", steps, step_codes);
}

static void blocked_fault(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	null_read();
}

static void ignored_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	null_read();
}

static void default_fault(void)
{
	signal(SIGFPE, SIG_DFL);
	divide();
}

int main(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	size_t i;

	sigaltstack(&ss, NULL);
	past_end = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memfd_create("empty", 0), 0);
	for (i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		on_signal(sigs[i], caught, SA_NODEFER | SA_ONSTACK);
	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		one_fault(&faults[i]);
	addresses();
	registers();
	trap_flag();
	check(dies_of(SIGSEGV, blocked_fault), "a blocked fault signal kills");
	check(dies_of(SIGSEGV, ignored_fault), "an ignored fault signal kills");
	check(dies_of(SIGFPE, default_fault), "a fault signal without a handler kills");
	return check_end();
}
