// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector and x87 state: it survives system calls, signals, context switches and migration, a
 * child inherits it, a handler can change it in its frame, exec resets it.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <immintrin.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "abi.h"

#define CALLS	2000

/* The registers of one width; k0..k7 are behind the 32 zmm. */
struct image {
	uint8_t bytes[32 * 64];
	uint64_t k[8];
} __attribute__((aligned(64)));

enum width { XMM, YMM, ZMM };
static const char *const names[] = { "xmm", "ymm", "zmm and k" };
static const size_t sizes[] = { 16 * 16, 16 * 32, sizeof(struct image) };

static enum width width;
static struct image in, out, other;
static volatile int handled;

#define ALL8	"0,1,2,3,4,5,6,7"
#define ALL16	ALL8 ",8,9,10,11,12,13,14,15"
#define ALL32	ALL16 ",16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define CLOBBERED                                                                             \
	"rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", \
		"xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define CALL	"1:\n\tmov %[nr], %%eax\n\tsyscall\n\tdec %[n]\n\tjnz 1b\n\t"

/* Loads the registers from @from, makes the same system call @n times, stores them to @to. */
static long across(const struct image *from, struct image *to, int nr, long a, long b, long c,
		   long n)
{
	long ret = 0;

	switch (width) {
	case XMM:
		asm volatile(".irp r," ALL16
			     "\n\tmovdqa 16*\\r(%[from]), %%xmm\\r\n\t.endr\n\t" CALL
			     ".irp r," ALL16 "\n\tmovdqa %%xmm\\r, 16*\\r(%[to])\n\t.endr"
			     : "=&a"(ret), [n] "+r"(n)
			     : [from] "r"(from), [to] "r"(to), [nr] "ri"(nr), "D"(a), "S"(b), "d"(c)
			     : CLOBBERED);
		break;
	case YMM:
		asm volatile(".irp r," ALL16
			     "\n\tvmovdqa 32*\\r(%[from]), %%ymm\\r\n\t.endr\n\t" CALL
			     ".irp r," ALL16 "\n\tvmovdqa %%ymm\\r, 32*\\r(%[to])\n\t.endr\n\t"
			     "vzeroupper"
			     : "=&a"(ret), [n] "+r"(n)
			     : [from] "r"(from), [to] "r"(to), [nr] "ri"(nr), "D"(a), "S"(b), "d"(c)
			     : CLOBBERED);
		break;
	case ZMM:
		asm volatile(".irp r," ALL32 "\n\tvmovdqa64 64*\\r(%[from]), %%zmm\\r\n\t.endr\n\t"
			     ".irp r," ALL8
			     "\n\tkmovq 2048+8*\\r(%[from]), %%k\\r\n\t.endr\n\t" CALL
			     ".irp r," ALL32 "\n\tvmovdqa64 %%zmm\\r, 64*\\r(%[to])\n\t.endr\n\t"
			     ".irp r," ALL8 "\n\tkmovq %%k\\r, 2048+8*\\r(%[to])\n\t.endr\n\t"
			     "vzeroupper"
			     : "=&a"(ret), [n] "+r"(n)
			     : [from] "r"(from), [to] "r"(to), [nr] "ri"(nr), "D"(a), "S"(b), "d"(c)
			     : CLOBBERED);
		break;
	}
	return ret;
}

static void fill(struct image *image, unsigned int seed)
{
	uint8_t *p = (uint8_t *)image;
	size_t i;

	for (i = 0; i < sizeof(*image); i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = seed >> 16;
	}
}

static bool same(const struct image *a, const struct image *b)
{
	return !memcmp(a, b, sizes[width]);
}

/* Leaves nothing as it was. */
static void clobber(int sig, siginfo_t *si, void *uc)
{
	static struct image junk;

	(void)sig;
	(void)si;
	(void)uc;
	fill(&junk, 99);
	across(&junk, &junk, SYS_getpid, 0, 0, 0, 1);
	handled++;
}

static void after_signal(void)
{
	memset(&out, 0, sizeof(out));
	handled = 0;
	on_signal(SIGUSR1, clobber, 0);
	across(&in, &out, SYS_kill, getpid(), SIGUSR1, 0, 1);
	check(handled && same(&in, &out), "%s survive a signal", names[width]);
}

static void after_calls(void)
{
	memset(&out, 0, sizeof(out));
	across(&in, &out, SYS_getppid, 0, 0, 0, CALLS);
	check(same(&in, &out), "%s survive system calls", names[width]);
}

static void after_fork(void)
{
	int status = -1;
	pid_t pid;

	memset(&out, 0, sizeof(out));
	pid = across(&in, &out, SYS_fork, 0, 0, 0, 1);
	if (!pid)
		_exit(same(&in, &out) ? 0 : 1);
	waitpid(pid, &status, 0);
	check(same(&in, &out), "%s of the parent survive a fork", names[width]);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "a child inherits %s", names[width]);
}

/* Each with values of its own, all on one CPU, giving way to each other. */
static void among_others(void)
{
	int status, i, bad = 0;
	pid_t pids[3];

	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			fill(&other, 1000 + i);
			memset(&out, 0, sizeof(out));
			across(&other, &out, SYS_sched_yield, 0, 0, 0, CALLS);
			_exit(same(&other, &out) ? 0 : 1);
		}
	}
	for (i = 0; i < 3; i++)
		bad += waitpid(pids[i], &status, 0) != pids[i] || status;
	check(!bad, "%s survive context switches", names[width]);
}

