// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that a program makes often from one place, which the direct engine patches: all that
 * a program can see of the place has to stay as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define OFTEN 100

/* In pages of their own. */
long site_getppid(void), site_read(long fd, void *buf, long len);
extern char site_text[], site_text_end[], site_insn[], site_after[];
asm(".section .text.sites, \"ax\"\n"
    ".balign 4096\n"
    "site_text:\n"
    "site_getppid:\n"
    "	mov $110, %eax\n"
    "site_insn:\n"
    "	syscall\n"
    "site_after:\n"
    "	ret\n"
    ".balign 16\n"
    "site_read:\n"
    "	xor %eax, %eax\n"
    "	syscall\n"
    "	ret\n"
    ".nops 11\n"
    ".balign 16\n"
    "	ret\n"
    ".balign 4096\n"
    "site_text_end:\n"
    ".text\n");

/* All registers with values of their own around the call; what they are behind it is stored. */
struct all {
	uint64_t r[15], flags; /* rbx rcx rdx rsi rdi rbp r8-r15 rax */
	uint8_t xmm[16][16];
};
struct all before, after;
uint64_t saved_sp;
void call_with_all(void);
asm(".text\n"
    "call_with_all:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rsp, saved_sp(%rip)\n"
    "	lea before(%rip), %rax\n"
    "	.set i, 0\n"
    "	.irp x,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu 128+16*i(%rax), %xmm\\x\n"
    "	.set i, i + 1\n"
    "	.endr\n"
    "	pushq 120(%rax)\n"
    "	mov (%rax), %rbx; mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rsi\n"
    "	mov 32(%rax), %rdi; mov 40(%rax), %rbp; mov 48(%rax), %r8; mov 56(%rax), %r9\n"
    "	mov 64(%rax), %r10; mov 72(%rax), %r11; mov 80(%rax), %r12; mov 88(%rax), %r13\n"
    "	mov 96(%rax), %r14; mov 104(%rax), %r15\n"
    "	popfq\n"
    "	call site_getppid\n"
    "	pushfq\n"
    "	mov %rax, 112+after(%rip)\n"
    "	lea after(%rip), %rax\n"
    "	popq 120(%rax)\n"
    "	mov %rbx, (%rax); mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rsi, 24(%rax)\n"
    "	mov %rdi, 32(%rax); mov %rbp, 40(%rax); mov %r8, 48(%rax); mov %r9, 56(%rax)\n"
    "	mov %r10, 64(%rax); mov %r11, 72(%rax); mov %r12, 80(%rax); mov %r13, 88(%rax)\n"
    "	mov %r14, 96(%rax); mov %r15, 104(%rax)\n"
    "	.set i, 0\n"
    "	.irp x,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu %xmm\\x, 128+16*i(%rax)\n"
    "	.set i, i + 1\n"
    "	.endr\n"
    "	cld\n"
    "	mov saved_sp(%rip), %rsp\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");

#define FLAGS_TESTED 0xcd5 /* CF PF AF ZF SF DF OF */

/* rcx is the address behind the call, r11 the flags, rax the result. */
static int registers_kept(unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < sizeof(before) / 8; i++)
		((uint64_t *)&before)[i] = 0x1111111111111111ULL * (i % 15 + 1) ^ (uint64_t)i << 40;
	before.flags = 0x202 | flags;
	call_with_all();
	if (after.r[1] != (uintptr_t)site_after || after.r[9] != after.flags ||
	    after.r[14] != (uint64_t)getppid() ||
	    (after.flags & FLAGS_TESTED) != (before.flags & FLAGS_TESTED))
		return 0;
	for (i = 0; i < 14; i++)
		if (i != 1 && i != 9 && after.r[i] != before.r[i])
			return 0;
	return !memcmp(before.xmm, after.xmm, sizeof(before.xmm));
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void every_us(int us)
{
	struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void registers(void)
{
	int i, good = 0;

	for (i = 0; i < OFTEN; i++)
		good += registers_kept(0) && registers_kept(0x8d5) && registers_kept(0x400);
	check(good == OFTEN, "registers and flags are kept by a call that comes often");

	signal(SIGALRM, on_alarm);
	every_us(300);
	for (i = 0, good = 0; alarms < 300; i++)
		good += registers_kept(i % 2 ? 0x8d5 : 0x400);
	every_us(0);
	check(good == i, "and while signals come all the time");
}

static void restart(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	int fds[2], i, good = 0, status;
	char c;

	if (pipe(fds))
		return;
	for (i = 0; i < OFTEN; i++) {
		c = 0;
		good += write(fds[1], "x", 1) == 1 && site_read(fds[0], &c, 1) == 1 && c == 'x';
	}
	check(good == OFTEN, "read() by its other form of site");
	sigaction(SIGALRM, &sa, NULL);
	alarms = 0;
	if (!fork()) {
		while (usleep(20000), kill(getppid(), SIGALRM), usleep(20000), 1)
			if (write(fds[1], "y", 1) == 1)
				_exit(0);
	}
	c = 0;
	check(site_read(fds[0], &c, 1) == 1 && c == 'y' && alarms,
	      "a read that a signal interrupts is restarted");
	sa.sa_flags = 0;
	sigaction(SIGALRM, &sa, NULL);
	wait(&status);
	every_us(20000);
	check(site_read(fds[0], &c, 1) == -EINTR, "or fails with EINTR");
	every_us(0);
}

/* The same text once more, at another address. */
static void second_mapping(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), i, good = 0;
	size_t len = site_text_end - site_text;
	static char buf[1 << 16];
	off_t at = 0;
	long (*fn)(void);
	char *p;

	/* Where in the file it is: by its contents. */
	while (pread(fd, buf, 4096, at) == 4096 && memcmp(buf, "\xb8\x6e\0\0\0\x0f\x05\xc3", 8))
		at += 4096;
	p = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, at);
	close(fd);
	if (!check(p != MAP_FAILED, "a second mapping of the program's text"))
		return;
	fn = (long (*)(void))(uintptr_t)p;
	for (i = 0; i < OFTEN; i++)
		good += fn() == getppid() && site_getppid() == getppid();
	check(good == OFTEN, "each mapping goes on where it was called");
	munmap(p, len);
}

