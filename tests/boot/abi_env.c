// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program finds when it starts: the auxiliary vector, the vDSO, the thread's rseq area.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "abi.h"

#define ROUNDS	1000

static int (*vdso_clock_gettime)(clockid_t clock, struct timespec *ts);
static int (*vdso_clock_getres)(clockid_t clock, struct timespec *ts);
static int (*vdso_gettimeofday)(struct timeval *tv, struct timezone *tz);
static time_t (*vdso_time)(time_t *t);
static int (*vdso_getcpu)(unsigned int *cpu, unsigned int *node, void *unused);

/* ---- auxiliary vector */

/* From the kernel: libc puts an AT_HWCAP of its own over the kernel's. */
static unsigned long kernel_aux(unsigned long type)
{
	FILE *file = fopen("/proc/self/auxv", "r");
	Elf64_auxv_t aux;
	bool found = false;

	while (file && !found && fread(&aux, sizeof(aux), 1, file) == 1)
		found = aux.a_type == type;
	if (file)
		fclose(file);
	return found ? aux.a_un.a_val : 0;
}

static void auxv(void)
{
	unsigned int a, b, c, d, max, eax, ebx, ecx, edx;
	unsigned long hwcap2 = getauxval(AT_HWCAP2), fs;
	const char *random = (char *)getauxval(AT_RANDOM);
	const char *name = (char *)getauxval(AT_EXECFN);
	const char *platform = (char *)getauxval(AT_PLATFORM);

	__cpuid(1, a, b, c, d);
	/* FPU, TSC, CX8, CMOV, MMX, FXSR, SSE, SSE2 are what every 64-bit program relies on. */
	check(!(kernel_aux(AT_HWCAP) & ~(unsigned long)d) &&
		      (kernel_aux(AT_HWCAP) & 0x07808111) == 0x07808111,
	      "AT_HWCAP is what the CPU says");
	check(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100, "AT_PAGESZ, AT_CLKTCK");
	check(platform && !strcmp(platform, "x86_64"), "AT_PLATFORM");
	check(name && strstr(name, "abi_env"), "AT_EXECFN");
	check(random && memcmp(random, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), "AT_RANDOM");
	check(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() &&
	      getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid() &&
		      !getauxval(AT_SECURE),
	      "AT_UID, AT_GID, AT_SECURE");
	check(getauxval(AT_PHDR) && getauxval(AT_PHENT) == sizeof(Elf64_Phdr) &&
		      getauxval(AT_PHNUM) && getauxval(AT_ENTRY),
	      "AT_PHDR, AT_ENTRY");
	check(getauxval(AT_SYSINFO_EHDR) && !(getauxval(AT_SYSINFO_EHDR) & 4095),
	      "AT_SYSINFO_EHDR");

	max = __get_cpuid_max(0, NULL);
	if (max >= 0xd) {
		__cpuid_count(0xd, 0, eax, ebx, ecx, edx);
		if (!check(getauxval(AT_MINSIGSTKSZ) >= ebx, "AT_MINSIGSTKSZ holds the xstate"))
			note("%lu, xstate %u", getauxval(AT_MINSIGSTKSZ), ebx);
	}
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	if (ebx & 1) {
		check(hwcap2 & 2, "AT_HWCAP2 tells of fsgsbase");
		asm volatile("rdfsbase %0" : "=r"(fs));
		check(fs == (unsigned long)__builtin_thread_pointer(), "which works");
	}
	check(!(hwcap2 & ~3UL), "and of nothing unknown");
}

/* ---- vDSO */

