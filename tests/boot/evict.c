// SPDX-License-Identifier: GPL-2.0-only
/*
 * More scattered pages than the host has mappings for one process (vm.max_map_count, usually
 * 65530): the kernel must take mappings back and give them again, and no page may be mixed up.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE	4096ul
#define PAGES	200000ul
#define STRIDE	(2 * PAGE / 8)	/* every second page: no two of them are neighbours */

static uint64_t *mem;

static uint64_t value(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

/* Every step-th page; 7919 has no divisor in common with PAGES, so each is far from the last. */
static size_t count_wrong(size_t step)
{
	size_t wrong = 0;

	for (size_t n = 0; n < PAGES; n += step) {
		size_t i = n * 7919 % PAGES;

		wrong += mem[i * STRIDE + i % 512] != value(i);
	}
	return wrong;
}

int main(void)
{
	int status;
	pid_t pid;

	mem = mmap(NULL, PAGES * STRIDE * 8, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!check(mem != MAP_FAILED, "1.6 GB of address space"))
		return 0;
	madvise(mem, PAGES * STRIDE * 8, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		mem[i * STRIDE + i % 512] = value(i);
	check(count_wrong(1) == 0, "200000 scattered pages keep their values");

	pid = fork();
	if (!pid) {
		size_t wrong = count_wrong(20);

		for (size_t i = 0; i < PAGES; i += 20)
			mem[i * STRIDE + i % 512] = 0;
		_exit(wrong ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "a child sees them");
	check(count_wrong(10) == 0, "and changes none of its parent's");

	/* Rights that were taken away must not come back with an evicted mapping. */
	mprotect(mem, PAGES * STRIDE * 8, PROT_READ);
	check(count_wrong(2) == 0, "they can be read when they may only be read");
	pid = fork();
	if (!pid) {
		*(volatile uint64_t *)&mem[12345 * STRIDE] = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status), "and not be written");
	return check_end();
}
