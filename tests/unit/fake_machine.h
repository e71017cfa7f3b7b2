/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for the tests of gdb's remote protocol, behind struct rsp_ops: registers, 64 KiB of
 * memory, and checks that it is asked only what the header allows. Whoever includes this defines
 * FAKE_CHECK(condition).
 */
#ifndef TESTS_FAKE_MACHINE_H
#define TESTS_FAKE_MACHINE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "debug/rsp.h"

#define FAKE_BASE	0x670000400000ULL
#define FAKE_SIZE	65536
#define FAKE_CPUS	4
#define FAKE_OFF	2		/* this one is not alive at first */
#define FAKE_NO_XSAVE	3		/* and this one has no vector state at hand */

struct fake_point {
	enum rsp_point kind;
	uint64_t addr, len;
};

struct fake_machine {
	struct rsp *rsp;
	bool standing;
	bool off[FAKE_CPUS];
	bool gone;			/* killed, or the debugger has left */
	struct rsp_regs regs[FAKE_CPUS];
	uint8_t memory[FAKE_SIZE];

	unsigned int resumes, interrupts, detaches, kills, inserts, removes, register_writes;
	enum rsp_action actions[RSP_MAX_CPUS];
	struct fake_point point;	/* of the last insert or remove */
	unsigned int cpu;		/* of the last call that names one */
	char line[2048];		/* the last `monitor` */

	/* What calls answer. */
	int fail;			/* -errno of whatever can fail */
	const char *error;
	bool stops_at_once;		/* resume ends in a stop before it returns */
	bool ends_at_once;		/* or in the end of the guest */
	unsigned int output;		/* bytes of a `monitor`, in pieces of output_piece */
	unsigned int output_piece;
};

static inline bool fake_alive(void *arg, unsigned int cpu)
{
	struct fake_machine *fake = arg;

	FAKE_CHECK(cpu < RSP_MAX_CPUS);
	return cpu < FAKE_CPUS && !fake->off[cpu];
}

static inline struct fake_machine *fake_standing(void *arg, unsigned int cpu)
{
	struct fake_machine *fake = arg;

	FAKE_CHECK(fake->standing);
	FAKE_CHECK(!fake->gone);
	FAKE_CHECK(cpu < FAKE_CPUS && !fake->off[cpu]);
	fake->cpu = cpu;
	return fake;
}

static inline int fake_read_regs(void *arg, unsigned int cpu, struct rsp_regs *regs)
{
	struct fake_machine *fake = fake_standing(arg, cpu);

	if (!fake->fail)
		*regs = fake->regs[cpu];
	return fake->fail;
}

static inline int fake_write_regs(void *arg, unsigned int cpu, const struct rsp_regs *regs,
				  const char **error)
{
	struct fake_machine *fake = fake_standing(arg, cpu);

	fake->register_writes++;
	if (fake->error) {
		*error = fake->error;
		return -EPERM;
	}
	fake->regs[cpu] = *regs;
	return 0;
}

static inline size_t fake_read_memory(void *arg, unsigned int cpu, uint64_t addr, void *to,
				      size_t len)
{
	struct fake_machine *fake = fake_standing(arg, cpu);
	uint64_t offset = addr - FAKE_BASE;

	FAKE_CHECK(len && addr + (len - 1) >= addr);
	if (offset >= FAKE_SIZE)
		return 0;
	if (len > FAKE_SIZE - offset)
		len = FAKE_SIZE - offset;
	memcpy(to, fake->memory + offset, len);
	return len;
}

static inline int fake_write_memory(void *arg, unsigned int cpu, uint64_t addr, const void *from,
				    size_t len)
{
	struct fake_machine *fake = fake_standing(arg, cpu);
	uint64_t offset = addr - FAKE_BASE;

	FAKE_CHECK(len && addr + (len - 1) >= addr);
	if (offset >= FAKE_SIZE || len > FAKE_SIZE - offset)
		return -EFAULT;
	memcpy(fake->memory + offset, from, len);
	return 0;
}

static inline void fake_note_point(struct fake_machine *fake, enum rsp_point kind, uint64_t addr,
				   uint64_t len)
{
	FAKE_CHECK(kind <= RSP_AWATCH);
	FAKE_CHECK(kind < RSP_WATCH || len);
	fake->point = (struct fake_point){ kind, addr, len };
}

