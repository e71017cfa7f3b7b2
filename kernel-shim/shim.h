/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of kernel-shim. */
#ifndef SHIM_H
#define SHIM_H

#include <kap/machine.h>
#include "x86/syscall.h"

#define NULL ((void *)0)
#define noreturn __attribute__((noreturn))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define barrier()	asm volatile("" : : : "memory")
#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

static inline struct kap_stack *stack_of(kap_u64 sp)
{
	return (struct kap_stack *)(sp & ~((kap_u64)KAP_STACK_SIZE - 1));
}

static inline struct kap_stack *this_stack(void)
{
	return stack_of((kap_u64)__builtin_frame_address(0));
}

static inline void zero(void *p, kap_u64 len)
{
	asm volatile("rep stosb" : "+D"(p), "+c"(len) : "a"(0) : "memory");
}

static inline void copy(void *to, const void *from, kap_u64 len)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
}

static inline long futex_wait(kap_u32 *word, kap_u32 value, const struct host_timespec *timeout)
{
	return host_call(HOST_futex, word, HOST_FUTEX_WAIT, value, timeout);
}

static inline void futex_wake(kap_u32 *word)
{
	host_call(HOST_futex, word, HOST_FUTEX_WAKE, 1);
}

/* signal.c: handlers and their stack for the calling vCPU thread; from here on it can be rung. */
void signal_setup(kap_u32 cpu);

/* signal.c: the stack for the handlers of a vCPU that is about to start; negative errno. */
int signal_prepare(kap_u32 cpu);

/* cpu.c: makes the calling thread the vCPU, with its timer. */
void cpu_setup(kap_u32 cpu);

/* place.c: binds the vCPU to the host CPU that the monitor names; cheap when nothing changed. */
void place_vcpu(kap_u32 cpu);

/* place.c: host CPU that the vCPU is bound to, plus 1; 0: none. */
kap_u32 place_of(kap_u32 cpu);

/* place.c: gives thread tid the vCPU's host CPU; *bound remembers what it has. */
void place_thread(kap_u32 cpu, kap_s32 tid, kap_u32 *bound);

/* engine/fpu.c: what other vCPUs want of the runners of this one (KAP_BELL_SHIM). */
void fpu_serve(kap_u32 cpu);

/* x86/thread.S: a thread of this process that calls fn(cpu) on the stack; tid or negative errno. */
long thread_start(void *stack_top, void (*fn)(kap_u32 cpu), kap_u32 cpu);

/* x86/thread.S: continues at fn(cpu) with the stack empty. */
void thread_restart(void *stack_top, void (*fn)(kap_u32 cpu), kap_u32 cpu) noreturn;

/* pool.c: the zygote and the first shells. */
void pool_setup(void);

/* cpu.c: sends a host signal to the thread that executes vCPU cpu. */
void cpu_signal(kap_u32 cpu, int sig);

/* cpu.c: from now on another thread executes the vCPU, whose timer this is. */
void cpu_use_timer(kap_u32 cpu, kap_s32 timer);

/* cpu.c: the deadline that was set has come. */
void cpu_timer_fired(kap_u32 cpu);

/* Ends the VM because the host refused something; err is a negative errno. */
void host_failed(const char *what, long err) noreturn;

#endif
