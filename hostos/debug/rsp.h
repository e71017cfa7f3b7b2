/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of gdb's remote protocol ("Remote Protocol" in gdb's manual), in all-stop mode.
 * A thread of gdb is a vCPU: thread id = vCPU number + 1. What the machine can do comes through
 * struct rsp_ops; bytes come and go through packet.h. No other dependency: this is unit-tested and
 * fuzzed without a guest.
 */
#ifndef HOSTOS_RSP_H
#define HOSTOS_RSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kap/vcpu.h>

#define RSP_MAX_CPUS	KAP_MAX_VCPUS

/*
 * x87, SSE and AVX state as XSAVE lays it out: 512 legacy bytes, 64 of header (XSTATE_BV counts),
 * 256 of YMM halves.
 */
#define RSP_XSAVE_SIZE	832

struct rsp_regs {
	struct kap_regs general;
	uint8_t xsave[RSP_XSAVE_SIZE];
	bool has_xsave;			/* false: none at hand, gdb is told "unavailable" */
	bool has_avx;			/* the same for all vCPUs, also without has_xsave */
};

enum rsp_point {			/* numbers of the Z packet */
	RSP_BREAK	= 0,
	RSP_HBREAK	= 1,
	RSP_WATCH	= 2,		/* write */
	RSP_RWATCH	= 3,		/* read */
	RSP_AWATCH	= 4,		/* either */
};

enum rsp_action { RSP_STAY, RSP_CONTINUE, RSP_STEP };

enum rsp_why {
	RSP_WHY_ASKED,			/* Ctrl-C or the connection itself: SIGINT */
	RSP_WHY_STEP,			/* SIGTRAP */
	RSP_WHY_BREAK,			/* SIGTRAP, swbreak */
	RSP_WHY_HBREAK,			/* SIGTRAP, hwbreak */
	RSP_WHY_WATCH,			/* SIGTRAP, watch/rwatch/awatch:addr */
	RSP_WHY_PANIC,			/* SIGABRT */
};

struct rsp_stop {
	unsigned int cpu;
	enum rsp_why why;
	enum rsp_point kind;		/* of the watchpoint, for RSP_WHY_WATCH */
	uint64_t addr;			/* its address */
};

/*
 * All but interrupt, alive and kill are called only while the machine is stopped, and none but
 * alive when it has ended. Functions that return int give 0 or -errno; *error (where there is one)
 * may be set to a static text for the user then.
 */
struct rsp_ops {
	/* vCPUs that are on; gdb sees no others. */
	bool (*alive)(void *arg, unsigned int cpu);
	int (*read_regs)(void *arg, unsigned int cpu, struct rsp_regs *regs);
	int (*write_regs)(void *arg, unsigned int cpu, const struct rsp_regs *regs,
			  const char **error);
	/* How many bytes from addr on could be read (may be 0, and less than len). */
	size_t (*read_memory)(void *arg, unsigned int cpu, uint64_t addr, void *to, size_t len);
	/* All of it or nothing. */
	int (*write_memory)(void *arg, unsigned int cpu, uint64_t addr, const void *from,
			    size_t len);
	/*
	 * len: bytes watched for watchpoints, else unused. Inserting twice the same is no error.
	 * -ENOSYS without a text: points of this kind don't exist here.
	 */
	int (*insert)(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr, uint64_t len,
		      const char **error);
	int (*remove)(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr,
		      uint64_t len);
	/* actions[n] is for vCPU n. rsp__stopped() follows, maybe at once, from inside. */
	void (*resume)(void *arg, const enum rsp_action actions[RSP_MAX_CPUS]);
	/* Stop as soon as possible; rsp__stopped() follows if the machine runs. */
	void (*interrupt)(void *arg);
	/* The debugger leaves: take all points away and let the guest go on. */
	void (*detach)(void *arg);
	/* End the guest. */
	void (*kill)(void *arg);
	/* One line for `info threads`: what the vCPU does. */
	void (*describe)(void *arg, unsigned int cpu, char *text, size_t size);
	/* `monitor LINE`: prints with out(out_arg, ...), any number of times. */
	void (*command)(void *arg, unsigned int cpu, const char *line,
			void (*out)(void *out_arg, const char *text, size_t len), void *out_arg);
};

struct rsp;

/*
 * A connection. send: bytes for the debugger. stop: why the machine stands now (it does while a
 * connection begins). NULL when out of memory.
 */
struct rsp *rsp__new(const struct rsp_ops *ops, void *arg, const struct rsp_stop *stop,
		     void (*send)(void *send_arg, const void *bytes, size_t len), void *send_arg);
void rsp__free(struct rsp *rsp);

/*
 * Bytes from the debugger, as they come. While it runs, and within ops, rsp__free() and
 * rsp__receive() of the same connection are not for use; the others are.
 */
void rsp__receive(struct rsp *rsp, const void *bytes, size_t len);

/* The machine has stopped, or has ended (exit status 0..255). */
void rsp__stopped(struct rsp *rsp, const struct rsp_stop *stop);
void rsp__exited(struct rsp *rsp, int status);

/* The debugger said goodbye (detach or kill): close the connection once everything is sent. */
bool rsp__finished(const struct rsp *rsp);

/* Whether gdb waits for the machine: it runs as far as gdb knows. */
bool rsp__running(const struct rsp *rsp);

#endif
