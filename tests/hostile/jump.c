// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jumps onto instructions of the kernel: `jump every COUNT` onto each of the first COUNT bytes of
 * its image, `jump every COUNT ADDRESS` of those from there on, `jump at ADDRESS...` onto each of
 * these; all with four sets of registers. However it
 * ends, the rights of user code must be what they were.
 */
#define _GNU_SOURCE
#include "hostile.h"

#define IMAGE (KAP_WINDOW + KAP_PHYS_RAM)
#define BATCH 400
#define STACK_SIZE (1UL << 16)
#define NR_SETS 4

/* What the direct engine's kernel has in PKRU, and user code. */
#define PKRU_KERNEL 0x55555540
#define PKRU_OPEN 0

enum { FAULTS, LANDED, SPUN, KILLED, WIDENED, NR_RESULTS };

struct tally {
	ulong next, made, result[NR_RESULTS];
};

static struct tally *tally;
static ulong first = IMAGE;
static unsigned int pkru_before, pkru_landed;
static unsigned char forged_image[8192] __attribute__((aligned(64)));
ulong jump_regs[3], jump_pointer, jump_sp, jump_target, landing_sp;
void jump_to_target(void);
void landing(void);
void landed(void);

asm(".text\n"
    "jump_to_target:\n"
    "	mov %rsp, landing_sp(%rip)\n"
    "	lea landing(%rip), %rdi\n"
    "	mov %rdi, %rsi\n"
    "	mov %rdi, %r8\n"
    "	mov %rdi, %r9\n"
    "	mov %rdi, %r10\n"
    "	mov %rdi, %r11\n"
    "	mov %rdi, %r12\n"
    "	mov %rdi, %r13\n"
    "	mov %rdi, %r14\n"
    "	mov %rdi, %r15\n"
    "	mov %rdi, %rbx\n"
    "	mov %rdi, %rbp\n"
    "	mov jump_pointer(%rip), %rdi\n"
    "	mov %rdi, %rsi\n"
    "	mov jump_regs(%rip), %rax\n"
    "	mov jump_regs+8(%rip), %rcx\n"
    "	mov jump_regs+16(%rip), %rdx\n"
    "	mov jump_sp(%rip), %rsp\n"
    "	jmp *jump_target(%rip)\n"
    "landing:\n"
    "	cld\n"
    "	mov landing_sp(%rip), %rsp\n"
    "	and $-16, %rsp\n"
    "	call landed\n"
    "	ud2\n");

void landed(void)
{
	/* Before any system call, whose way back sets it. */
	pkru_landed = read_pkru();
	siglongjmp(escape, -1);
}

static void one_jump(ulong target, int set, ulong *stack)
{
	static const ulong rax[NR_SETS] = { PKRU_KERNEL, PKRU_OPEN, 0, 0x200 };
	ulong where = (ulong)landing;
	sigset_t open;
	unsigned int i;
	int sig;

	for (i = 0; i < STACK_SIZE / sizeof(*stack); i++)
		stack[i] = where;
	jump_regs[0] = set == 2 ? where : rax[set];
	jump_regs[1] = set == 2 ? where : 0;
	jump_regs[2] = set == 2 ? where : 0;
	/* The last set is what the kernel's xrstor would open every key with. */
	jump_pointer = set == 3 ? (ulong)&forged_image : where;
	jump_sp = (ulong)stack + STACK_SIZE / 2 + 8;
	if (set == 2)
		jump_sp = KAP_DIRECT_STACKS + KAP_STACK_SIZE / 2;
	jump_target = target;
	/* An earlier one may have been a system call that changed these. */
	catch_faults();
	sigemptyset(&open);
	sigprocmask(SIG_SETMASK, &open, NULL);
	sig = sigsetjmp(escape, 1);
	if (!sig) {
		limit_ms(200);
		jump_to_target();
	}
	if ((sig == -1 ? pkru_landed : read_pkru()) != pkru_before)
		tally->result[WIDENED]++;
	tally->result[sig == -1 ? LANDED : sig == SIGALRM ? SPUN : FAULTS]++;
}

/* From tally->next on, which the parent reads when this has been killed. */
static int batch(ulong end)
{
	const ulong *targets = (const ulong *)end;
	ulong *stack = must_map(NULL, STACK_SIZE, RW, ANON), i, last;

	last = tally->next + BATCH;
	for (i = tally->next; i < last; i++) {
		ulong target = targets ? targets[i / NR_SETS] : first + i / NR_SETS;

		if (targets && !target)
			break;
		tally->next = i + 1;
		one_jump(target, i % NR_SETS, stack);
		tally->made++;
	}
	return 0;
}

static void jumps(const char *name, const ulong *targets, ulong count)
{
	ulong total = count * NR_SETS, wanted = 0;

	memset(tally, 0, sizeof(*tally));
	while (tally->next < total) {
		ulong before = tally->next;

		if (attempt(batch, (ulong)targets) ||
		    tally->made != tally->next - tally->result[KILLED]) {
			tally->result[KILLED] += tally->next - tally->result[KILLED] - tally->made;
			if (tally->next == before)
				tally->next++; /* it never came to its first */
		}
		wanted = tally->next;
	}
	check(!tally->result[WIDENED] && tally->made + tally->result[KILLED] == wanted,
	      "%s: %lu jumps: %lu faults, %lu come back, %lu spin, %lu killed, %lu with "
	      "other rights",
	      name, wanted, tally->result[FAULTS], tally->result[LANDED], tally->result[SPUN],
	      tally->result[KILLED], tally->result[WIDENED]);
}

/* An xsave image in which PKRU is 0, and a stack that returns here: for the kernel's xrstor. */
static void forge_image(void)
{
	unsigned char *image = (void *)&forged_image;
	unsigned int a, offset = 0, c, d;

	image[24] = 0x80; /* MXCSR 0x1f80 */
	image[25] = 0x1f;
	*(ulong *)(image + 512) = 0x200;
	if (__get_cpuid_count(13, 9, &a, &offset, &c, &d) && a &&
	    offset + 8 <= sizeof(forged_image))
		memset(image + offset, 0, 8);
}

int main(int argc, char **argv)
{
	ulong *targets;
	int i;

	start_as_nobody();
	pkru_before = read_pkru();
	forge_image();
	tally = must_map(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "every")) {
		if (argc == 4)
			first = strtoul(argv[3], NULL, 16);
		jumps("every byte", NULL, strtoul(argv[2], NULL, 0));
		return comes_to_its_end();
	}
	if (argc < 3 || strcmp(argv[1], "at")) {
		fprintf(stderr, "usage: jump every COUNT [ADDRESS] | jump at ADDRESS...\n");
		return 2;
	}
	targets = calloc((size_t)argc, sizeof(*targets));
	for (i = 2; targets && i < argc; i++)
		targets[i - 2] = strtoul(argv[i], NULL, 16);
	jumps("instructions of the list", targets, (ulong)argc - 2);
	return comes_to_its_end();
}