/* Onto the SYSCALL alone, with another number. */
static long call_insn(long nr)
{
	long ret;

	asm volatile("call *%2" : "=a"(ret) : "0"(nr), "r"(site_insn) : "rcx", "r11", "memory");
	return ret;
}

static void in_the_middle(void)
{
	int i, good = 0;

	for (i = 0; i < OFTEN; i++)
		good += call_insn(SYS_getpid) == getpid();
	check(good == OFTEN, "a jump to the SYSCALL of a site calls what rax says");
}

static void forked(void)
{
	int i, good = 0, status;

	for (i = 0; i < 20; i++) {
		pid_t parent = getpid();

		if (!fork())
			_exit(site_getppid() == parent && registers_kept(0x8d5) ? 7 : 8);
		good += wait(&status) > 0 && WEXITSTATUS(status) == 7;
	}
	check(good == 20, "children make it, too");
}

/* Single steps through the site, of which none shows the kernel. */
static void stepped(void)
{
	int status, steps = 0, odd = 0;
	struct user_regs_struct regs;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (int i = 0; i < 3; i++)
			site_getppid();
		_exit(7);
	}
	waitpid(pid, &status, 0);
	while (WIFSTOPPED(status) && steps < 100000) {
		if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
			break;
		odd += regs.rip >= 0x600000000000 && regs.rip < 0x6f0000000000;
		if (regs.rip == (uintptr_t)site_after && regs.rax != (uint64_t)getpid())
			odd++;
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
			break;
		steps++;
		waitpid(pid, &status, 0);
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7 && !odd && steps > 10,
	      "a debugger steps through sites");
	if (!WIFEXITED(status))
		kill(pid, SIGKILL);
}

/* What reads the file sees the file. */
static void unchanged(void)
{
	char buf[8];
	int fd = open("/proc/self/mem", O_RDONLY);

	check(pread(fd, buf, 8, (off_t)(uintptr_t)site_text) == 8 &&
		      !memcmp(buf, "\xb8\x6e\0\0\0\x0f\x05\xc3", 8),
	      "/proc/self/mem shows the text as it is in the file");
	close(fd);
}

/* What makes the sites fast lies at a fixed address, which a program may want for itself. */
static void the_place(void)
{
	const size_t len = 1 << 16;
	char *p = mmap((void *)0x050f0000, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	size_t i, zeros = 0, good = 0;

	for (i = 0; p != MAP_FAILED && i < len; i++)
		zeros += !p[i];
	memset(p, 0x5a, len);
	for (i = 0; i < OFTEN; i++)
		good += registers_kept(0x8d5) && p[i] == 0x5a;
	check(zeros == len && good == OFTEN, "a mapping at 0x050f0000, and the sites go on");
	munmap(p, len);
	good = 0;
	for (i = 0; i < OFTEN; i++)
		good += registers_kept(0x8d5);
	check(good == OFTEN, "and when it is gone again");
}

int main(void)
{
	registers();
	restart();
	second_mapping();
	in_the_middle();
	forked();
	stepped();
	unchanged();
	the_place();
	return check_end();
}
