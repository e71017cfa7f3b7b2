// SPDX-License-Identifier: GPL-2.0-only
/* The small kernel around each test: start, output, memory, interrupts. */
#include "lib.h"

/* The shim's: handles what rang while interrupts were off. */
void kap_poll_doorbell(void);

kap_u8 kap_boot_stack_base[KAP_STACK_SIZE] __attribute__((aligned(KAP_STACK_SIZE)));

static unsigned int nr_failed;
static kap_u64 next_page;

/* ---- output ----------------------------------------------------------- */

struct text {
	char s[400];
	unsigned int len;
};

static void put(struct text *t, char c)
{
	if (t->len < sizeof(t->s))
		t->s[t->len++] = c;
}

static void put_number(struct text *t, kap_u64 n, unsigned int base)
{
	char digits[24];
	int i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		put(t, digits[--i]);
}

static void format(struct text *t, const char *fmt, __builtin_va_list ap)
{
	for (; *fmt; fmt++) {
		int wide = 0;
		const char *s;
		kap_u64 n;

		if (*fmt != '%') {
			put(t, *fmt);
			continue;
		}
		while (*++fmt == 'l')
			wide = 1;
		switch (*fmt) {
		case 's':
			for (s = __builtin_va_arg(ap, const char *); *s; s++)
				put(t, *s);
			break;
		case 'd':
			n = wide ? __builtin_va_arg(ap, kap_s64) : __builtin_va_arg(ap, int);
			if ((kap_s64)n < 0) {
				put(t, '-');
				n = -n;
			}
			put_number(t, n, 10);
			break;
		case 'u':
		case 'x':
			n = wide ? __builtin_va_arg(ap, kap_u64) :
				   __builtin_va_arg(ap, unsigned int);
			put_number(t, n, *fmt == 'u' ? 10 : 16);
			break;
		default:
			put(t, '%');
		}
	}
}

void say(const char *fmt, ...)
{
	struct text t = { .len = 0 };
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	format(&t, fmt, ap);
	__builtin_va_end(ap);
	kap_log(t.s, t.len);
}

int check(int ok, const char *fmt, ...)
{
	struct text t = { .len = 0 };
	__builtin_va_list ap;

	nr_failed += !ok;
	__builtin_va_start(ap, fmt);
	for (const char *s = ok ? "ok - " : "not ok - "; *s; s++)
		put(&t, *s);
	format(&t, fmt, ap);
	put(&t, '\n');
	__builtin_va_end(ap);
	kap_log(t.s, t.len);
	return ok;
}

void skip(const char *what, const char *why)
{
	say("ok - %s # SKIP %s\n", what, why);
}

static void __attribute__((noreturn)) done(void)
{
	kap_exit(KAP_EXIT_POWEROFF, nr_failed ? 1 : 0, "test kernel is done", NULL);
}

void give_up(const char *fmt, ...)
{
	struct text t = { .len = 0 };
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	format(&t, fmt, ap);
	__builtin_va_end(ap);
	put(&t, 0);
	check(0, "%s", t.s);
	done();
}

int asked(const char *word)
{
	const char *at = kap_boot_info()->cmdline;

	while (*at) {
		unsigned int n = 0;

		while (word[n] && at[n] == word[n])
			n++;
		if (!word[n] && (!at[n] || at[n] == ' '))
			return 1;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return 0;
}

/* ---- memory ------------------------------------------------------------ */

void *memset(void *p, int c, unsigned long n)
{
	void *at = p;

	asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, unsigned long n)
{
	void *at = to;

	asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, unsigned long n)
{
	const kap_u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

static void *take(kap_u64 size, kap_u64 align)
{
	struct kap_boot *boot = kap_boot_info();
	kap_u64 at;

	if (!next_page)
		next_page = boot->kernel_end;
	at = (next_page + align - 1) & ~(align - 1);
	if (at + size > boot->mem_start + boot->mem_size)
		return NULL;
	next_page = at + size;
	return memset(kap_va(at), 0, size);
}

void *kap_kernel_alloc(unsigned int order)
{
	return take((kap_u64)PAGE << order, (kap_u64)PAGE << order);
}

void *pages(unsigned int n)
{
	void *p = take((kap_u64)n * PAGE, PAGE);

	if (!p)
		give_up("out of guest memory");
	return p;
}

/* ---- interrupts and traps of kernel code ------------------------------- */

volatile unsigned int nr_interrupts;

static void count_interrupt(struct kap_regs *regs)
{
	(void)regs;
	nr_interrupts++;
	kap_take_pending(this_cpu());
}

static void unexpected_trap(struct kap_regs *regs, const struct kap_trap *trap)
{
	say("# trap %u in the kernel, address %lx, ip %lx\n", trap->nr, trap->addr, regs->ip);
	kap_exit(KAP_EXIT_PANIC, 0, "unexpected trap in a test kernel", regs);
}

void (*on_interrupt)(struct kap_regs *regs) = count_interrupt;
void (*on_trap)(struct kap_regs *regs, const struct kap_trap *trap) = unexpected_trap;

void kap_kernel_interrupt(struct kap_regs *regs)
{
	on_interrupt(regs);
}

void kap_kernel_trap(struct kap_regs *regs, const struct kap_trap *trap)
{
	on_trap(regs, trap);
}

static volatile struct kap_stack *stack(void)
{
	return (struct kap_stack *)((kap_u64)__builtin_frame_address(0) &
				    ~(kap_u64)(KAP_STACK_SIZE - 1));
}

void irqs_off(void)
{
	stack()->irqs_off = 1;
}

void irqs_on(void)
{
	stack()->irqs_off = 0;
	if (__atomic_load_n(&kap_vcpu(stack()->cpu)->pending, __ATOMIC_RELAXED))
		kap_poll_doorbell();
}

kap_u32 this_cpu(void)
{
	return stack()->cpu;
}

int irqs_are_off(void)
{
	return stack()->irqs_off;
}

void kap_kernel_start(void)
{
	test();
	done();
}
