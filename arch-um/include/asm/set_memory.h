/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protection of the kernel's own pages. Only vmalloc and module addresses have tables in
 * which it can be kept; the image gets its protection once, at the end of boot.
 */
#ifndef _ASM_KAP_SET_MEMORY_H
#define _ASM_KAP_SET_MEMORY_H

#include <linux/types.h>

extern int set_memory_ro(unsigned long addr, int numpages);
extern int set_memory_rw(unsigned long addr, int numpages);
extern int set_memory_x(unsigned long addr, int numpages);
extern int set_memory_nx(unsigned long addr, int numpages);
extern int set_memory_rox(unsigned long addr, int numpages);
#define set_memory_rox set_memory_rox

/* The image is protected: text can't be written as it is. */
extern bool kap_image_protected;

#endif
