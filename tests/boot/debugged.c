// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest program to be debugged from outside of the guest. `debugged loop` goes round until
 * stop_now is set, and prints what a debugger has changed; `debugged spin` makes no system call;
 * `debugged fast` makes nothing else.
 */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile int stop_now;
volatile unsigned long counter;
volatile int answer = 7;

/* getppid(2) at an address that has a name. */
__attribute__((noinline, noclone)) long ask(void)
{
	long result;

	asm volatile(".globl the_call\n"
		     "the_call:\n\t"
		     "syscall"
		     : "=a"(result)
		     : "0"((long)SYS_getppid)
		     : "rcx", "r11", "memory");
	return result;
}

__attribute__((noinline, noclone)) void touched(unsigned long n)
{
	counter = n;
	asm volatile("" ::: "memory");
}

__attribute__((noinline, noclone)) double half(double x)
{
	asm volatile("" : "+x"(x));
	return x / 2;
}

static void look(long parent)
{
	static int told, halved, answered;
	double h = half(3);
	long got = ask();

	if (got != parent && !told++)
		printf("told %ld\n", got);
	if (h != 1.5 && !halved++)
		printf("half %g\n", h);
	if (answer != 7 && !answered++)
		printf("answer %d\n", answer);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long parent = getppid();
	unsigned long n = 0;

	if (argc < 2)
		return 2;
	printf("%s %d\n", argv[1], getpid());
	fflush(stdout);
	if (!strcmp(argv[1], "spin"))
		while (!stop_now)
			counter++;
	if (!strcmp(argv[1], "fast"))
		while (!stop_now)
			ask();
	while (!stop_now) {
		touched(++n);
		look(parent);
		usleep(2000);
	}
	printf("stopped by hand\n");
	return 6;
}