static void *vdso_symbol(const char *wanted)
{
	const char *base = (char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *ehdr = (void *)base;
	const Elf64_Phdr *phdr = (void *)(base + ehdr->e_phoff);
	const Elf64_Sym *symtab = NULL, *sym;
	const char *strtab = NULL;
	const Elf64_Dyn *dyn;
	uint32_t count = 0;
	int i;

	for (i = 0; i < ehdr->e_phnum && phdr[i].p_type != PT_DYNAMIC; i++)
		;
	if (i == ehdr->e_phnum)
		return NULL;
	for (dyn = (void *)(base + phdr[i].p_offset); dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			symtab = (void *)(base + dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_STRTAB)
			strtab = base + dyn->d_un.d_ptr;
		else if (dyn->d_tag == DT_HASH)
			count = ((uint32_t *)(base + dyn->d_un.d_ptr))[1];
	}
	if (!count && symtab && strtab)	/* no DT_HASH: the string table is behind the symbols */
		count = (strtab - (char *)symtab) / sizeof(*symtab);
	for (sym = symtab; sym < symtab + count; sym++)
		if (sym->st_shndx != SHN_UNDEF && !strcmp(strtab + sym->st_name, wanted))
			return (void *)(base + sym->st_value);
	return NULL;
}

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static bool clock_agrees(clockid_t clock)
{
	struct timespec before, between, after;
	int i, bad = 0;

	for (i = 0; i < ROUNDS; i++) {
		syscall(SYS_clock_gettime, clock, &before);
		bad += vdso_clock_gettime(clock, &between) != 0;
		syscall(SYS_clock_gettime, clock, &after);
		if (ns(&before) > ns(&between) || ns(&between) > ns(&after)) {
			if (!bad++)
				note("clock %d: %lld, vDSO +%lld, +%lld", clock,
				     (long long)ns(&before),
				     (long long)(ns(&between) - ns(&before)),
				     (long long)(ns(&after) - ns(&before)));
		}
	}
	return !bad;
}

static void clocks(void)
{
	static const struct {
		const char *name;
		clockid_t clock;
	} all[] = {
		{ "CLOCK_REALTIME", CLOCK_REALTIME },
		{ "CLOCK_MONOTONIC", CLOCK_MONOTONIC },
		{ "CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW },
		{ "CLOCK_BOOTTIME", CLOCK_BOOTTIME },
		{ "CLOCK_TAI", CLOCK_TAI },
		{ "CLOCK_REALTIME_COARSE", CLOCK_REALTIME_COARSE },
		{ "CLOCK_MONOTONIC_COARSE", CLOCK_MONOTONIC_COARSE },
		{ "CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID },
	};
	struct timespec mine, theirs;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		check(clock_agrees(all[i].clock), "vDSO: %s agrees with its call", all[i].name);
		syscall(SYS_clock_getres, all[i].clock, &theirs);
		check(!vdso_clock_getres(all[i].clock, &mine) && ns(&mine) == ns(&theirs),
		      "vDSO: the resolution of %s too", all[i].name);
	}
	check(vdso_clock_gettime(99, &mine) == -EINVAL, "vDSO: an unknown clock is refused");
}

static void old_calls(void)
{
	int i, bad_tv = 0, bad_time = 0;
	struct timeval before, tv, after;
	time_t first, t, stored;

	for (i = 0; i < ROUNDS; i++) {
		syscall(SYS_gettimeofday, &before, NULL);
		bad_tv += vdso_gettimeofday(&tv, NULL) != 0;
		syscall(SYS_gettimeofday, &after, NULL);
		bad_tv += timercmp(&before, &tv, >) || timercmp(&tv, &after, >);

		first = syscall(SYS_time, NULL);
		t = vdso_time(&stored);
		bad_time += t != stored || first > t || t > syscall(SYS_time, NULL);
	}
	check(!bad_tv, "vDSO: gettimeofday agrees with the system call");
	check(!bad_time, "vDSO: time too");
}

static void cpus(void)
{
	unsigned int cpu, node, vcpu, vnode;
	cpu_set_t all, one;
	int i, bad = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		sched_setaffinity(0, sizeof(one), &one);
		syscall(SYS_getcpu, &cpu, &node, NULL);
		bad += vdso_getcpu(&vcpu, &vnode, NULL) || cpu != vcpu || node != vnode ||
		       vcpu != (unsigned int)i;
	}
	sched_setaffinity(0, sizeof(all), &all);
	check(!bad, "vDSO: getcpu agrees with the system call on every CPU");
}

/* The calls are deadly here, so what comes through made none. */
static void without_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getcpu, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { sizeof(filter) / sizeof(*filter), filter };
	struct timespec ts;
	struct timeval tv;
	unsigned int cpu;
	int i;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(2);
	for (i = 0; i < ROUNDS; i++) {
		vdso_clock_gettime(CLOCK_REALTIME, &ts);
		vdso_clock_gettime(CLOCK_MONOTONIC, &ts);
		vdso_clock_gettime(CLOCK_BOOTTIME, &ts);
		vdso_clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
		vdso_gettimeofday(&tv, NULL);
		vdso_time(NULL);
		vdso_getcpu(&cpu, NULL, NULL);
	}
}

/* ---- rseq */

static volatile int rang;

static void ring(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	(void)uc;
	rang = sig;
}

/* A sequence that only an abort or 2^36 rounds can end. */
static bool aborted(struct rseq *rseq)
{
	struct itimerval soon = { .it_value.tv_usec = 2000 };
	uint64_t rounds = 1UL << 36;
	int result = 0;

	on_signal(SIGALRM, ring, 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	asm volatile(".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n\t"
		     "3:\n\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
		     "leaq 3b(%%rip), %%rax\n\tmovq %%rax, %[cs]\n"
		     "1:\n\tdec %[rounds]\n\tjnz 1b\n"
		     "2:\n\tjmp 5f\n\t"
		     ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
		     "4:\n\tmov $1, %[result]\n"
		     "5:\n"
		     : [cs] "=m"(rseq->rseq_cs), [rounds] "+r"(rounds), [result] "+r"(result)
		     : /* no more inputs */
		     : "rax", "memory", "cc");
	while (!rang)
		;
	return result == 1 && !rseq->rseq_cs;
}

static void rseq(void)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	unsigned long features = getauxval(27), align = getauxval(28);
	cpu_set_t all, one;
	int i, bad = 0;

	check(__rseq_size >= 20, "glibc has registered an rseq area");
	check(!features || (features >= 20 && align >= 32), "AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN");
	if (!__rseq_size)
		return;
	sched_getaffinity(0, sizeof(all), &all);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		sched_setaffinity(0, sizeof(one), &one);
		bad += *(volatile uint32_t *)&area->cpu_id != (uint32_t)i ||
		       *(volatile uint32_t *)&area->cpu_id_start != (uint32_t)i;
	}
	sched_setaffinity(0, sizeof(all), &all);
	check(!bad, "its cpu_id is the CPU");
	check(aborted(area), "a signal aborts a restartable sequence");
	errno = 0;
	check(syscall(SYS_rseq, area, 32, 0, 0x53053053) == -1 && errno == EBUSY,
	      "a second registration is refused");
}

int main(void)
{
	auxv();
	vdso_clock_gettime = vdso_symbol("__vdso_clock_gettime");
	vdso_clock_getres = vdso_symbol("__vdso_clock_getres");
	vdso_gettimeofday = vdso_symbol("__vdso_gettimeofday");
	vdso_time = vdso_symbol("__vdso_time");
	vdso_getcpu = vdso_symbol("__vdso_getcpu");
	if (check(vdso_clock_gettime && vdso_clock_getres && vdso_gettimeofday && vdso_time &&
			  vdso_getcpu,
		  "the vDSO has its functions")) {
		clocks();
		old_calls();
		cpus();
		check(exits_with(0, without_calls), "vDSO: no function makes a system call");
	}
	rseq();
	return check_end();
}
