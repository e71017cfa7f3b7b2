// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a virtual machine. One signalfd takes every signal that matters, so that nothing
 * here runs in a signal handler; the doorbell is an eventfd that is never read: edge-triggered
 * epoll reports each write, and a guest that plays with the descriptor can't make the
 * monitor block.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug/debug.h"
#include "dev/dev.h"
#include "vm/clock.h"
#include "vm/life.h"
#include "vm/log.h"
#include "vm/loop.h"
#include "vm/msg.h"
#include "vm/place.h"
#include "vm/ram.h"
#include "vm/reap.h"
#include "vm/space0.h"
#include "vm/vm.h"

static int signal_fd = -1;
static void (*other_signal)(int signo);
static struct loop_timer *timeout;
static enum life_end ended;
static int ended_detail;

void life__end(enum life_end why, int detail)
{
	if (ended == LIFE_RUNNING) {
		ended = why;
		ended_detail = detail;
	}
	loop__stop(0);
}

static bool space0_gone(const struct vm *vm)
{
	siginfo_t info = { 0 };

	/* WNOWAIT: its pid must stay taken until its process group is killed. */
	return !waitid(P_PID, vm->space0, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == vm->space0;
}

static void on_signal(int fd, uint32_t events, void *arg)
{
	struct vm *vm = arg;
	struct signalfd_siginfo si;

	(void)events;
	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			if (vm->space0 && space0_gone(vm))
				life__end(LIFE_GUEST, 0);
			break;
		case SIGWINCH:
		case SIGCONT:
			if (other_signal)
				other_signal(si.ssi_signo);
			break;
		default:
			life__end(LIFE_SIGNAL, si.ssi_signo);
		}
	}
}

static void take_doorbell(struct vm *vm)
{
	uint64_t bits = __atomic_exchange_n(&vm__ctl(vm)->dev_pending, 0, __ATOMIC_ACQ_REL);

	if (bits & KAP_CTL_LOG)
		log__drain(vm);
	if (bits & KAP_CTL_PARK)
		debug__doorbell(vm);
	bits &= ~(KAP_CTL_LOG | KAP_CTL_PARK);
	if (bits)
		dev__doorbell(vm, bits);
}

static void on_doorbell(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	take_doorbell(arg);
}

static void on_timeout(void *arg)
{
	(void)arg;
	life__end(LIFE_TIMEOUT, 0);
}

int life__take_signals(void (*on_other)(int signo))
{
	static const int taken[] = {
		SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCHLD, SIGWINCH, SIGCONT,
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t set;

	/* Both show as an error of the write instead. */
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	/* May have been inherited as ignored; children would then vanish unseen. */
	sigaction(SIGCHLD, &dfl, NULL);

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct sigaction old;

		/* nohup, and shells without job control, want these ignored. */
		if ((taken[i] == SIGHUP || taken[i] == SIGINT || taken[i] == SIGQUIT) &&
		    !sigaction(taken[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&set, taken[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	other_signal = on_other;
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0) {
		msg__error("signalfd: %s; raise the limit on open files (ulimit -n)",
			   strerror(errno));
		return -errno;
	}
	return 0;
}

int life__create(struct vm *vm, uint64_t ram_bytes, int nr_cpus)
{
	int err;

	vm->ram_fd = -1;
	vm->nr_cpus = nr_cpus;
	vm->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->doorbell_fd < 0) {
		msg__error("eventfd: %s; raise the limit on open files (ulimit -n)",
			   strerror(errno));
		return -errno;
	}
	err = ram__create(vm, ram_bytes);
	if (err) {
		close(vm->doorbell_fd);
		vm->doorbell_fd = -1;
	}
	return err;
}

int life__start(struct vm *vm, uint64_t entry, uint64_t timeout_ns)
{
	int err;

	reap__adopt();
	err = loop__add_fd(signal_fd, EPOLLIN, on_signal, vm);
	if (!err)
		err = loop__add_fd(vm->doorbell_fd, EPOLLIN | EPOLLET, on_doorbell, vm);
	if (!err && timeout_ns) {
		timeout = loop__timer_new(on_timeout, vm);
		if (timeout)
			loop__timer_set(timeout, timeout_ns);
		else
			err = -ENOMEM;
	}
	if (!err) {
		clock__start(vm);
		err = clock__follow(vm);
	}
	if (!err)
		err = place__start(vm);
	if (err) {
		msg__error("event loop: %s; raise the limits on open files and memory "
			   "(ulimit -n, ulimit -v)",
			   strerror(-err));
		return err;
	}
	return space0__start(vm, entry);
}

enum life_end life__run(struct vm *vm, int *detail)
{
	int err = loop__run();

	if (err < 0) {
		msg__error("event loop: %s", strerror(-err));
		life__end(LIFE_HOST, -err);
	}
	loop__timer_free(timeout);
	timeout = NULL;
	clock__stop();
	place__stop();
	*detail = reap__all(vm->space0);
	vm->space0 = 0;
	if (ended != LIFE_GUEST)
		*detail = ended_detail;
	/* What the guest asked for with its last breath. */
	take_doorbell(vm);
	log__drain(vm);
	return ended;
}

void life__destroy(struct vm *vm)
{
	loop__timer_free(timeout);
	timeout = NULL;
	clock__stop();
	place__stop();
	reap__all(vm->space0);
	vm->space0 = 0;
	if (vm->doorbell_fd >= 0) {
		loop__del_fd(vm->doorbell_fd);
		close(vm->doorbell_fd);
		vm->doorbell_fd = -1;
	}
	ram__destroy(vm);
}

void vm__signal(struct vm *vm, unsigned int cpu, int signo)
{
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
	uint64_t thread = __atomic_load_n(&vcpu->host_thread, __ATOMIC_ACQUIRE);
	pid_t pid = thread, tid = thread >> 32;

	/* The guest wrote these numbers: only processes of this VM may be signalled. */
	if (pid <= 0 || tid <= 0 || !vm->space0 ||
	    (pid != vm->space0 && getpgid(pid) != vm->space0))
		return;
	syscall(SYS_tgkill, pid, tid, signo);
}

void vm__ring(struct vm *vm, unsigned int cpu, uint32_t bells)
{
	struct kap_vcpu *vcpu;
	uint32_t before, state;

	if (cpu >= (unsigned int)vm->nr_cpus)
		return;
	vcpu = vm__vcpu(vm, cpu);
	before = __atomic_fetch_or(&vcpu->pending, bells, __ATOMIC_SEQ_CST);
	if ((before & bells) == bells || !vm->space0)
		return;
	/* It says that it sleeps before it looks at pending for the last time. */
	state = __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED);
	if (state == KAP_VCPU_IDLE || state == KAP_VCPU_OFF) {
		syscall(SYS_futex, &vcpu->pending, FUTEX_WAKE, 1, NULL, NULL, 0);
		return;
	}
	vm__signal(vm, cpu, KAP_BELL_SIGNAL);
}
