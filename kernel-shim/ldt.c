// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments of a space: the keeper calls modify_ldt(2), whose table all threads of
 * its process share.
 */
#include <kap/ldt.h>
#include "lock.h"
#include "pool.h"

#define LDT_WRITE 0x11

int kap_space_set_ldt(struct kap_space *space, const struct kap_ldt_entry *entry)
{
	struct kap_shell *shell = space->shell;
	struct stub_op *op = &shell->ctl->op[0];
	kap_u64 answer;
	kap_s32 result;

	take_lock(&shell->lock);
	shell_sync(shell);
	/* The entry travels in arguments that this call doesn't have. */
	shell_op(shell, HOST_modify_ldt, LDT_WRITE,
		 KAP_STUB_CTL + ((char *)&op->arg[3] - (char *)shell->ctl), sizeof(*entry), 0, 0,
		 0);
	copy(&op->arg[3], entry, sizeof(*entry));
	shell->nr_ops = 0;
	answer = shell_request(shell, 1);
	result = shell->scratch->result[0];
	drop_lock(&shell->lock);
	if (!answer)
		return -HOST_ESRCH;
	/*
	 * The host widens its answer without the sign. User code of the space may have put
	 * anything there: it deceives nobody but itself.
	 */
	return result <= 0 && result > -4096 ? result : -HOST_EIO;
}

void kap_space_retire(struct kap_space *space)
{
	if (space->shell)
		space->shell->retired = 1;
	kap_space_destroy(space);
}
