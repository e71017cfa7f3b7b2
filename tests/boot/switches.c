// SPDX-License-Identifier: GPL-2.0-only
/*
 * switches SECONDS: threads with different bases and vector registers take turns as fast as they
 * can while an interval timer ticks. No tick may be lost for good, whatever the vCPU was doing when
 * it came: a kernel that misses its own timer once has none any more.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define THREADS 3
#define TICK_US 1000
#define TOO_LONG_NS 3000000000ll

static atomic_uint turn;
static atomic_int over;
static atomic_llong ticked_ns;
static volatile sig_atomic_t ticks;
static __thread unsigned int own;

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void tick(int sig)
{
	(void)sig;
	ticks++;
	ticked_ns = now_ns();
}

static void *run(void *arg)
{
	unsigned int me = (uintptr_t)arg, at;

	own = me;
	while (!over) {
		at = turn;
		if (at % THREADS != me) {
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, at, NULL, NULL, 0);
			continue;
		}
		if (own != me) {
			printf("not ok - each thread has its own data: %u in place of %u\n", own,
			       me);
			exit(1);
		}
		turn = at + 1;
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long long end = now_ns() + (argc > 1 ? atoi(argv[1]) : 5) * 1000000000ll;
	struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
	pthread_t threads[THREADS];
	uintptr_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, tick);
	ticked_ns = now_ns();
	setitimer(ITIMER_REAL, &every, NULL);
	for (i = 1; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i)) {
			printf("not ok - threads\n");
			return 1;
		}
	/* The first of them is this one, which looks at the clock without waiting for it. */
	while (now_ns() < end) {
		unsigned int at = turn;

		if (now_ns() - ticked_ns > TOO_LONG_NS) {
			printf("not ok - the timer ticks on: none for 3 s, after %d ticks and %u "
			       "switches\n",
			       (int)ticks, turn);
			return 1;
		}
		if (at % THREADS) {
			sched_yield();
			continue;
		}
		turn = at + 1;
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
	}
	over = 1;
	turn++;
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
	for (i = 1; i < THREADS; i++) {
		/* Whose turn it is now doesn't matter any more. */
		turn++;
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
		pthread_join(threads[i], NULL);
	}
	printf("# %d ticks, %u switches\n", (int)ticks, turn);
	printf("ok - the timer ticks on while threads take turns\n");
	return 0;
}
