// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that does a bit of everything: it succeeds where the guest is healthy.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include <pthread.h>

static int exit_three(ulong arg)
{
	(void)arg;
	return 3;
}

static void *add(void *sum)
{
	int i;

	for (i = 0; i < 1000; i++)
		__atomic_fetch_add((long *)sum, getppid() > 0, __ATOMIC_RELAXED);
	return NULL;
}

static bool threads_add(void)
{
	pthread_t thread[4];
	long sum = 0;
	int i;

	for (i = 0; i < 4; i++) {
		if (pthread_create(&thread[i], NULL, add, &sum))
			return false;
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return sum == 4000;
}

int main(void)
{
	unsigned char *memory = must_map(NULL, 256 * PAGE, RW, ANON);
	volatile double one = 1.0;
	int i, good = 1;

	for (i = 0; i < 256; i++)
		memory[i * PAGE] = (unsigned char)i;
	for (i = 0; i < 256; i++)
		good &= memory[i * PAGE] == (unsigned char)i;
	for (i = 0; i < 20; i++)
		good &= attempt(exit_three, 0) == 3 << 8;
	good &= threads_add() && one / 4 == 0.25;
	return !good;
}
