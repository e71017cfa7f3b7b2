// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads of one program on two CPUs. One makes system calls and looks at each answer; the
 * other jumps onto the kernel's signal entry, with its stack pointer at places where the frame of
 * the first one's signals may be: it must not become the other CPU's kernel.
 * identity ADDRESS: of the entry.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define JUMPS 12000
#define FRAME_MAX 5120 /* bytes below the top of a stack in which a frame begins */

static volatile ulong stop, made, wrong, jumps;
static ulong entry;

static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *call(void *arg)
{
	long tid = syscall(SYS_gettid), parent = getppid();

	(void)arg;
	bind_to(0);
	while (!stop) {
		wrong += syscall(SYS_gettid) != tid;
		wrong += syscall(SYS_getppid) != parent;
		made++;
	}
	return NULL;
}

/* Returns by a signal's handler only. */
static void jump_with(ulong sp)
{
	asm volatile("mov %0, %%rsp\n\tjmp *%1" : : "r"(sp), "a"(entry) : "memory");
}

static int two_threads(ulong arg)
{
	static unsigned int before;
	static volatile ulong i;
	pthread_t thread;

	(void)arg;
	before = read_pkru();
	catch_faults();
	if (pthread_create(&thread, NULL, call, NULL))
		return 2;
	bind_to(1);
	while (!made)
		sched_yield();
	/* attempt() gives it 5 s of CPU time. */
	for (i = 0; i < JUMPS && clock() < 3 * CLOCKS_PER_SEC; i++) {
		ulong sp = KAP_DIRECT_STACKS + KAP_STACK_SIZE - 8 * (i % (FRAME_MAX / 8)) - 8;

		if (!sigsetjmp(escape, 1))
			jump_with(sp);
		wrong += read_pkru() != before;
		jumps++;
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("# %lu jumps during %lu calls\n", jumps, 2 * made);
	fflush(stdout);
	return wrong || jumps < 100 ? 8 : 7;
}

int main(int argc, char **argv)
{
	int status;

	start_as_nobody();
	if (argc != 2) {
		fprintf(stderr, "usage: identity ADDRESS\n");
		return 2;
	}
	entry = strtoul(argv[1], NULL, 16);
	status = attempt(two_threads, 0);
	check(status == 7 << 8 || died_of(status, SIGKILL),
	      "a thread on another's stack for signals (%s)", ending(status));
	return comes_to_its_end();
}
