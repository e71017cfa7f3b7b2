// SPDX-License-Identifier: GPL-2.0-only
/*
 * Space 0: a fork of the monitor that gives up everything it has of the monitor and jumps
 * into the guest kernel. What fails on that way is told through the control page, as the guest
 * kernel itself does it later.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/msg.h"
#include "vm/space0.h"
#include "vm/vm.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Size of struct rseq when the C library registered it. */
#define RSEQ_REGISTERED_SIZE 32

struct handover {
	int ram, doorbell, null;
	int reply[KAP_MAX_VCPUS];
};

/* In the child; the monitor reads it as the reason for the end. */
static void __attribute__((noreturn)) child_fail(struct kap_ctl *ctl, const char *what)
{
	ctl->exit_errno = errno;
	snprintf(ctl->message, sizeof(ctl->message), "starting space 0: %s", what);
	__atomic_store_n(&ctl->exit_reason, KAP_EXIT_HOST, __ATOMIC_RELEASE);
	_exit(1);
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	stack_t no_stack = { .ss_flags = SS_DISABLE };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &dfl, NULL);
	sigaltstack(&no_stack, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts each descriptor at the number that the contract names, and closes all others. */
static bool arrange_fds(const struct vm *vm, struct handover *fds)
{
	int above = KAP_FD_REPLY + vm->nr_cpus;
	int *all[3 + KAP_MAX_VCPUS] = { &fds->ram, &fds->doorbell, &fds->null };
	int n = 3;

	for (int cpu = 0; cpu < vm->nr_cpus; cpu++)
		all[n++] = &fds->reply[cpu];
	/* First out of the way, then into place: sources and targets may overlap. */
	for (int i = 0; i < n; i++) {
		*all[i] = fcntl(*all[i], F_DUPFD, above);
		if (*all[i] < 0)
			return false;
	}
	for (int fd = 0; fd < 3; fd++)
		if (dup2(fds->null, fd) < 0)
			return false;
	if (dup2(fds->ram, KAP_FD_RAM) < 0 || dup2(fds->doorbell, KAP_FD_DOORBELL) < 0)
		return false;
	for (int cpu = 0; cpu < vm->nr_cpus; cpu++)
		if (dup2(fds->reply[cpu], KAP_FD_REPLY + cpu) < 0)
			return false;
	if (syscall(SYS_close_range, above, ~0u, 0) < 0) {
		struct rlimit limit;

		if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
			return false;
		for (rlim_t fd = above; fd < limit.rlim_cur; fd++)
			close(fd);
	}
	return true;
}

static void unregister_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	/* The area is about to be unmapped; the host would kill the process at the next switch. */
	if (__rseq_size)
		syscall(SYS_rseq, area, RSEQ_REGISTERED_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static void __attribute__((noreturn)) jump(uint64_t entry)
{
	__asm__ volatile("xor %%ebx, %%ebx\n\t"
		"xor %%ecx, %%ecx\n\t"
		"xor %%edx, %%edx\n\t"
		"xor %%esi, %%esi\n\t"
		"xor %%ebp, %%ebp\n\t"
		"xor %%r8d, %%r8d\n\t"
		"xor %%r9d, %%r9d\n\t"
		"xor %%r10d, %%r10d\n\t"
		"xor %%r11d, %%r11d\n\t"
		"xor %%r12d, %%r12d\n\t"
		"xor %%r13d, %%r13d\n\t"
		"xor %%r14d, %%r14d\n\t"
		"xor %%r15d, %%r15d\n\t"
		"xor %%esp, %%esp\n\t"
		"cld\n\t"
		"jmp *%%rax"
		:
		: "a"(entry), "D"(KAP_WINDOW + KAP_PHYS_BOOT)
		: "memory");
	__builtin_unreachable();
}

static void __attribute__((noreturn))
child(const struct vm *vm, struct handover *fds, struct kap_ctl *ctl, pid_t monitor, uint64_t entry)
{
	struct rlimit no_core = { 0 };
	uint64_t bytes = vm->mem_bytes;

	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_fail(ctl, "prctl(PR_SET_PDEATHSIG)");
	if (getppid() != monitor)
		_exit(1);
	/* Out of reach of the terminal's signals. */
	setpgid(0, 0);
	prctl(PR_SET_NAME, "kap-space0");
	/* Timers as exact as the host can make them. */
	prctl(PR_SET_TIMERSLACK, 1);
	setrlimit(RLIMIT_CORE, &no_core);
	if (!arrange_fds(vm, fds))
		child_fail(ctl, "arranging file descriptors (is `ulimit -n` very low?)");
	unregister_rseq();
	if (mmap((void *)KAP_WINDOW, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, KAP_FD_RAM,
		 0) != (void *)KAP_WINDOW)
		child_fail(ctl, "mapping guest memory executable at its fixed address");
	jump(entry);
}

/*
 * For a moment the child has all of the monitor's descriptors (`open` of them by now), a copy of
 * each that it gets, and those at their place. The shell's limit is only a default: up to the hard
 * one it may be raised.
 */
static int make_room(int nr_cpus, int open)
{
	int above = KAP_FD_REPLY + nr_cpus, all = open + nr_cpus;
	rlim_t need = (all > above ? all : above) + 3 + nr_cpus;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
		return 0;
	if (limit.rlim_max >= need) {
		limit.rlim_cur = need;
		if (!setrlimit(RLIMIT_NOFILE, &limit))
			return 0;
	}
	msg__error("--cpus=%d: kap needs %llu open files for it and the limit is %llu; raise it "
		   "(ulimit -n)%s",
		   nr_cpus, (unsigned long long)need, (unsigned long long)limit.rlim_max,
		   nr_cpus > 1 ? ", or give fewer" : "");
	return -EMFILE;
}

static void close_handover(const struct handover *fds, int nr_cpus)
{
	close(fds->null);
	for (int cpu = 0; cpu < nr_cpus; cpu++)
		close(fds->reply[cpu]);
}

static int open_handover(const struct vm *vm, struct handover *fds)
{
	int err;

	fds->ram = vm->ram_fd;
	fds->doorbell = vm->doorbell_fd;
	fds->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fds->null < 0) {
		err = errno;
		msg__error("/dev/null: %s; make it available in this sandbox or container",
			   strerror(err));
		return -err;
	}
	err = make_room(vm->nr_cpus, fds->null + 1);
	if (err) {
		close_handover(fds, 0);
		return err;
	}
	for (int cpu = 0; cpu < vm->nr_cpus; cpu++) {
		fds->reply[cpu] = eventfd(0, EFD_CLOEXEC);
		if (fds->reply[cpu] < 0) {
			err = errno;
			msg__error("eventfd: %s; raise the limit on open files (ulimit -n)",
				   strerror(err));
			close_handover(fds, cpu);
			return -err;
		}
	}
	return 0;
}

int space0__start(struct vm *vm, uint64_t entry)
{
	struct handover fds;
	struct kap_ctl *ctl;
	pid_t monitor = getpid(), pid;
	sigset_t all, old;
	int err = open_handover(vm, &fds);

	if (err)
		return err;
	/* The monitor's own mapping is not inherited; this one of the control page is. */
	ctl = mmap(NULL, KAP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->ram_fd,
		   KAP_PHYS_CTL);
	if (ctl == MAP_FAILED) {
		err = -errno;
		msg__error("mapping the control page: %s; raise `ulimit -v`", strerror(errno));
		goto out;
	}

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (!pid)
		child(vm, &fds, ctl, monitor, entry);
	if (pid < 0)
		err = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	munmap(ctl, KAP_PAGE_SIZE);

	if (pid > 0) {
		setpgid(pid, pid);
		vm->space0 = pid;
	} else if (err == -EAGAIN) {
		msg__error(
			"no new process: the limit on processes is reached; raise it (ulimit -u, "
			   "or the container's pids limit) or end other processes");
	} else {
		msg__error("no new process: %s; free some memory", strerror(-err));
	}
out:
	close_handover(&fds, vm->nr_cpus);
	return err;
}
