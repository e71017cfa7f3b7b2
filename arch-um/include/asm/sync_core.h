/* SPDX-License-Identifier: GPL-2.0-only */
/* membarrier(2)'s SYNC_CORE: a CPU goes back to user code with nothing fetched before. */
#ifndef _ASM_KAP_SYNC_CORE_H
#define _ASM_KAP_SYNC_CORE_H

extern void sync_core_before_usermode(void);

#endif
