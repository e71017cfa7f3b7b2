// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals while system calls are under way, with every register looked at; areas for rseq that
 * were forged; threads that enter the kernel together, of which each must get its own answers.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <linux/rseq.h>
#include <pthread.h>
#include <stddef.h>

#define CALLS 60000
#define SIGNALS 200
#define THREADS 4

/*
 * ulong calls_until(ulong n, volatile ulong *stop): getppid() until *stop, at most n times, with a
 * value in every register that a call keeps; returns the calls, or 0 where one was lost.
 */
ulong checked_calls(ulong n, ulong answer, volatile ulong *stop, ulong seed);
asm(".text\n"
    ".globl checked_calls\n"
    "checked_calls:\n"
    "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
    "	mov %rdi, %rbx\n"
    "	mov %rsi, %rbp\n"
    "	mov %rdx, %r12\n"
    "	mov %rcx, %r13\n"
    "	xor %r14d, %r14d\n"
    "	movq %rcx, %xmm5\n"
    "	movq %rcx, %xmm15\n"
    "1:	lea 1(%r13), %rdi\n"
    "	lea 2(%r13), %rsi\n"
    "	lea 3(%r13), %rdx\n"
    "	lea 4(%r13), %r10\n"
    "	lea 5(%r13), %r8\n"
    "	lea 6(%r13), %r9\n"
    "	mov %rsp, %r15\n"
    "	mov $110, %eax\n"
    "	syscall\n"
    "2:	cmp %rbp, %rax\n	jne 9f\n"
    "	lea 2b(%rip), %rax\n	cmp %rax, %rcx\n	jne 9f\n"
    "	lea 1(%r13), %rax\n	cmp %rax, %rdi\n	jne 9f\n"
    "	lea 2(%r13), %rax\n	cmp %rax, %rsi\n	jne 9f\n"
    "	lea 3(%r13), %rax\n	cmp %rax, %rdx\n	jne 9f\n"
    "	lea 4(%r13), %rax\n	cmp %rax, %r10\n	jne 9f\n"
    "	lea 5(%r13), %rax\n	cmp %rax, %r8\n	jne 9f\n"
    "	lea 6(%r13), %rax\n	cmp %rax, %r9\n	jne 9f\n"
    "	cmp %rsp, %r15\n	jne 9f\n"
    "	movq %xmm5, %rax\n	cmp %rax, %r13\n	jne 9f\n"
    "	movq %xmm15, %rax\n	cmp %rax, %r13\n	jne 9f\n"
    "	inc %r14\n"
    "	cmpq $0, (%r12)\n	jne 3f\n"
    "	dec %rbx\n	jnz 1b\n"
    "3:	mov %r14, %rax\n"
    "	jmp 8f\n"
    "9:	xor %eax, %eax\n"
    "8:	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
    "	ret\n");

static volatile ulong nr_signals, stop;

static void on_storm(int sig)
{
	volatile double d = 1.5;

	(void)sig;
	asm volatile("pxor %%xmm5, %%xmm5; pxor %%xmm15, %%xmm15" : : : "xmm5", "xmm15");
	d = d * 2;
	if (++nr_signals >= SIGNALS)
		stop = 1;
}

