// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memory does for a program: each call must have its effect at once, for the program, for the
 * kernel that works on its behalf, and for those who share the memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul

static sigjmp_buf jump;
static volatile int got_code;
static void *volatile got_addr;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got_code = sig * 100 + info->si_code;
	got_addr = info->si_addr;
	siglongjmp(jump, 1);
}

/* 0 when the access works, else signal * 100 + si_code; -1 when the address told is wrong. */
static int access_code(volatile char *at, bool write)
{
	got_code = 0;
	if (sigsetjmp(jump, 1))
		return got_addr == (void *)at ? got_code : -1;
	if (write)
		*at = 1;
	else
		(void)*at;
	return 0;
}

#define MAPERR	(SIGSEGV * 100 + SEGV_MAPERR)
#define ACCERR	(SIGSEGV * 100 + SEGV_ACCERR)
#define BUSADR	(SIGBUS * 100 + BUS_ADRERR)

static char *anon(size_t pages, int flags)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
}

static int in_child(int (*fn)(char *), char *arg)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_protect(void)
{
	char *p = anon(64, MAP_PRIVATE);
	int wrong = 0;

	for (int i = 0; i < 64; i++)
		wrong += p[i * PAGE] != 0 || p[i * PAGE + 4095] != 0;
	check(!wrong, "fresh memory is zero");
	memset(p, 'x', 64 * PAGE);
	mprotect(p + 16 * PAGE, 16 * PAGE, PROT_READ);
	mprotect(p + 32 * PAGE, 16 * PAGE, PROT_NONE);
	check(access_code(p + 15 * PAGE, true) == 0 && access_code(p + 48 * PAGE, true) == 0,
	      "mprotect leaves its neighbours alone");
	check(access_code(p + 16 * PAGE, false) == 0 &&
		      access_code(p + 16 * PAGE, true) == ACCERR &&
		      access_code(p + 31 * PAGE, true) == ACCERR,
	      "read-only memory can't be written");
	check(access_code(p + 32 * PAGE, false) == ACCERR &&
		      access_code(p + 47 * PAGE + 7, true) == ACCERR,
	      "PROT_NONE is no memory");
	errno = 0;
	check(read(open("/dev/zero", O_RDONLY), p + 20 * PAGE, 10) < 0 && errno == EFAULT,
	      "nor does the kernel write there for a program");
	errno = 0;
	check(write(open("/dev/null", O_WRONLY), p + 33 * PAGE, 10) == 10 || errno == EFAULT,
	      "or fail for the wrong reason");
	mprotect(p, 64 * PAGE, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 64; i++)
		wrong += p[i * PAGE + 1] != 'x' || access_code(p + i * PAGE, true);
	check(!wrong, "rights come back, and the content was kept");
	munmap(p + 8 * PAGE, 8 * PAGE);
	check(access_code(p + 8 * PAGE, false) == MAPERR &&
		      access_code(p + 15 * PAGE, true) == MAPERR,
	      "what munmap took away is gone at once");
	check(access_code(p + 7 * PAGE, true) == 0 && access_code(p + 16 * PAGE, true) == 0,
	      "and nothing else");
	check(mmap(p + 8 * PAGE, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == p + 8 * PAGE &&
		      p[8 * PAGE] == 0,
	      "new memory in the same place is zero");
	check(mmap(p, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == p &&
		      p[PAGE] == 0 && p[40 * PAGE] == 0,
	      "MAP_FIXED replaces content");
	memset(p, 'y', 64 * PAGE);
	madvise(p + PAGE, 30 * PAGE, MADV_DONTNEED);
	check(p[0] == 'y' && p[PAGE] == 0 && p[30 * PAGE] == 0 && p[31 * PAGE] == 'y',
	      "MADV_DONTNEED zeroes, and only what it is told");
	munmap(p, 64 * PAGE);
	check(access_code(NULL, false) == MAPERR, "address 0");
}

static void test_mremap(void)
{
	char *p = anon(300, MAP_PRIVATE), *q;
	int wrong = 0;

	for (int i = 0; i < 300; i++)
		memset(p + i * PAGE, i, PAGE);
	q = mremap(p, 300 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	for (int i = 0; i < 300; i++)
		wrong += (uint8_t)q[i * PAGE + 99] != (uint8_t)i;
	check(q != MAP_FAILED && !wrong && q[300 * PAGE] == 0,
	      "mremap grows and keeps the content");
	p = anon(600, MAP_PRIVATE);
	memset(p, 'z', PAGE);
	check(mremap(q, 600 * PAGE, 600 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p,
	      "mremap moves onto other memory");
	for (int i = 0; i < 300; i++)
		wrong += (uint8_t)p[i * PAGE + 99] != (uint8_t)i;
	check(!wrong && access_code(q, false) == MAPERR &&
		      access_code(q + 299 * PAGE, true) == MAPERR,
	      "there it is, and nothing is left where it was");
	check(mremap(p, 600 * PAGE, 100 * PAGE, 0) == p && access_code(p + 99 * PAGE, true) == 0 &&
		      access_code(p + 100 * PAGE, false) == MAPERR,
	      "mremap shrinks");
	munmap(p, 100 * PAGE);
}

static int spoil(char *p)
{
	int same = 1;

	for (int i = 0; i < 100; i++)
		same &= p[i * PAGE] == 'p';
	memset(p, 'c', 100 * PAGE);
	for (int i = 0; i < 100; i++)
		same &= p[i * PAGE + 5] == 'c';
	return same ? 7 : 8;
}

/* The kernel writes into pages that are shared with the parent until then. */
static int read_into(char *p)
{
	int fds[2];

	if (pipe(fds) || write(fds[1], "kkkkkkkk", 8) != 8 || read(fds[0], p + PAGE - 4, 8) != 8)
		return 1;
	return memcmp(p + PAGE - 4, "kkkkkkkk", 8) ? 2 : 7;
}

static void test_fork(void)
{
	char *p = anon(100, MAP_PRIVATE), *s = anon(100, MAP_SHARED);
	int wrong = 0;

	memset(p, 'p', 100 * PAGE);
	memset(s, 'p', 100 * PAGE);
	check(in_child(spoil, p) == 7, "a child has its parent's memory, and writes into it");
	for (size_t i = 0; i < 100 * PAGE; i++)
		wrong += p[i] != 'p';
	check(!wrong, "private memory: the parent's stays");
	check(in_child(read_into, p) == 7 && p[PAGE - 1] == 'p' && p[PAGE] == 'p',
	      "also when the kernel writes into it");
	check(in_child(spoil, s) == 7, "shared memory: the child writes");
	for (size_t i = 0; i < 100 * PAGE; i++)
		wrong += s[i] != 'c';
	check(!wrong, "and the parent sees it");
	munmap(p, 100 * PAGE);
	munmap(s, 100 * PAGE);
}

static void test_file(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *s, *p, text[16];
	int wrong = 0;

	if (ftruncate(fd, 10 * PAGE + 100))
		return;
	s = mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p = mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	strcpy(s + 5 * PAGE, "from a mapping");
	check(pread(fd, text, 15, 5 * PAGE) == 15 && !strcmp(text, "from a mapping"),
	      "what a shared mapping wrote is read from the file");
	wrong += pwrite(fd, "by write", 9, 6 * PAGE) != 9;
	check(!wrong && !strcmp(s + 6 * PAGE, "by write") && !strcmp(p + 6 * PAGE, "by write"),
	      "what was written to the file is seen in mappings");
	strcpy(p + 6 * PAGE, "private");
	check(!strcmp(s + 6 * PAGE, "by write") && pread(fd, text, 9, 6 * PAGE) == 9 &&
		      !strcmp(text, "by write"),
	      "a private mapping changes nothing but itself");
	check(s[10 * PAGE + 200] == 0 && access_code(s + 11 * PAGE, false) == BUSADR,
	      "behind the end: zeroes in the last page, then SIGBUS");
	wrong += ftruncate(fd, 2 * PAGE);
	check(access_code(s + 5 * PAGE, false) == BUSADR &&
		      access_code(p + 6 * PAGE, false) == BUSADR,
	      "a file that becomes shorter takes its mappings along");
	munmap(s, 12 * PAGE);
	munmap(p, 12 * PAGE);
	close(fd);
}

static void test_code(void)
{
	/* mov $42, %eax; ret */
	static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	uint8_t *p = (uint8_t *)anon(2, MAP_PRIVATE);
	int (*fn)(void) = (int (*)(void))p;
	int wrong = 0;

	memcpy(p, code, sizeof(code));
	got_code = 0;
	if (!sigsetjmp(jump, 1))
		fn();
	check(got_code == ACCERR && got_addr == p, "data can't be executed");
	for (int i = 0; i < 100; i++) {
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
		p[1] = i;
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		wrong += fn() != i;
	}
	check(!wrong, "code that is written and made executable, 100 times anew");
	mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	for (int i = 0; i < 100; i++) {
		p[1] = i + 100;
		wrong += fn() != i + 100;
	}
	check(!wrong, "code that is changed in place");
	munmap(p, 2 * PAGE);
}

static int deep(int n)
{
	volatile char frame[8192];

	frame[0] = n;
	frame[8191] = n;
	return n ? deep(n - 1) + (frame[0] == (char)n) : 0;
}

static int overflow(char *unused)
{
	(void)unused;
	signal(SIGSEGV, SIG_DFL);
	return deep(1 << 30);
}

static void test_stack_and_heap(void)
{
	char *start = sbrk(0), *end;

	check(deep(800) == 800, "the stack grows by 6 MB");
	check(in_child(overflow, NULL) == 1000 + SIGSEGV, "and not without end");
	end = sbrk(4 << 20);
	check(end == start, "the heap grows");
	memset(start, 'h', 4 << 20);
	sbrk(-(2 << 20));
	check(start[(2 << 20) - 1] == 'h' && access_code(start + (2 << 20) + PAGE, false) == MAPERR,
	      "and shrinks");
	sbrk(2 << 20);
	check(start[3 << 20] == 0, "what it gets again is zero");
	sbrk(-(4 << 20));
}

static void test_others(void)
{
	char *p = anon(4, MAP_PRIVATE), *a, *b, text[8] = "";
	struct iovec local = { "by vm", 6 }, remote = { p + PAGE - 3, 6 };
	int fd, id, status;
	pid_t pid;

	check(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 6 &&
		      !strcmp(p + PAGE - 3, "by vm"),
	      "process_vm_writev");
	fd = open("/proc/self/mem", O_RDWR);
	mprotect(p, 4 * PAGE, PROT_READ);
	check(pwrite(fd, "by mem", 7, (off_t)(p + 2 * PAGE)) == 7 &&
		      !strcmp(p + 2 * PAGE, "by mem"),
	      "/proc/self/mem writes also what is read-only");
	close(fd);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	remote.iov_base = p + 2 * PAGE;
	remote.iov_len = 7;
	local.iov_base = text;
	local.iov_len = 7;
	check(process_vm_readv(pid, &local, 1, &remote, 1, 0) == 7 && !strcmp(text, "by mem"),
	      "process_vm_readv from a child");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);

	id = shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
	a = shmat(id, NULL, 0);
	b = shmat(id, NULL, SHM_RDONLY);
	strcpy(a + 3 * PAGE, "shm");
	check(a != (char *)-1 && b != (char *)-1 && !strcmp(b + 3 * PAGE, "shm") &&
		      access_code(b, true) == ACCERR,
	      "SysV shared memory, mapped twice");
	shmdt(a);
	check(access_code(a, false) == MAPERR && b[3 * PAGE] == 's', "and detached once");
	shmctl(id, IPC_RMID, NULL);

	fd = memfd_create("test", 0);
	if (ftruncate(fd, PAGE))
		return;
	a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 1000; i++) {
		*(volatile int *)a = i;
		if (*(volatile int *)b != i)
			strcpy(text, "stale");
	}
	check(strcmp(text, "stale"), "two mappings of one page are one page");
}

static char *volatile shared;
static volatile int rounds, faults;

static void *toucher(void *arg)
{
	(void)arg;
	while (rounds < 300) {
		char *p = shared;

		if (p && !sigsetjmp(jump, 1))
			p[0]++;
		else if (p)
			faults++;
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t thread;
	int wrong = 0;

	pthread_create(&thread, NULL, toucher, NULL);
	for (rounds = 0; rounds < 300; rounds++) {
		char *p = anon(16, MAP_PRIVATE);

		shared = p;
		p[5 * PAGE] = 1;
		sched_yield();
		munmap(p, 16 * PAGE);
		shared = NULL;
		/* Nothing of the old content may be in what comes to the same place. */
		p = anon(16, MAP_PRIVATE);
		wrong += p[5 * PAGE] != 0;
		munmap(p, 16 * PAGE);
	}
	pthread_join(thread, NULL);
	check(!wrong, "munmap under the hands of another thread");
	note("%d faults of the other thread", faults);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	test_protect();
	test_mremap();
	test_fork();
	test_file();
	test_code();
	test_stack_and_heap();
	test_others();
	test_threads();
	return check_end();
}
