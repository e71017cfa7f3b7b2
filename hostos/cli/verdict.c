// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the end of a run to an exit status. The control page is the guest's word: copied once.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/status.h"
#include "cli/verdict.h"
#include "cli/wiring.h"
#include "dev/dev.h"
#include "vm/crash.h"
#include "vm/log.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define LAST_LINES 10

static void copy_message(const struct kap_ctl *ctl, char message[256])
{
	memcpy(message, ctl->message, 255);
	message[255] = 0;
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

static const char *next_step(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return "allow ptrace here (kernel.yama.ptrace_scope below 2, a container's seccomp "
		       "profile that has it)";
	case EAGAIN:
		return "raise the limits on processes (ulimit -u, or the container's pids limit) "
		       "and on pending signals (ulimit -i)";
	case ENOMEM:
		return "free some memory, raise `ulimit -v`, or give a smaller --mem";
	case EMFILE:
	case ENFILE:
		return "raise the limit on open files (ulimit -n)";
	case ENOSYS:
		return "run kap on a host kernel that has this system call";
	}
	return "run again with --verbose for more";
}

static int without_reason(struct vm *vm, const struct verdict_run *run)
{
	int wait_status = run->detail;

	if (WIFSIGNALED(wait_status)) {
		int sig = WTERMSIG(wait_status);

		const char *next = "if nobody sent it, its kernel is broken: run with --verbose";

		if (sig == SIGKILL)
			next = "from outside, or the host is out of memory: see its kernel log";
		msg__error("the guest was killed by signal %d (%s); %s", sig, strsignal(sig), next);
	} else {
		msg__error("the guest's process ended without a reason (status %d); run again with "
			   "--verbose",
			   WEXITSTATUS(wait_status));
	}
	for (int cpu = 0; cpu < vm->nr_cpus; cpu++) {
		if (vm__vcpu(vm, cpu)->saved_valid) {
			crash__report(vm, cpu, "it ended while it reported this", run->kernel);
			return STATUS_KILLED;
		}
	}
	msg__report("last console lines:");
	log__print_last(LAST_LINES);
	return STATUS_KILLED;
}

static int no_command_status(const char *how)
{
	msg__error("the guest %s without a status for the command; does its init support "
		   "commands? See --verbose",
		   how);
	log__print_last(LAST_LINES);
	return STATUS_KILLED;
}

static int of_guest(struct vm *vm, const struct verdict_run *run)
{
	const struct kap_ctl *ctl = vm__ctl(vm);
	uint32_t reason = __atomic_load_n(&ctl->exit_reason, __ATOMIC_ACQUIRE);
	int code = ctl->exit_code, err = ctl->exit_errno;
	uint32_t cpu = ctl->exit_cpu;
	char message[256];

	copy_message(ctl, message);
	if (err < 0 || err > 4095)
		err = 0;
	switch (reason) {
	case KAP_EXIT_POWEROFF:
		if (!run->has_command)
			return code & 0xff;
		if (wiring__command_status() < 0)
			return no_command_status("powered off");
		return wiring__command_status();
	case KAP_EXIT_REBOOT:
		if (!run->has_command)
			return VERDICT_RESTART;
		if (wiring__command_status() < 0)
			return no_command_status("rebooted");
		return wiring__command_status();
	case KAP_EXIT_PANIC:
		crash__report(vm, cpu < (uint32_t)vm->nr_cpus ? cpu : 0, message, run->kernel);
		return STATUS_PANIC;
	case KAP_EXIT_HOST:
		msg__error("the host refused what the guest needs: %s%s%s; %s", message,
			   err ? ": " : "", err ? strerror(err) : "", next_step(err));
		return STATUS_HOST;
	case KAP_EXIT_BAD_BOOT:
		msg__error("the guest kernel didn't understand its boot information: %s; build "
			   "kernel and kap from the same source",
			   message);
		return STATUS_USAGE;
	}
	return without_reason(vm, run);
}

int verdict__of(struct vm *vm, const struct verdict_run *run)
{
	int status = STATUS_KILLED;

	switch (run->why) {
	case LIFE_GUEST:
		status = of_guest(vm, run);
		break;
	case LIFE_LEFT:
		msg__report(" ");
		msg__note("guest ended (Ctrl-A x)");
		return STATUS_OK;
	case LIFE_TIMEOUT:
		msg__error("the guest ran longer than --timeout allows and was ended; give it more "
			   "time, or see with --verbose what it does");
		return STATUS_TIMEOUT;
	case LIFE_SIGNAL:
		msg__note("ended by signal %d (%s)", run->detail, strsignal(run->detail));
		return STATUS_SIGNAL + run->detail;
	case LIFE_DEBUGGER:
		msg__note("the debugger has ended the guest");
		return STATUS_KILLED;
	case LIFE_HOST:
	case LIFE_RUNNING:
		return STATUS_HOST;
	}
	/* It was reported when it happened. */
	if ((status == STATUS_OK || run->has_command) && console__output_error())
		return STATUS_HOST;
	return status;
}
