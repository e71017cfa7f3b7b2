// SPDX-License-Identifier: GPL-2.0-only
/* The end of a run, whatever the reason. */
#include "engine/direct.h"

static void set_message(struct kap_ctl *ctl, const char *s)
{
	kap_u32 i = 0;

	while (*s && i < sizeof(ctl->message) - 1)
		ctl->message[i++] = *s++;
	ctl->message[i] = 0;
}

/* Several vCPUs may come to an end in the same moment: the first one says why. */
static void claim_end(void)
{
	static kap_u32 claimed;

	if (!__atomic_exchange_n(&claimed, 1, __ATOMIC_ACQUIRE))
		return;
	for (;;)
		host_call(HOST_pause);
}

static void noreturn end(enum kap_exit reason)
{
	struct kap_ctl *ctl = kap_ctl();

	ctl->exit_cpu = this_stack()->cpu;
	store_release(&ctl->exit_reason, (kap_u32)reason);
	direct_end_home();
	for (;;)
		host_call(HOST_exit_group, reason == KAP_EXIT_POWEROFF ? 0 : 1);
}

void kap_exit(enum kap_exit reason, int code, const char *message, const struct kap_regs *regs)
{
	struct kap_ctl *ctl = kap_ctl();

	claim_end();
	if (reason == KAP_EXIT_HOST)
		ctl->exit_errno = code;
	else
		ctl->exit_code = code;
	set_message(ctl, message);
	if (regs) {
		struct kap_vcpu *vcpu = kap_vcpu(this_stack()->cpu);

		vcpu->saved = *regs;
		store_release(&vcpu->saved_valid, 1u);
	}
	/* Before the end is told of, so that a debugger can still look around. */
	if (reason == KAP_EXIT_PANIC && (ctl->debug & KAP_DEBUG_PANIC))
		park_for(KAP_PARK_PANIC);
	end(reason);
}

void host_failed(const char *what, long err)
{
	claim_end();
	kap_ctl()->exit_errno = -err;
	set_message(kap_ctl(), what);
	end(KAP_EXIT_HOST);
}
