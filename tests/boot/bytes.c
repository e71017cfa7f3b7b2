// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code in a page where constants have the bytes of WRPKRU and XRSTOR, which the direct engine
 * does not let user code have: it has to compute what it says all the same.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "check.h"

/* In three pages: the one in the middle has the bytes, instructions lie across both borders. */
long across(long n);
int with_bytes(void);
extern char bytes_at[];
asm(".section .text.bytes, \"ax\"\n"
    ".balign 4096\n"
    "	.skip 4096 - 12, 0xcc\n"
    "across:\n"
    "	xor %eax, %eax\n" /* 2 */
    "	mov %rdi, %rcx\n" /* 3 */
    "	nop; nop; nop; nop\n" /* 4, then 3 of 5 bytes are left */
    "	mov $0x00ef010f, %edx\n"
    "1:	add %rdx, %rax\n"
    "	lea 0x28ae0f(%rax), %rax\n"
    "	sub $0x28ae0f, %rax\n"
    "	push %rax\n"
    "	call 2f\n"
    "	pop %rax\n"
    "	dec %rcx\n"
    "	jnz 1b\n"
    "	jmp 3f\n"
    "2:	movups %xmm0, -64(%rsp)\n"
    "	ret\n"
    "with_bytes:\n"
    "	.byte 0xb8\n"
    "bytes_at:\n"
    "	.byte 0x0f, 0x01, 0xef, 0\n"
    "	ret\n"
    "	.balign 4096, 0xcc\n"
    "	.skip 4096, 0x90\n"
    "3:	ret\n"
    "	.balign 4096, 0xcc\n"
    ".text\n");

#define WORTH(n) ((n)*0xef010fL)

static sigjmp_buf escape;

static void on_fault(int sig)
{
	siglongjmp(escape, sig);
}

static volatile int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void *in_a_thread(void *arg)
{
	int i, good = 0;

	for (i = 0; i < 20; i++)
		good += across(50) == WORTH(50);
	*(int *)arg = good;
	return NULL;
}

int main(void)
{
	volatile unsigned int factor = 0xef01 << 8;
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	int good[3] = { 0 }, sig, i;
	pthread_t thread[3];

	check(with_bytes() == (int)(factor | 0x0f), "a constant");
	check(!memcmp(bytes_at, "\x0f\x01\xef", 4), "its bytes can be read");
	check(across(200) == WORTH(200), "a loop with calls, across pages");
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0, sig = 0; alarms < 5; i++)
		sig += across(50) == WORTH(50);
	check(sig == i, "the same while signals come");
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, in_a_thread, &good[i]);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	check(good[0] + good[1] + good[2] == 60, "the same in several threads");
	signal(SIGILL, on_fault);
	signal(SIGSEGV, on_fault);
	sig = sigsetjmp(escape, 1);
	if (!sig)
		((void (*)(void))bytes_at)();
	check(sig == SIGILL || sig == SIGSEGV, "a jump onto the bytes");
	return check_end();
}
