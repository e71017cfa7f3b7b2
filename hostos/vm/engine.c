// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which engine runs guest user code. The direct engine needs of the host: protection keys of the
 * CPU (pkeys(7)), syscall user dispatch (prctl(2), Linux 5.11), and signals that are delivered to a
 * stack behind a key (Linux 6.12).
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/engine.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define SUD_OFF 0
#define KERNEL_FOR_KEYED_STACKS (6 * 1000 + 12)

static bool has_keys(void)
{
	int key = pkey_alloc(0, 0);

	if (key < 0)
		return false;
	pkey_free(key);
	return true;
}

static bool has_dispatch(void)
{
	return !prctl(PR_SET_SYSCALL_USER_DISPATCH, SUD_OFF, 0, 0, 0);
}

static bool has_keyed_stacks(void)
{
	struct utsname name;
	int major, minor;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       major * 1000 + minor >= KERNEL_FOR_KEYED_STACKS;
}

/*
 * Several vCPUs tell their threads apart by a segment, which a thread gets by a 32-bit system call
 * (set_thread_area(2), int 0x80): asked with an address that is none, by a child, because it is a
 * fault where the host has no such calls.
 */
static bool has_segments(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int ret = 243;

		/* Its end by a signal is an answer, and leaves no core. */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		__asm__ volatile("int $0x80"
				 : "+a"(ret)
				 : "b"(0)
				 : "memory", "r8", "r9", "r10", "r11");
		_exit(ret != -EFAULT);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/*
 * With APX instructions of two-byte opcodes have another form, without their 0f, by which text is
 * searched for WRPKRU and XRSTOR. It counts where the host has switched it on.
 */
static bool has_apx(void)
{
	unsigned int a, b, c, d, lo, hi;

	if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(d & 1U << 21) ||
	    !__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return false;
	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo & 1U << 19;
}

static const char *missing(bool keys)
{
	if (!has_dispatch())
		return "needs syscall user dispatch, which this host's kernel lacks (Linux 5.11); "
		       "use --engine=ptrace";
	if (!keys)
		return NULL;
	if (!has_keys())
		return "needs protection keys, which this CPU, or the hypervisor, does not show "
		       "(pku in /proc/cpuinfo); use --engine=ptrace";
	if (has_apx())
		return "does not know this CPU's APX instructions, with which programs could open "
		       "the keys; use --engine=ptrace";
	if (!has_keyed_stacks())
		return "needs signal stacks behind a protection key, which this host's kernel "
		       "lacks (Linux 6.12); use --engine=ptrace";
	return NULL;
}

int engine__choose(const char *name, struct engine *engine, const char **why)
{
	if (!strcmp(name, "auto")) {
		const char *lacks = missing(true);

		if (!lacks && !has_segments())
			lacks = "needs 32-bit system calls on the host (set_thread_area); "
				"use --engine=ptrace";
		*engine = (struct engine){
			.engine = lacks ? KAP_ENGINE_PTRACE : KAP_ENGINE_DIRECT,
			.keys = !lacks,
			.chosen = true,
			.lacks = lacks,
		};
		return 0;
	}
	if (!strcmp(name, "ptrace")) {
		*engine = (struct engine){ .engine = KAP_ENGINE_PTRACE };
		return 0;
	}
	if (!strcmp(name, "direct") || !strcmp(name, "direct-open")) {
		*engine = (struct engine){ .engine = KAP_ENGINE_DIRECT,
					   .keys = !strcmp(name, "direct") };
		*why = missing(engine->keys);
		return *why ? -ENOTSUP : 0;
	}
	if (!strcmp(name, "seccomp"))
		*why = "is not built yet; use --engine=auto or ptrace";
	else
		*why = "is no engine; use auto, ptrace, direct or direct-open";
	return -EINVAL;
}

const char *engine__name(const struct engine *engine)
{
	if (engine->engine == KAP_ENGINE_PTRACE)
		return "ptrace";
	return engine->keys ? "direct" : "direct-open";
}
