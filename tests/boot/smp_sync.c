// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel promises to programs that count on knowing their CPU, or on what other CPUs have
 * seen: getcpu, rseq, membarrier. usage: smp_sync TEST...
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static int nr_cpus;

static bool bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static volatile struct rseq *my_rseq(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* ---- which CPU is this? ---- */

/* The field of /proc/self/stat that says where the thread ran last. */
static int stat_cpu(void)
{
	char text[1024] = "", *p;
	FILE *f = fopen("/proc/thread-self/stat", "r");
	int cpu = -1;

	if (!f)
		return -1;
	p = fgets(text, sizeof(text), f);
	fclose(f);
	p = p ? strrchr(text, ')') : NULL;
	for (int field = 2; p && field < 39; field++)
		p = strchr(p + 1, ' ');
	if (p)
		cpu = atoi(p + 1);
	return cpu;
}

static void test_agree(void)
{
	int wrong = 0;

	for (int round = 0; round < 20; round++) {
		for (int cpu = 0; cpu < nr_cpus; cpu++) {
			unsigned int vdso = 999, call = 999;
			cpu_set_t set;

			if (!bind_to(cpu)) {
				note("CPU %d: no affinity", cpu);
				wrong++;
				continue;
			}
			getcpu(&vdso, NULL);
			syscall(SYS_getcpu, &call, NULL, NULL);
			sched_getaffinity(0, sizeof(set), &set);
			if ((int)vdso == cpu && (int)call == cpu && sched_getcpu() == cpu &&
			    stat_cpu() == cpu && CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set) &&
			    (!__rseq_size || (int)my_rseq()->cpu_id == cpu))
				continue;
			if (!wrong++)
				note("bound to CPU %d: vdso says %u, getcpu %u, stat %d, rseq %d",
				     cpu, vdso, call, stat_cpu(), (int)my_rseq()->cpu_id);
		}
	}
	check(__rseq_size > 0, "rseq is there");
	check(!wrong, "vdso, getcpu, rseq, stat and the affinity name the same CPU (%d don't)",
	      wrong);
}

/* ---- membarrier ---- */

static struct {
	_Atomic int go, done;
	char pad1[120];
	_Atomic int x, seen_y;
	char pad2[120];
	_Atomic int y;
	_Atomic int want;
	int (*function)(void);
	atomic_bool over;
	_Atomic int stale;
} shared;

#define RELAXED memory_order_relaxed

/* The side that pays nothing: a store, then a load, which a CPU may swap. */
static void *cheap_side(void *arg)
{
	int rounds = (int)(intptr_t)arg;

	bind_to(1);
	for (int r = 1; r <= rounds; r++) {
		while (atomic_load_explicit(&shared.go, memory_order_acquire) < r)
			;
		atomic_store_explicit(&shared.x, r, RELAXED);
		atomic_signal_fence(memory_order_seq_cst);
		atomic_store_explicit(&shared.seen_y, atomic_load_explicit(&shared.y, RELAXED),
				      RELAXED);
		atomic_store_explicit(&shared.done, r, memory_order_release);
	}
	return NULL;
}

static void test_barrier(void)
{
	const int rounds = 3000;
	int neither = 0, errors = 0;
	pthread_t thread;

	if (!check(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0),
		   "membarrier can be used"))
		return;
	bind_to(0);
	pthread_create(&thread, NULL, cheap_side, (void *)(intptr_t)rounds);
	for (int r = 1; r <= rounds; r++) {
		int seen_x;

		atomic_store_explicit(&shared.go, r, memory_order_release);
		for (volatile int wait = 0; wait < r % 64; wait++)
			;
		atomic_store_explicit(&shared.y, r, RELAXED);
		errors += syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0;
		seen_x = atomic_load_explicit(&shared.x, RELAXED);
		while (atomic_load_explicit(&shared.done, memory_order_acquire) < r)
			;
		neither += seen_x < r && atomic_load_explicit(&shared.seen_y, RELAXED) < r;
	}
	pthread_join(thread, NULL);
	check(!errors && !neither, "membarrier orders a running thread's accesses (%d not)",
	      neither);
}

static void *executor(void *arg)
{
	(void)arg;
	bind_to(1);
	while (!atomic_load(&shared.over)) {
		int want = atomic_load(&shared.want), got = shared.function();

		if (got < want)
			atomic_fetch_add(&shared.stale, 1);
		atomic_store(&shared.done, got);
	}
	return NULL;
}

