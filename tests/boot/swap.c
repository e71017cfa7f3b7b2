// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes swap space of /dev/vda and uses more memory than there is: two processes, each page with a
 * value of its own, read back in another order, several times.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE	4096ul

static uint64_t value(size_t page, int who, int round)
{
	return page * 0x9e3779b97f4a7c15ull + who * 77 + round + 1;
}

static int hog(size_t pages, int who)
{
	uint64_t *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i, wrong = 0;

	if (mem == MAP_FAILED)
		return 1;
	for (i = 0; i < pages; i++)
		mem[i * PAGE / 8 + i % 512] = value(i, who, 0);
	for (int round = 0; round < 2; round++) {
		for (i = 0; i < pages; i++) {
			/* A step without a common divisor meets every page once. */
			size_t page = i * 7919 % pages;
			uint64_t *at = &mem[page * PAGE / 8 + page % 512];

			wrong += *at != value(page, who, round);
			*at = value(page, who, round + 1);
		}
	}
	return wrong ? 2 : 0;
}

int main(void)
{
	struct sysinfo info;
	size_t pages;
	int status, bad = 0;

	if (!check(!system("mkswap /dev/vda >/dev/null"), "mkswap"))
		return 0;
	check(!swapon("/dev/vda", 0), "swapon");
	sysinfo(&info);
	check(info.totalswap >= 100 << 20, "the swap space counts");
	pages = info.totalram * 7 / 10 / PAGE;
	for (int who = 0; who < 2; who++)
		if (!fork())
			_exit(hog(pages, who));
	while (wait(&status) > 0)
		bad |= status;
	check(!bad, "two programs that use 1.4 times the memory find all of their values");
	check(!swapoff("/dev/vda"), "swapoff");
	return check_end();
}
