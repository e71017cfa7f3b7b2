/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends and collects the host processes of a VM.
 */
#ifndef HOSTOS_REAP_H
#define HOSTOS_REAP_H

#include <sys/types.h>

/* Makes orphans of the VM children of the monitor, so that reap__all can find them. */
void reap__adopt(void);

/*
 * Kills the process group of space 0 and whatever children the monitor got since reap__adopt, and
 * waits for all of them. space0 must not have been waited for before; 0: there is none. Returns
 * the wait status of space 0.
 */
int reap__all(pid_t space0);

#endif
