/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every test kernel has: checks that print TAP lines, pages, and users, each a
 * program in a space of its own or in another's.
 *
 * A test kernel defines test(). It runs on vCPU 0's boot stack, interrupts off;
 * when it returns, the VM powers off with status 0 if every check held, else 1.
 */
#ifndef GUESTS_LIB_H
#define GUESTS_LIB_H

#include <kap/machine.h>

#define NULL	((void *)0)
#define PAGE	KAP_PAGE_SIZE

void test(void);

/* ---- output ----------------------------------------------------------- */

/* %s, %d, %u, %x (both 64 bits wide) */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One TAP line; returns the condition. */
int check(int ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define check_eq(got, want, what)								\
	({											\
		kap_u64 got_ = (kap_u64)(got), want_ = (kap_u64)(want);				\
		check(got_ == want_, what) ?                                        \
			1 :                                                         \
			(say("# %s: got %lx, wanted %lx\n", #got, got_, want_), 0); \
	})

void skip(const char *what, const char *why);

/* Ends the VM now; for what makes every later check senseless. */
void give_up(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Whether the word is on the kernel command line. */
int asked(const char *word);

/* ---- memory ------------------------------------------------------------ */

/* Zeroed pages, never given back. */
void *pages(unsigned int n);

void *memset(void *p, int c, unsigned long n);
void *memcpy(void *to, const void *from, unsigned long n);
int memcmp(const void *a, const void *b, unsigned long n);

/* ---- interrupts and traps of kernel code ------------------------------- */

/* Called with interrupts off. By default bells are counted, and a trap is a panic. */
extern void (*on_interrupt)(struct kap_regs *regs);
extern void (*on_trap)(struct kap_regs *regs, const struct kap_trap *trap);
extern volatile unsigned int nr_interrupts;

void irqs_on(void);
void irqs_off(void);
int irqs_are_off(void);
kap_u32 this_cpu(void);

/* ---- users ------------------------------------------------------------- */

#define USER_CODE	0x10000000UL	/* r-x, one page */
#define USER_DATA	0x20000000UL	/* rw-, one page */
#define USER_STACK	0x7ffff0000000UL /* rw-, one page below */

struct user {
	struct kap_space *space;
	struct kap_space own;
	struct kap_regs regs;
	struct kap_fpu fpu;
	struct kap_trap trap;
	kap_u8 *code;		/* the kernel's view of its pages */
	kap_u8 *data;
};

/* User code in assembler, position independent. */
#define USER_PROGRAM(name, text)								\
	extern const char name[], name##_end[];							\
	asm(".pushsection .rodata.user, \"a\"\n" #name ":\n" text "\n" #name "_end:\n"		\
	    ".popsection")

/* A user with a new space, pages and all; from: null, or whose space and pages it shares. */
void user_create(struct user *u, struct user *from);
void user_destroy(struct user *u);

/* Replaces the program and goes to its start, with all registers zero. */
#define user_load(u, name) user_load_range(u, name, name##_end)
void user_load_range(struct user *u, const char *start, const char *end);

/* One kap_run_user(): the kind of trap. */
kap_u32 user_step(struct user *u);

/* Runs until something else than a doorbell; pending bells are taken and forgotten. */
kap_u32 user_run(struct user *u);

/* user_run() with a deadline, for code that must not come back: a doorbell when time is over. */
kap_u32 user_run_for(struct user *u, kap_u64 ns);

/* ---- the script outside ------------------------------------------------ */

/*
 * Tells the script that runs this kernel to do something ("ASK what TID") to the user's
 * host thread, and waits until it sends that thread a signal.
 */
void ask_script(struct user *u, const char *what);

#endif
