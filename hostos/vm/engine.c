// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which engine runs guest user code. The direct engine needs of the host: protection keys of the
 * CPU (pkeys(7)), syscall user dispatch (prctl(2), Linux 5.11), and signals that are delivered to a
 * stack behind a key (Linux 6.12).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

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
	if (!has_keyed_stacks())
		return "needs signal stacks behind a protection key, which this host's kernel "
		       "lacks (Linux 6.12); use --engine=ptrace";
	return NULL;
}

int engine__choose(const char *name, struct engine *engine, const char **why)
{
	if (!strcmp(name, "auto") || !strcmp(name, "ptrace")) {
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
