// SPDX-License-Identifier: GPL-2.0-only
/*
 * More scattered pages than the host has mappings for one process (vm.max_map_count, usually
 * 65530): the kernel must take mappings back and give them again, and no page may be mixed up.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE	4096ul
#define WORDS	(PAGE / 8)
#define PAGES	200000ul
#define STRIDE	(2 * WORDS)	/* every second page: no two of them are neighbours */
#define BYTES	(PAGES * STRIDE * 8)
#define FAR	7919		/* has no divisor in common with PAGES: each is far from the last */

static uint64_t *mem;
static struct timespec last;

static void phase(const char *what)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (what)
		note("%s: %.2f s", what,
		     now.tv_sec - last.tv_sec + (now.tv_nsec - last.tv_nsec) / 1e9);
	last = now;
}

static uint64_t value(size_t page, size_t word)
{
	return (page * WORDS + word + 1) * 0x9e3779b97f4a7c15ull;
}

static bool page_is_right(size_t page)
{
	uint64_t differs = 0;

	for (size_t w = 0; w < WORDS; w++)
		differs |= mem[page * STRIDE + w] ^ value(page, w);
	return !differs;
}

/* In their order, where a fault may also bring what is near. */
static size_t count_all_wrong(void)
{
	size_t wrong = 0;

	for (size_t i = 0; i < PAGES; i++)
		wrong += !page_is_right(i);
	return wrong;
}

/* Every step-th page, in an order in which no two are near each other. */
static size_t count_wrong(size_t step)
{
	size_t wrong = 0;

	for (size_t n = 0; n < PAGES; n += step)
		wrong += !page_is_right(n * FAR % PAGES);
	return wrong;
}

static void look_for_rights(void)
{
	size_t refused = 0;
	int status;

	/* Rights that were taken away must not come back with an evicted mapping. */
	mprotect(mem, BYTES, PROT_READ);
	check(count_wrong(10) == 0, "they can be read when they may only be read");
	for (size_t i = 0; i < PAGES; i += 12345) {
		pid_t pid = fork();

		if (!pid) {
			*(volatile uint64_t *)&mem[i * STRIDE] = 1;
			_exit(0);
		}
		waitpid(pid, &status, 0);
		refused += WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
	}
	check(refused == (PAGES + 12344) / 12345, "and not be written");
	phase("mprotect, and children that write");
}

int main(void)
{
	int status;
	pid_t pid;

	mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (!check(mem != MAP_FAILED, "1.6 GB of address space"))
		return 0;
	madvise(mem, BYTES, MADV_NOHUGEPAGE);
	phase(NULL);
	for (size_t n = 0; n < PAGES; n++) {
		size_t page = n * FAR % PAGES;

		for (size_t w = 0; w < WORDS; w++)
			mem[page * STRIDE + w] = value(page, w);
	}
	phase("200000 pages touched");
	check(count_all_wrong() == 0, "each of 200000 scattered pages has its content");
	phase("all read");
	check(count_wrong(5) == 0, "also from far to far");
	phase("40000 read from far to far");

	pid = fork();
	if (!pid) {
		size_t wrong = count_wrong(20);

		for (size_t i = 0; i < PAGES; i += 20)
			mem[i * STRIDE + i % WORDS] = 0;
		_exit(wrong ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "a child sees them");
	phase("a child reads and writes 10000");
	check(count_all_wrong() == 0, "and changes none of its parent's");
	phase("all read again");
	look_for_rights();
	return check_end();
}
