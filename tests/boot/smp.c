// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program sees of several CPUs. usage: smp TEST, one of those at the end of this file;
 * `smp serve` answers lines of its stdin until "end", while two of its threads spin.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int nr_cpus;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static bool bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* ---- two threads that spin on each other's words ---- */

static struct {
	_Atomic uint64_t word;
	char pad[120];
	atomic_bool over;
	_Atomic int wrong_cpu;
} ball;

static void *player(void *arg)
{
	uint64_t side = (uintptr_t)arg;

	if (!bind_to((int)side))
		atomic_fetch_add(&ball.wrong_cpu, 1);
	for (;;) {
		uint64_t word;

		do {
			if (atomic_load_explicit(&ball.over, memory_order_relaxed))
				return NULL;
			word = atomic_load_explicit(&ball.word, memory_order_acquire);
		} while (word % 2 != side);
		atomic_store_explicit(&ball.word, word + 1, memory_order_release);
		if (word % 4096 == side && sched_getcpu() != (int)side)
			atomic_fetch_add(&ball.wrong_cpu, 1);
	}
}

static void start_players(pthread_t threads[2])
{
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, player, (void *)i);
}

static void stop_players(pthread_t threads[2])
{
	atomic_store(&ball.over, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

/*
 * Threads that only take turns hand over once a time slice: a few hundred times in all. Only
 * those that execute at once reach the goal.
 */
static void test_words(void)
{
	const uint64_t goal = 1000000;
	double start = now();
	pthread_t threads[2];
	uint64_t got;

	start_players(threads);
	while (atomic_load(&ball.word) < goal && now() - start < 20)
		usleep(2000);
	got = atomic_load(&ball.word);
	stop_players(threads);
	note("%lu words, %.0f ns each", got, (now() - start) * 1e9 / (double)(got ? got : 1));
	check(got >= goal, "two threads of one process hand each other words by spinning");
	check(!ball.wrong_cpu, "on the CPUs that they are bound to");
}

static void serve(void)
{
	pthread_t threads[2];
	char line[100];

	start_players(threads);
	while (atomic_load(&ball.word) < 2)
		usleep(1000);
	printf("serving\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
		uint64_t before = atomic_load(&ball.word);
		double start = now();

		while (atomic_load(&ball.word) < before + 1000 && now() - start < 20)
			usleep(1000);
		line[strcspn(line, "\n")] = 0;
		printf("%s: %s\n", line,
		       atomic_load(&ball.word) >= before + 1000 ? "goes on" : "stands still");
		fflush(stdout);
	}
	stop_players(threads);
}

/* ---- registers over migrations ---- */

struct vectors {
	uint8_t in[16][32], out[16][32];
	uint32_t mxcsr_in, mxcsr_out;
	uint64_t x87_in, x87_out;
};

#define EACH16(x) \
	x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define LOAD_Y(n)	"vmovdqu " #n "*32(%[v]), %%ymm" #n "\n\t"
#define SAVE_Y(n)	"vmovdqu %%ymm" #n ", 512+" #n "*32(%[v])\n\t"
#define LOAD_X(n)	"movdqu " #n "*32(%[v]), %%xmm" #n "\n\t"
#define SAVE_X(n)	"movdqu %%xmm" #n ", 512+" #n "*32(%[v])\n\t"
#define X87_LOAD	"fildll 1032(%[v])\n\tldmxcsr 1024(%[v])\n\t"
#define X87_SAVE	"fistpll 1040(%[v])\n\tstmxcsr 1028(%[v])\n\tldmxcsr %[normal]\n\t"
#define CLOBBER(n)	, "xmm" #n
#define ALL_X		EACH16(CLOBBER)

/* The registers are loaded before the system call that migrates, and looked at behind it. */
static long migrate(struct vectors *v, const cpu_set_t *set, bool avx)
{
	static const uint32_t normal = 0x1f80;
	long ret;

	if (avx)
		__asm__ volatile(EACH16(LOAD_Y) X87_LOAD
				 "syscall\n\t" X87_SAVE EACH16(SAVE_Y) "vzeroupper"
				 : "=a"(ret)
				 : "a"(SYS_sched_setaffinity), "D"(0), "S"(sizeof(*set)),
				   "d"(set), [v] "r"(v), [normal] "m"(normal)
				 : "rcx", "r11", "memory" ALL_X);
	else
		__asm__ volatile(EACH16(LOAD_X) X87_LOAD "syscall\n\t" X87_SAVE EACH16(SAVE_X)
				 : "=a"(ret)
				 : "a"(SYS_sched_setaffinity), "D"(0), "S"(sizeof(*set)),
				   "d"(set), [v] "r"(v), [normal] "m"(normal)
				 : "rcx", "r11", "memory" ALL_X);
	return ret;
}

static _Atomic int lost, failed, elsewhere;

static void *migrant(void *arg)
{
	bool avx = __builtin_cpu_supports("avx");
	uint32_t seed = (uint32_t)(uintptr_t)arg * 2654435761u + 1;
	int width = avx ? 32 : 16;
	struct vectors v;

	_Static_assert(offsetof(struct vectors, x87_out) == 1040, "the offsets in the asm");
	for (int round = 0; round < 2000; round++) {
		int cpu = (round + (int)(uintptr_t)arg) % nr_cpus;
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		memset(&v, 0, sizeof(v));
		for (int i = 0; i < 16; i++)
			for (int k = 0; k < width; k++)
				v.in[i][k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		v.x87_in = seed;
		/* One of the four ways to round, in place of a constant. */
		v.mxcsr_in = 0x1f80 | (seed >> 5 & 3) << 13;
		if (migrate(&v, &set, avx))
			atomic_fetch_add(&failed, 1);
		if (memcmp(v.in, v.out, sizeof(v.in)) || v.x87_in != v.x87_out ||
		    v.mxcsr_in != v.mxcsr_out)
			atomic_fetch_add(&lost, 1);
		if (sched_getcpu() != cpu)
			atomic_fetch_add(&elsewhere, 1);
	}
	return NULL;
}

static void test_fpu(void)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, migrant, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	check(!failed, "4 threads move 2000 times each to another CPU (%d failed)", failed);
	check(!elsewhere, "and are there at once (%d were elsewhere)", elsewhere);
	check(!lost, "vector registers, mxcsr and x87 move with them (%d lost)", lost);
}

/* ---- time on each CPU ---- */

static _Atomic int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static bool sleeps(void)
{
	for (int i = 0; i < 5; i++) {
		struct timespec ts = { 0, 3000000 };
		double start = now(), took;

		while (nanosleep(&ts, &ts) && errno == EINTR)
			;
		took = now() - start;
		if (took < 0.003 || took > 5) {
			note("3 ms took %.6f s", took);
			return false;
		}
	}
	return true;
}

/* A timer that comes while the program computes, without any system call. */
static bool timer_comes(int which, int sig)
{
	struct itimerval it = { { 0, 5000 }, { 0, 5000 } };
	double start = now();

	alarms = 0;
	signal(sig, on_alarm);
	setitimer(which, &it, NULL);
	while (alarms < 3 && now() - start < 20)
		;
	memset(&it, 0, sizeof(it));
	setitimer(which, &it, NULL);
	signal(sig, SIG_IGN);
	return alarms >= 3;
}

static void test_time(void)
{
	int sleeping = 0, real = 0, prof = 0, cputime = 0;

	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		struct timespec before, after;

		bind_to(cpu);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		sleeping += sleeps();
		real += timer_comes(ITIMER_REAL, SIGALRM);
		prof += timer_comes(ITIMER_PROF, SIGPROF);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		cputime += after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec;
	}
	check(sleeping == nr_cpus, "sleeps last on %d of %d CPUs", sleeping, nr_cpus);
	check(real == nr_cpus, "timers interrupt a loop on %d of %d CPUs", real, nr_cpus);
	check(prof == nr_cpus, "so do those of used time: %d of %d", prof, nr_cpus);
	check(cputime == nr_cpus, "and that time is counted: %d of %d", cputime, nr_cpus);
}

/* The clock read on one CPU is never behind what was read before on another. */
static _Atomic uint64_t latest;
static _Atomic int backwards;

static void *clock_reader(void *arg)
{
	bind_to((int)(uintptr_t)arg);
	for (int i = 0; i < 200000; i++) {
		uint64_t seen = atomic_load(&latest), mine;
		struct timespec ts;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		mine = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
		if (mine < seen)
			atomic_fetch_add(&backwards, 1);
		while (seen < mine && !atomic_compare_exchange_weak(&latest, &seen, mine))
			;
	}
	return NULL;
}

static void test_clock(void)
{
	pthread_t threads[64];

	for (uintptr_t i = 0; i < (uintptr_t)nr_cpus; i++)
		pthread_create(&threads[i], NULL, clock_reader, (void *)i);
	for (int i = 0; i < nr_cpus; i++)
		pthread_join(threads[i], NULL);
	check(!backwards, "no CPU's clock is behind another's (%d times)", backwards);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "words", test_words },
	{ "fpu", test_fpu },
	{ "time", test_time },
	{ "clock", test_clock },
};

int main(int argc, char **argv)
{
	bool known = false;

	nr_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		serve();
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		for (int k = 1; k < argc; k++)
			if (!strcmp(argv[k], tests[i].name)) {
				known = true;
				tests[i].run();
			}
	return known ? check_end() : 2;
}
