// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject SESSION SIGNAL START FROM-TO...: steps a vCPU's thread (the busiest one of the session)
 * through its ways between user code and the guest kernel, and sends it a doorbell at one
 * instruction of them: in each pass at the first one that has had none yet, until passes find no
 * more. Only instructions within the ranges of addresses count.
 *
 * A pass begins where user code gets the host's signal SIGNAL or, where that is 0, where the thread
 * comes to the address START; it ends with the first instruction that is not the kernel's. Ranges
 * that begin with @ (at most two) are entered at their first instruction.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kap/abi.h>
#include <kap/gate.h>

#define MAX_RANGES 64
#define MAX_PASSES 20000
#define PASS_STEPS 3000 /* so slow that the timer may never let it come to user code */
#define MISSES 50 /* passes in a row without a new instruction */
#define IMAGE (KAP_WINDOW + KAP_PHYS_RAM)
#define IMAGE_SIZE (16UL << 20)
#define BELL SIGUSR1
#define FLAG_TF 0x100UL

typedef unsigned long ulong;

static struct {
	ulong from, to;
	int marked;
} ranges[MAX_RANGES];
static int nr_ranges;
static unsigned char had[IMAGE_SIZE];
static pid_t tid, tgid;
static ulong steps, injected;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(2);
}

static ulong pc(void)
{
	errno = 0;
	return (ulong)ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, rip), 0);
}

static int in_kernel(ulong ip)
{
	return ip >= KAP_DIRECT_STACKS && ip < KAP_HOLE_END;
}

static int counts(ulong ip)
{
	int i;

	for (i = 0; i < nr_ranges; i++)
		if (ip >= ranges[i].from && ip < ranges[i].to)
			return 1;
	return 0;
}

/*
 * A step over popfq, or a signal's frame that was made during a step, leaves TF behind, which the
 * host takes for the program's own. These programs have none.
 */
static void clear_tf(void)
{
	ulong at = offsetof(struct user_regs_struct, eflags);
	ulong flags = (ulong)ptrace(PTRACE_PEEKUSER, tid, at, 0);

	if ((flags & FLAG_TF) && ptrace(PTRACE_POKEUSER, tid, at, flags & ~FLAG_TF))
		die("flags");
}

/* Three reasons of the host: an instruction, a system call, the first one of a signal's handler. */
static int stepped(void)
{
	siginfo_t info;

	return !ptrace(PTRACE_GETSIGINFO, tid, 0, &info) &&
	       (info.si_code == TRAP_TRACE || info.si_code == TRAP_BRKPT ||
		info.si_code == SIGTRAP);
}

/* Lets it go on, with a signal or none; returns the thread's signal it stops with; 0: a step. */
static int go(int request, int sig)
{
	int status;

	if (ptrace(request, tid, 0, sig))
		die("ptrace");
	if (waitpid(tid, &status, __WALL) != tid)
		die("waitpid");
	if (!WIFSTOPPED(status)) {
		printf("the thread has ended (status %x) in pass %lu\n", (unsigned int)status,
		       injected);
		exit(1);
	}
	clear_tf();
	sig = WSTOPSIG(status);
	return sig == SIGTRAP && stepped() ? 0 : sig;
}

static void stop_at(int slot, ulong address)
{
	static ulong on;

	on = address ? on | 1UL << 2 * slot : on & ~(1UL << 2 * slot);
	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, u_debugreg[slot]), address) ||
	    ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, u_debugreg[7]), on))
		die("debug registers");
}

static int at_stop(void)
{
	siginfo_t info;

	return !ptrace(PTRACE_GETSIGINFO, tid, 0, &info) && info.si_code == TRAP_HWBKPT;
}

/*
 * Outside of the ranges it runs at full speed, or the guest would do nothing but serve its timer:
 * to where the function returns to, or to one of the marked ranges. 0, or the signal that came in
 * user code first.
 */
static int run_on(void)
{
	ulong sp = (ulong)ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, rsp), 0);
	ulong back = (ulong)ptrace(PTRACE_PEEKDATA, tid, sp, 0);
	int i, slot = 1, sig = 0;

	for (i = 0; i < nr_ranges; i++)
		if (ranges[i].marked)
			stop_at(slot++, ranges[i].from);
	stop_at(3, counts(back) ? back : 0);
	do
		sig = go(PTRACE_CONT, sig);
	while (!(sig == SIGTRAP && at_stop()) && in_kernel(pc()));
	sig = in_kernel(pc()) ? 0 : sig;
	for (slot = 1; slot <= 3; slot++)
		stop_at(slot, 0);
	return sig;
}