static inline int fake_insert(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr,
			      uint64_t len, const char **error)
{
	struct fake_machine *fake = fake_standing(arg, cpu);

	fake_note_point(fake, kind, addr, len);
	fake->inserts++;
	*error = fake->error;
	return fake->fail;
}

static inline int fake_remove(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr,
			      uint64_t len)
{
	struct fake_machine *fake = fake_standing(arg, cpu);

	fake_note_point(fake, kind, addr, len);
	fake->removes++;
	return fake->fail;
}

static inline void fake_stop(struct fake_machine *fake, const struct rsp_stop *stop)
{
	fake->standing = true;
	rsp__stopped(fake->rsp, stop);
}

static inline void fake_resume(void *arg, const enum rsp_action actions[RSP_MAX_CPUS])
{
	struct fake_machine *fake = arg;
	struct rsp_stop stop = { .why = RSP_WHY_STEP };
	unsigned int running = 0;

	FAKE_CHECK(fake->standing && !fake->gone);
	for (unsigned int cpu = 0; cpu < RSP_MAX_CPUS; cpu++) {
		FAKE_CHECK(actions[cpu] == RSP_STAY || fake_alive(arg, cpu));
		FAKE_CHECK(actions[cpu] <= RSP_STEP);
		running += actions[cpu] != RSP_STAY;
	}
	FAKE_CHECK(running);
	memcpy(fake->actions, actions, sizeof(fake->actions));
	fake->resumes++;
	fake->standing = false;
	if (fake->ends_at_once)
		rsp__exited(fake->rsp, 3);
	else if (fake->stops_at_once)
		fake_stop(fake, &stop);
}

static inline void fake_interrupt(void *arg)
{
	struct fake_machine *fake = arg;

	FAKE_CHECK(!fake->gone && !fake->standing);
	fake->interrupts++;
}

static inline void fake_detach(void *arg)
{
	struct fake_machine *fake = arg;

	FAKE_CHECK(fake->standing && !fake->gone);
	fake->detaches++;
	fake->gone = true;
}

static inline void fake_kill(void *arg)
{
	struct fake_machine *fake = arg;

	FAKE_CHECK(!fake->gone);
	fake->kills++;
	fake->gone = true;
	rsp__exited(fake->rsp, 9);
}

static inline void fake_describe(void *arg, unsigned int cpu, char *text, size_t size)
{
	fake_standing(arg, cpu);
	snprintf(text, size, "vCPU %u", cpu);
}

static inline void fake_command(void *arg, unsigned int cpu, const char *line,
				void (*out)(void *out_arg, const char *text, size_t len),
				void *out_arg)
{
	struct fake_machine *fake = fake_standing(arg, cpu);
	unsigned int left = fake->output, piece;
	static char text[8192];

	snprintf(fake->line, sizeof(fake->line), "%s", line);
	memset(text, 'z', sizeof(text));
	for (; left; left -= piece) {
		piece = fake->output_piece < left ? fake->output_piece : left;
		out(out_arg, text, piece);
	}
}

static const struct rsp_ops fake_ops = {
	.alive = fake_alive,
	.read_regs = fake_read_regs,
	.write_regs = fake_write_regs,
	.read_memory = fake_read_memory,
	.write_memory = fake_write_memory,
	.insert = fake_insert,
	.remove = fake_remove,
	.resume = fake_resume,
	.interrupt = fake_interrupt,
	.detach = fake_detach,
	.kill = fake_kill,
	.describe = fake_describe,
	.command = fake_command,
};

static inline void fake_init(struct fake_machine *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->standing = true;
	fake->output_piece = 1;
	fake->off[FAKE_OFF] = true;
	for (unsigned int n = 0; n < FAKE_SIZE; n++)
		fake->memory[n] = n * 7 + (n >> 8);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		struct rsp_regs *regs = &fake->regs[cpu];

		regs->general.ip = FAKE_BASE + 0x10 * cpu;
		regs->general.sp = 0x1122334455667788;
		regs->general.bp = cpu;
		regs->has_avx = true;
		regs->has_xsave = cpu != FAKE_NO_XSAVE;
		for (unsigned int n = 0; n < RSP_XSAVE_SIZE; n++)
			regs->xsave[n] = n < 512 || n >= 576 ? n + cpu : 0;
		memset(regs->xsave + 24, 0xff, 8);	/* mxcsr and its mask */
		regs->xsave[512] = 7;
	}
}

#endif