static void test_code(void)
{
	/* nop; mov $0, %eax; ret: the constant lies in one aligned word. */
	uint8_t text[] = { 0x90, 0x90, 0x90, 0xb8, 0, 0, 0, 0, 0xc3 };
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int cmd = MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
	pthread_t thread;
	int errors = 0;

	if (!check(page != MAP_FAILED &&
			   !syscall(SYS_membarrier,
				    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0),
		   "membarrier SYNC_CORE can be used"))
		return;
	memcpy(page, text, sizeof(text));
	shared.function = (int (*)(void))(void *)page;
	shared.done = 0;
	bind_to(0);
	pthread_create(&thread, NULL, executor, NULL);
	for (int i = 1; i <= 2000; i++) {
		atomic_store((_Atomic int *)(page + 4), i);
		errors += syscall(SYS_membarrier, cmd, 0, 0) != 0;
		atomic_store(&shared.want, i);
		/* It has to be executed, else there is nothing that could be stale. */
		while (i % 10 == 0 && atomic_load(&shared.done) < i)
			;
	}
	atomic_store(&shared.over, true);
	pthread_join(thread, NULL);
	check(!errors && !shared.stale,
	      "code that another CPU changed is never stale behind it (%d times)", shared.stale);
}

/* ---- restartable sequences ---- */

#define INCREMENTS 100000

static struct {
	uint64_t count;
	char pad[120];
} counters[CPU_SETSIZE];
static _Atomic uint64_t aborts;

#define STRING(x)	#x
#define EXPANDED(x)	STRING(x)

/* Adds one to this CPU's counter, without any lock; false: it was disturbed, nothing happened. */
static bool add_one(unsigned int cpu, uint64_t *count)
{
	volatile struct rseq *r = my_rseq();

	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t"
		     ".balign 32\n"
		     "3:\t.long 0, 0\n\t"
		     ".quad 1f, 2f - 1f, 4f\n\t"
		     ".popsection\n\t"
		     "leaq 3b(%%rip), %%rax\n\t"
		     "movq %%rax, %[cs]\n"
		     "1:\tcmpl %[cpu], %[cpu_id]\n\t"
		     "jnz 4f\n\t"
		     "movq %[count], %%rax\n\t"
		     /* A wide gap, so that it is hit. */
		     "movl $20, %%ecx\n"
		     "5:\tpause\n\t"
		     "decl %%ecx\n\t"
		     "jnz 5b\n\t"
		     "incq %%rax\n\t"
		     "movq %%rax, %[count]\n"
		     "2:\n\t"
		     ".pushsection __rseq_failure, \"ax\"\n\t"
		     ".byte 0x0f, 0xb9, 0x3d\n\t"
		     ".long " EXPANDED(RSEQ_SIG) "\n"
		     "4:\tjmp %l[disturbed]\n\t"
		     ".popsection"
		     :
		     : [cpu] "r"(cpu), [cpu_id] "m"(r->cpu_id), [cs] "m"(r->rseq_cs),
		       [count] "m"(*count)
		     : "rax", "rcx", "memory", "cc"
		     : disturbed);
	return true;
disturbed:
	return false;
}

static void *counter(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg * 7919 + 1;
	cpu_set_t all;

	CPU_ZERO(&all);
	for (int i = 0; i < nr_cpus; i++)
		CPU_SET(i, &all);
	for (int i = 0; i < INCREMENTS; i++) {
		unsigned int cpu;

		/* Some moves by itself; the scheduler makes the others. */
		if (i % 500 == 0) {
			seed = seed * 1664525 + 1013904223;
			bind_to((int)((seed >> 16) % (uint32_t)nr_cpus));
			sched_setaffinity(0, sizeof(all), &all);
		}
		for (;;) {
			cpu = my_rseq()->cpu_id_start;
			if (add_one(cpu, &counters[cpu].count))
				break;
			atomic_fetch_add(&aborts, 1);
		}
	}
	return NULL;
}

static void test_rseq(void)
{
	pthread_t threads[16];
	int nr = nr_cpus * 2 < 16 ? nr_cpus * 2 : 16, used = 0;
	uint64_t sum = 0;

	if (!__rseq_size)
		return;
	for (uintptr_t i = 0; i < (uintptr_t)nr; i++)
		pthread_create(&threads[i], NULL, counter, (void *)i);
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		sum += counters[i].count;
		used += counters[i].count > 0;
	}
	note("%d threads on %d CPUs, %lu sequences were disturbed", nr, used, aborts);
	check(used == nr_cpus, "sequences of rseq ran on all CPUs");
	check(sum == (uint64_t)nr * INCREMENTS, "each of them once: %lu of %lu", sum,
	      (uint64_t)nr * INCREMENTS);
	check(aborts > 0, "some were disturbed, and said so");
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "agree", test_agree },
	{ "barrier", test_barrier },
	{ "code", test_code },
	{ "rseq", test_rseq },
};

int main(int argc, char **argv)
{
	bool known = false;

	nr_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		for (int k = 1; k < argc; k++)
			if (!strcmp(argv[k], tests[i].name)) {
				known = true;
				tests[i].run();
			}
	return known ? check_end() : 2;
}
