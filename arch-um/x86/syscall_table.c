// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system call table. Every entry is called with six registers; the casts
 * here are the only place where the functions' own types are put aside.
 */
#include <linux/linkage.h>
#include <linux/cache.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#define __SYSCALL(nr, fn)                                                                         \
	extern long fn(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long, \
						unsigned long);
#define __SYSCALL_NORETURN(nr, fn)                                                            \
	extern long __noreturn fn(unsigned long, unsigned long, unsigned long, unsigned long, \
				  unsigned long, unsigned long);
#include <asm/syscalls_64.h>
#undef __SYSCALL
#undef __SYSCALL_NORETURN

#define __SYSCALL(nr, fn)		[nr] = fn,
#define __SYSCALL_NORETURN(nr, fn)	[nr] = fn,

const sys_call_ptr_t sys_call_table[NR_syscalls] = {
#include <asm/syscalls_64.h>
};