/* A timer, until SIGNALS have come or (which is an error) a very large number of calls was made. */
static int timer_storm(ulong us)
{
	struct itimerval it = { { 0, (long)us }, { 0, (long)us } };
	struct sigaction sa = { .sa_handler = on_storm, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	return checked_calls(100000000, (ulong)getppid(), &stop, 0x123456789abc) && stop ? 7 : 8;
}

static int sender(ulong target)
{
	int i;

	for (i = 0; i < SIGNALS * 20; i++)
		kill((pid_t)target, SIGUSR1);
	return 0;
}

static int process_storm(ulong arg)
{
	struct sigaction sa = { .sa_handler = on_storm, .sa_flags = SA_RESTART };
	ulong parent = (ulong)getppid(), self = (ulong)getpid();
	static volatile ulong never;
	pid_t pid;
	bool good;

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	pid = fork();
	if (!pid)
		_exit(sender(self));
	good = checked_calls(CALLS, parent, &never, 0xfedcba987654);
	waitpid(pid, NULL, 0);
	return good && nr_signals ? 7 : 8;
}

/* ---- rseq ---- */

static int forged_rseq(ulong cs)
{
	struct rseq *area = must_map(NULL, PAGE, RW, ANON);
	ulong i;

	/* The C library's own goes first. */
	extern const ptrdiff_t __rseq_offset;
	extern const unsigned int __rseq_size;
	struct rseq *old = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	if (__rseq_size)
		syscall(SYS_rseq, old, 32, RSEQ_FLAG_UNREGISTER, 0x53053053);
	if (syscall(SYS_rseq, area, 32, 0, 0x53053053))
		return 9;
	/* The kernel looks at it whenever it delivers a signal. */
	signal(SIGUSR1, on_storm);
	for (i = 0; i < 50; i++) {
		area->rseq_cs = cs;
		raise(SIGUSR1);
	}
	return 7;
}

static int rseq_in_hole(ulong at)
{
	return syscall(SYS_rseq, at, 32, 0, 0x53053053) == -1 ? 7 : 8;
}

static void rseqs(void)
{
	/* A section that is all of the kernel, with an end inside it. */
	static struct rseq_cs cs __attribute__((aligned(32)));
	static const ulong where[] = { KAP_WINDOW + KAP_PHYS_RAM, KAP_DIRECT_STACKS,
				       KAP_DIRECT_BLOCKS, KAP_STUB_SCRATCH, ~0UL << 12 };
	unsigned int i;
	int status;

	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		status = attempt(forged_rseq, where[i]);
		check(died_of(status, SIGSEGV), "an rseq section at %lx (%s)", where[i],
		      ending(status));
		status = attempt(rseq_in_hole, where[i]);
		check(status == 7 << 8 || died_of(status, SIGSEGV), "an rseq area at %lx (%s)",
		      where[i], ending(status));
	}
	cs.start_ip = KAP_WINDOW;
	cs.post_commit_offset = 1UL << 32;
	cs.abort_ip = KAP_WINDOW + KAP_PHYS_RAM;
	status = attempt(forged_rseq, (ulong)&cs);
	check(status == 7 << 8 || died_of(status, SIGSEGV), "an rseq section over the kernel (%s)",
	      ending(status));
}

/* ---- threads ---- */

static pthread_barrier_t barrier;

/* Each has its own stack, its own page and its own thread's number. */
static void *enter_together(void *arg)
{
	long tid = syscall(SYS_gettid), bad = 0, i;
	unsigned char *page = must_map(NULL, PAGE, RW, ANON);
	static volatile ulong never;

	pthread_barrier_wait(&barrier);
	for (i = 0; i < 300; i++) {
		bad += syscall(SYS_gettid) != tid;
		page[i] = (unsigned char)i;
		bad += page[i] != (unsigned char)i;
		if (i % 16 == 15)
			madvise(page, PAGE, MADV_DONTNEED);
		bad += !checked_calls(8, (ulong)getppid(), &never, (ulong)(tid << 20) + (ulong)arg);
	}
	return (void *)bad;
}

static int threads(ulong arg)
{
	pthread_t thread[THREADS];
	void *bad, *sum = NULL;
	ulong i;

	(void)arg;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		if (pthread_create(&thread[i], NULL, enter_together, (void *)i))
			return 2;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &bad);
		sum = (char *)sum + (ulong)bad;
	}
	return sum ? 8 : 7;
}

int main(void)
{
	int status;

	start_as_nobody();
	status = attempt(timer_storm, 1000);
	check(status == 7 << 8, "a timer's signals during calls (%s)", ending(status));
	status = attempt(process_storm, 0);
	check(status == 7 << 8, "another process's signals during calls (%s)", ending(status));
	status = attempt(threads, 0);
	check(status == 7 << 8, "threads that enter together (%s)", ending(status));
	rseqs();
	return comes_to_its_end();
}
