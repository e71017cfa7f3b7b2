// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for debuggers to look at. `target count` works and prints, `target crash` dies of a
 * wild write in a call chain while another thread waits, `target wait` waits to be attached to.
 */
#pragma GCC optimize("O0") /* arguments where the debugger looks for them */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t both;
volatile int progress = 7;
int numbers[4] = { 10, 20, 30, 40 };

__attribute__((noinline)) int leaf(int n, int *at)
{
	*at = n;
	progress += n;
	return n * 2;
}

__attribute__((noinline)) int middle(int n, int *at)
{
	int result = leaf(n + 1, at);

	return result + 1;
}

static void *waiter(void *arg)
{
	pthread_barrier_wait(&both);
	pause();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int sum = 0;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "count")) {
		for (int i = 0; i < 3; i++)
			sum += middle(i, &numbers[i]);
		printf("sum %d progress %d\n", sum, progress);
		return 5;
	}
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&thread, NULL, waiter, NULL);
	pthread_barrier_wait(&both);
	if (!strcmp(argv[1], "crash"))
		return middle(41, (int *)0x1234560);
	puts("waiting");
	fflush(stdout);
	while (progress)
		sleep(1);
	return 6;
}
