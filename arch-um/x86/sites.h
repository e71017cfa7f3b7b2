/* SPDX-License-Identifier: GPL-2.0-only */
/* Patched system call sites (sites.c), for the rest of the port. */
#ifndef KAP_X86_SITES_H
#define KAP_X86_SITES_H

#include <linux/mm_types.h>
#include <asm/ptrace.h>
#include <kap/boot.h>
#include <kap/park.h>

/* User code's system call has come the slow way: its site may be patched for the next time. */
void kap_site_seen(struct pt_regs *regs);

/* A new program: has gates, if nothing of it lies where their table is. */
void kap_sites_exec(struct mm_struct *mm);

/* Something is about to be mapped there: the program goes on with its plain text. */
void kap_sites_leave(struct mm_struct *mm);

/*
 * A debugger expects to find the instructions that are in the program, and to stop at each of them:
 * user code that runs while one is connected is shown nothing patched.
 */
static inline bool kap_sites_hidden(void)
{
	return READ_ONCE(kap_ctl()->debug) & KAP_DEBUG_ON;
}

void kap_sites_switch(struct mm_struct *mm);

/* Before user code runs. */
static inline void kap_sites_enter_user(struct mm_struct *mm)
{
	if (unlikely(kap_sites_hidden() != mm->context.plain))
		kap_sites_switch(mm);
}

/* A forked address space has its parent's mappings; and one that goes away. */
void kap_sites_fork(struct mm_struct *mm, struct mm_struct *parent);
void kap_sites_drop(struct mm_struct *mm);

/*
 * Whether this address space may have the patched form of the text whose first byte would be at
 * addr; `base` is the text's number. With the space's lock.
 */
bool kap_sites_allow(struct mm_struct *mm, unsigned int base, unsigned long addr);

#endif