/* Interrupted wherever it is, in kernel or program, until that has happened often enough. */
static void while_interrupted(void)
{
	struct itimerval every = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	bool good = true;

	handled = 0;
	on_signal(SIGALRM, clobber, 0);
	setitimer(ITIMER_REAL, &every, NULL);
	while (handled < 100 && good) {
		memset(&out, 0, sizeof(out));
		across(&in, &out, SYS_getpid, 0, 0, 0, 100);
		good = same(&in, &out);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	check(good, "%s survive signals at any time", names[width]);
}

/* ---- what a handler writes into its frame */

static uint32_t ymm_offset;

static void change_frame(int sig, siginfo_t *si, void *uc)
{
	struct _libc_fpstate *fp = ((ucontext_t *)uc)->uc_mcontext.fpregs;

	(void)sig;
	(void)si;
	fp->_xmm[3].element[1] = 0xdeadbeef;
	if (width > XMM)
		((uint32_t *)((char *)fp + ymm_offset))[3 * 4 + 2] = 0xfeedface;
}

static void changed_by_handler(void)
{
	static struct image want;
	size_t reg = sizes[XMM] / 16 << (width == XMM ? 0 : width);

	want = in;
	((uint32_t *)(want.bytes + 3 * reg))[1] = 0xdeadbeef;
	if (width > XMM)
		((uint32_t *)(want.bytes + 3 * reg))[4 + 2] = 0xfeedface;
	on_signal(SIGUSR1, change_frame, 0);
	across(&in, &out, SYS_kill, getpid(), SIGUSR1, 0, 1);
	check(same(&want, &out), "a handler can change %s", names[width]);
}

/* ---- x87 and the control words */

static void change_control(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	(void)uc;
	asm volatile("fninit\n\tfldz\n\tfldz");
	_mm_setcsr(0x1f80);
	handled = sig;
}

struct x87 {
	long double pi, one;
	uint32_t mxcsr;
	uint16_t cw;
};

static long x87_across(struct x87 *x, int nr, long a, long b)
{
	static const uint32_t csr = 0x9fc0;
	static const uint16_t word = 0x27f;
	long ret;

	asm volatile("ldmxcsr %[csr]\n\tfninit\n\tfldcw %[word]\n\tfldpi\n\tfld1\n\tsyscall\n\t"
		     "fstpt %[one]\n\tfstpt %[pi]\n\tfnstcw %[cw]\n\tstmxcsr %[mxcsr]\n\tfninit"
		     : "=a"(ret), [one] "=m"(x->one), [pi] "=m"(x->pi), [cw] "=m"(x->cw),
		       [mxcsr] "=m"(x->mxcsr)
		     : "0"((long)nr), "D"(a), "S"(b), [csr] "m"(csr), [word] "m"(word)
		     : "rcx", "r11", "memory");
	_mm_setcsr(0x1f80);
	return ret;
}

static bool x87_right(const struct x87 *x)
{
	return x->one == 1 && x->pi > 3.14159L && x->pi < 3.1416L && x->cw == 0x27f &&
	       x->mxcsr == 0x9fc0;
}

static void x87(void)
{
	struct x87 x = { 0 };
	int status = -1;
	pid_t pid;

	x87_across(&x, SYS_sched_yield, 0, 0);
	check(x87_right(&x), "x87 and mxcsr survive a system call");
	memset(&x, 0, sizeof(x));
	handled = 0;
	on_signal(SIGUSR1, change_control, 0);
	x87_across(&x, SYS_kill, getpid(), SIGUSR1);
	check(handled && x87_right(&x), "x87 and mxcsr survive a signal");
	memset(&x, 0, sizeof(x));
	pid = x87_across(&x, SYS_fork, 0, 0);
	if (!pid)
		_exit(x87_right(&x) ? 0 : 1);
	waitpid(pid, &status, 0);
	check(!status, "a child inherits x87 and mxcsr");
}

static void exec_fresh(void)
{
	static const uint16_t word = 0x27f;

	asm volatile("fldcw %0\n\tfldpi" ::"m"(word));
	_mm_setcsr(0x9fc0);
	execl("/proc/self/exe", "abi_xstate", "fresh", NULL);
	_exit(99);
}

static int fresh(void)
{
	uint16_t env[14];

	asm volatile("fnstenv %0" : "=m"(env));
	return env[0] == 0x37f && env[4] == 0xffff && _mm_getcsr() == 0x1f80 ? 0 : 1;
}

static void migrate(void)
{
	cpu_set_t all, one;
	int cpu, bad = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		memset(&out, 0, sizeof(out));
		bad += across(&in, &out, SYS_sched_setaffinity, 0, sizeof(one), (long)&one, 1) != 0;
		bad += !same(&in, &out);
	}
	sched_setaffinity(0, sizeof(all), &all);
	check(!bad, "%s survive a move to every CPU", names[width]);
}

int main(int argc, char **argv)
{
	unsigned int a, b, c, d;
	enum width most = XMM;
	cpu_set_t all, first;
	int cpu = 0;

	if (argc > 1 && !strcmp(argv[1], "fresh"))
		return fresh();
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		most = YMM;
	if (__builtin_cpu_supports("avx512bw"))
		most = ZMM;
	if (most > XMM && __get_cpuid_count(0xd, 2, &a, &b, &c, &d))
		ymm_offset = b;

	for (width = XMM; width <= most; width++) {
		fill(&in, 7 + width);
		after_calls();
		after_signal();
		while_interrupted();
		after_fork();
		changed_by_handler();
		migrate();
	}
	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&first);
	CPU_SET(cpu, &first);
	sched_setaffinity(0, sizeof(first), &first);
	for (width = XMM; width <= most; width++)
		among_others();
	width = most;
	x87();
	check(exits_with(0, exec_fresh), "exec resets x87 and mxcsr");
	return check_end();
}
