// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text of files that changes while programs execute it: by stores through another mapping, by
 * write(), beside system calls for which the kernel may keep text of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define PAGE 4096UL
#define CALLS 20
#define WINDOW 65536UL
#define WINDOWS 1024UL
#define SITE 64

/* mov $39,%eax; syscall; ret */
static const unsigned char getpid_code[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };

static int call(const void *code)
{
	int (*fn)(void) = (int (*)(void))code;

	return fn();
}

static int text_file(off_t size)
{
	char path[] = "/tmp/kap-text.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	unlink(path);
	if (!ftruncate(fd, size))
		return fd;
	close(fd);
	return -1;
}

/* mov $value,%eax; ret */
static void put_value(int fd, off_t at, int value)
{
	unsigned char code[6] = { 0xb8, value, 0, 0, 0, 0xc3 };

	check(pwrite(fd, code, sizeof(code), at) == sizeof(code), "code is written");
}

static void call_often(const unsigned char *code)
{
	for (int i = 0; i < CALLS; i++)
		call(code);
}

static void written(int flags, const char *how)
{
	int fd = text_file(64 * PAGE), first, second, third;
	unsigned char *text;

	check(pwrite(fd, getpid_code, sizeof(getpid_code), SITE) == sizeof(getpid_code), "a site");
	put_value(fd, 128, 1);
	put_value(fd, 40 * PAGE, 1);
	text = mmap(NULL, 64 * PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
	call_often(text + SITE);
	first = call(text + 40 * PAGE);
	put_value(fd, 40 * PAGE, 2);
	second = call(text + 40 * PAGE);
	call(text + 128);
	put_value(fd, 128, 3);
	third = call(text + 128);
	check(first == 1 && second == 2 && third == 3,
	      "write() to text that is executed, %s: %d %d %d", how, first, second, third);
	check(call(text + SITE) == getpid(), "and the call in it is one still");
	munmap(text, 64 * PAGE);
	close(fd);
}

static void stored(int fd, const char *what)
{
	unsigned char *rw, *rx, last[6] = { 0xb8, 3, 0, 0, 0, 0xc3 };
	int first, second, third;

	check(!ftruncate(fd, 64 * PAGE), "it has pages");
	put_value(fd, 40 * PAGE, 1);
	check(pwrite(fd, getpid_code, sizeof(getpid_code), SITE) == sizeof(getpid_code), "a site");
	rx = mmap(NULL, 64 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	call_often(rx + SITE);
	first = call(rx + 40 * PAGE);
	rw = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rw[40 * PAGE + 1] = 2;
	second = call(rx + 40 * PAGE);
	call_often(rx + SITE);
	memcpy(rw + 40 * PAGE, last, sizeof(last));
	third = call(rx + 40 * PAGE);
	check(first == 1 && second == 2 && third == 3, "stores to text of %s: %d %d %d", what,
	      first, second, third);
	munmap(rx, 64 * PAGE);
	munmap(rw, 64 * PAGE);
	close(fd);
}

static void far_into_a_file(void)
{
	int fd = text_file(5LL << 30), wrong = 0;
	unsigned char *text;

	check(pwrite(fd, getpid_code, sizeof(getpid_code), (4LL << 30) + SITE) ==
		      sizeof(getpid_code),
	      "a site behind 4 GiB");
	text = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 4LL << 30);
	for (int i = 0; i < CALLS; i++)
		wrong += call(text + SITE) != getpid();
	check(!wrong, "calls from text behind 4 GiB of a file");
	munmap(text, PAGE);
	close(fd);
}

static long free_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void many_sites(void)
{
	int fd = text_file(WINDOWS * WINDOW);
	unsigned char *first, *all;

	for (unsigned long w = 0; w < WINDOWS; w++)
		if (pwrite(fd, getpid_code, sizeof(getpid_code), w * WINDOW + SITE + w % 500 * 8) <
		    0)
			_exit(1);
	first = mmap(NULL, WINDOW, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	call_often(first + SITE);
	/* The same file at another address as well. */
	all = mmap(NULL, WINDOWS * WINDOW, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	for (unsigned long w = 1; w < WINDOWS; w++)
		for (int i = 0; i < 5; i++)
			call(all + w * WINDOW + SITE + w % 500 * 8);
	_exit(0);
}

static void memory_comes_back(void)
{
	long before = free_kib(), after;
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		many_sites();
	waitpid(pid, &status, 0);
	after = free_kib();
	note("%ld KiB less", before - after);
	check(!status && before - after < 32 * 1024,
	      "a program with calls in many pages leaves memory for others");
}

int main(void)
{
	written(MAP_PRIVATE, "private");
	written(MAP_SHARED, "shared");
	stored(memfd_create("text", 0), "a memfd");
	stored(memfd_create("text", 0), "a memfd");
	stored(text_file(0), "a file");
	far_into_a_file();
	memory_comes_back();
	return check_end();
}
