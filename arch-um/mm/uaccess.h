/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory, between the files of this folder. */
#ifndef KAP_MM_UACCESS_H
#define KAP_MM_UACCESS_H

#include <linux/types.h>

struct mm_struct;

/*
 * The user byte at addr in the linear map, if the current address space shows it
 * (for writing: if it may be written at once), else null. The pointer is good until
 * kap_user_done(), which is due in any case. Interrupts must be off in between.
 */
void *kap_user_ptr(unsigned long addr, bool write);
void kap_user_done(void);

/* Returns when no other CPU uses a pointer into mm that it got before this call. */
void kap_wait_for_copies(struct mm_struct *mm);

/* Faults the page in; false: no such memory, or faults are off here. */
bool kap_fault_in(unsigned long addr, bool write);

#endif
