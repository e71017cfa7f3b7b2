// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: drop [ROUNDS]
 *
 * One thread drops a big region with madvise(); meanwhile another one drops single pages of it,
 * which the first may have taken out of the page tables but not yet flushed. Whoever has returned
 * from madvise() must find zeroes. Needs two CPUs.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (24ul << 20)
#define PAGE 4096ul

static unsigned char *region;
static atomic_int ready, go, done;
static unsigned long looks, stale;
static int rounds = 60;

static void *single_pages(void *arg)
{
	for (int round = 1; round <= rounds; round++) {
		atomic_store(&ready, round);
		while (atomic_load(&go) < round)
			;
		for (unsigned long at = 0; at < SIZE && atomic_load(&done) < round;
		     at += 37 * PAGE) {
			volatile unsigned char *page = region + at;

			madvise(region + at, PAGE, MADV_DONTNEED);
			looks++;
			if (*page == (unsigned char)round)
				stale++;
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 1)
		rounds = atoi(argv[1]);
	region = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED || pthread_create(&thread, NULL, single_pages, NULL)) {
		perror("drop");
		return 1;
	}
	for (int round = 1; round <= rounds; round++) {
		while (atomic_load(&ready) < round)
			;
		memset(region, round, SIZE);
		atomic_store(&go, round);
		madvise(region, SIZE, MADV_DONTNEED);
		atomic_store(&done, round);
	}
	pthread_join(thread, NULL);
	printf("stale %lu\n# looks %lu\n", stale, looks);
	return stale || !looks;
}
