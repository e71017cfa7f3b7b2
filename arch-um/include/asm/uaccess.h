/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory from the kernel. User pages are RAM, so the kernel walks the page
 * tables itself and copies in the linear map. This works whatever process of
 * the host the kernel executes in.
 */
#ifndef _ASM_KAP_UACCESS_H
#define _ASM_KAP_UACCESS_H

#include <linux/string.h>
#include <asm/asm.h>
#include <asm/page.h>
#include <asm/processor.h>

extern unsigned long kap_copy_from_user(void *to, const void __user *from, unsigned long n);
extern unsigned long kap_copy_to_user(void __user *to, const void *from, unsigned long n);
extern unsigned long kap_clear_user(void __user *to, unsigned long n);

static inline unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return kap_copy_from_user(to, from, n);
}

static inline unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return kap_copy_to_user(to, from, n);
}

#define INLINE_COPY_FROM_USER
#define INLINE_COPY_TO_USER

#define __clear_user(to, n)	kap_clear_user(to, n)

/* One kernel word that may not be mapped; goes to label `err` then. */
extern int kap_read_nofault(void *dst, const void *src, unsigned int size);
extern int kap_write_nofault(void *dst, const void *src, unsigned int size);

#define __get_kernel_nofault(dst, src, type, err)			\
	do {                                                  \
	if (kap_read_nofault(dst, src, sizeof(type)))			\
		goto err;						\
	} while (0)

#define __put_kernel_nofault(dst, src, type, err)			\
	do {                                                   \
	if (kap_write_nofault(dst, src, sizeof(type)))			\
		goto err;						\
	} while (0)

#include <asm/extable.h>
#include <asm-generic/uaccess.h>

#endif
