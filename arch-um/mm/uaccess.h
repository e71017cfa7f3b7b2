/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory, between the files of this folder. */
#ifndef KAP_MM_UACCESS_H
#define KAP_MM_UACCESS_H

#include <linux/types.h>

/*
 * The user byte at addr in the linear map, if the current address space shows it
 * (for writing: if it may be written at once). Interrupts must be off, and the pointer
 * is good until they come on.
 */
void *kap_user_ptr(unsigned long addr, bool write);

/* Faults the page in; false: no such memory, or faults are off here. */
bool kap_fault_in(unsigned long addr, bool write);

#endif
