/* SPDX-License-Identifier: GPL-2.0-only */
/* Patched forms of files' text (patched.c): where system calls go through gates. */
#ifndef KAP_MM_PATCHED_H
#define KAP_MM_PATCHED_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <asm/pgtable.h>

struct kap_patched;

/* A page of text in its patched form, which may be shown to user code of any address space now. */
struct kap_patched_page {
	struct kap_patched *group;
	u8 *bytes;
	unsigned int base;	/* number of the file, for kap_sites_allow() */
	unsigned int offset;	/* of this page in the file */
};

/*
 * The page at addr, in process context with mm's lock; false when it can't be patched. Who has
 * changed it calls kap_patched_show(), and the address space gets to see it.
 */
bool kap_patched_get(struct mm_struct *mm, unsigned long addr, struct kap_patched_page *page);
void kap_patched_show(struct mm_struct *mm, unsigned long addr);

/* The rest of it is read into memory: under the same lock as the former, without mm's. */
void kap_patched_read(void);

/* Somebody is about to map the file for writing by stores. */
void kap_patched_leave(struct address_space *mapping);

/* What is to be executed in place of this page: its own address, or that of the patched form. */
u64 kap_patched_phys(struct mm_struct *mm, unsigned long addr, pte_t pte);

/* Whether most of the text around addr, in a mapping of a file, may be shown as one run. */
bool kap_patched_is_run(struct vm_area_struct *vma, unsigned long addr);

#endif