/*
 * One pass, from where it begins. 1: the doorbell was sent; 0: there was no new instruction. *sig
 * is what the thread still has to be given.
 */
static int pass(int *sig)
{
	ulong end;

	for (end = steps + PASS_STEPS; steps < end;) {
		ulong ip;

		*sig = go(PTRACE_SINGLESTEP, *sig);
		steps++;
		ip = pc();
		if (*sig)
			continue;
		if (!counts(ip) && in_kernel(ip)) {
			*sig = run_on();
			ip = pc();
		}
		if (!in_kernel(ip)) {
			if (!*sig && ip < KAP_GATE_TABLE_END && ip >= KAP_GATE_TABLE)
				continue;
			return 0;
		}
		if (had[ip - IMAGE])
			continue;
		had[ip - IMAGE] = 1;
		if (syscall(SYS_tgkill, tgid, tid, BELL))
			die("tgkill");
		return 1;
	}
	return 0;
}

/* To the next beginning of a pass; the signal to begin it with. */
static int to_beginning(int sig, int wanted)
{
	/* Only what interrupts user code: the kernel's signals come when it is asleep, too. */
	while (wanted && (sig != wanted || in_kernel(pc())))
		sig = go(PTRACE_CONT, sig);
	while (!wanted && !(sig == SIGTRAP && at_stop()))
		sig = go(PTRACE_CONT, sig);
	return wanted ? sig : 0;
}

/* utime + stime of a thread in the session, 0 for others */
static ulong ticks_of(const char *pid, const char *thread, long session)
{
	char path[600], line[1024], *end;
	ulong utime = 0, stime = 0;
	long sid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/stat", pid, thread);
	f = fopen(path, "r");
	if (!f)
		return 0;
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!end || !strstr(line, "(kap-runner)"))
		return 0;
	sscanf(end + 2, "%*c %*d %*d %ld %*d %*d %*u %*u %*u %*u %*u %lu %lu", &sid, &utime,
	       &stime);
	return sid == session ? utime + stime : 0;
}

static void find_busiest(long session)
{
	struct dirent *process, *thread;
	DIR *proc = opendir("/proc"), *tasks;
	char path[300];
	ulong most = 0;

	while (proc && (process = readdir(proc))) {
		if (process->d_name[0] < '1' || process->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", process->d_name);
		tasks = opendir(path);
		while (tasks && (thread = readdir(tasks))) {
			ulong ticks = ticks_of(process->d_name, thread->d_name, session);

			if (ticks > most) {
				most = ticks;
				tgid = atoi(process->d_name);
				tid = atoi(thread->d_name);
			}
		}
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
	if (!tid) {
		fprintf(stderr, "inject: no thread kap-runner in session %ld\n", session);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int i, wanted, sig = 0, misses = 0, status;
	ulong start, passes;

	if (argc < 5) {
		fprintf(stderr, "usage: inject SESSION SIGNAL START FROM-TO...\n");
		return 2;
	}
	wanted = atoi(argv[2]);
	start = strtoul(argv[3], NULL, 16);
	for (i = 4; i < argc && nr_ranges < MAX_RANGES; i++, nr_ranges++) {
		ranges[nr_ranges].marked = argv[i][0] == '@';
		if (sscanf(argv[i] + ranges[nr_ranges].marked, "%lx-%lx", &ranges[nr_ranges].from,
			   &ranges[nr_ranges].to) != 2 ||
		    ranges[nr_ranges].from < IMAGE || ranges[nr_ranges].to > IMAGE + IMAGE_SIZE) {
			fprintf(stderr, "inject: %s: not a range of the kernel\n", argv[i]);
			return 2;
		}
	}
	find_busiest(atol(argv[1]));
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) || ptrace(PTRACE_INTERRUPT, tid, 0, 0) ||
	    waitpid(tid, &status, __WALL) != tid)
		die("ptrace");
	/* It may have stopped for a signal before the request was seen. */
	if (WIFSTOPPED(status) && !(status >> 16))
		sig = WSTOPSIG(status);
	if (!wanted)
		stop_at(0, start);
	for (passes = 0; passes < MAX_PASSES && misses < MISSES; passes++) {
		sig = to_beginning(sig, wanted);
		if (!pass(&sig)) {
			misses++;
			continue;
		}
		misses = 0;
		injected++;
	}
	stop_at(0, 0);
	/* What it has stopped for is not lost: a system call would be. */
	ptrace(PTRACE_DETACH, tid, 0, sig == SIGTRAP ? 0 : sig);
	printf("%lu instructions, %lu passes, %lu steps\n", injected, passes, steps);
	return injected && misses == MISSES ? 0 : 1;
}
