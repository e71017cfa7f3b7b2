// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's remote protocol: registers, memory, breakpoints and watchpoints.
 */
#include "debug/rsp_priv.h"

#include <errno.h>
#include <string.h>

/* ---- registers ---- */

static bool read_regs(struct rsp *rsp, struct rsp_regs *regs)
{
	int err = rsp->ops->read_regs(rsp->arg, rsp->cpu, regs);

	if (err)
		rsp_reply_error(rsp, err);
	return !err;
}

static void write_regs(struct rsp *rsp, const struct rsp_regs *regs)
{
	const char *error = NULL;
	int err = rsp->ops->write_regs(rsp->arg, rsp->cpu, regs, &error);

	if (err)
		rsp_reply_failed(rsp, err, error);
	else
		rsp_reply(rsp, "OK");
}

static void say_register(struct rsp *rsp, const struct rsp_regs *regs, unsigned int reg)
{
	uint8_t value[TDESC_REG_MAX];

	if (tdesc__get(regs, reg, value)) {
		packet__hex(&rsp->packet, value, tdesc__size(reg));
		return;
	}
	for (unsigned int n = tdesc__size(reg); n; n--)
		packet__text(&rsp->packet, "xx");
}

/* Those from `first` on, up to `end`; nothing may be left of the command. */
static void reply_registers(struct rsp *rsp, const struct packet_reader *args, unsigned int first,
			    unsigned int end)
{
	struct rsp_regs regs;

	if (packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	if (!read_regs(rsp, &regs))
		return;
	packet__begin(&rsp->packet);
	for (unsigned int reg = first; reg < end; reg++)
		say_register(rsp, &regs, reg);
	packet__end(&rsp->packet);
}

void rsp_read_all(struct rsp *rsp, struct packet_reader *args)
{
	reply_registers(rsp, args, 0, tdesc__count(rsp_has_avx(rsp)));
}

/* What is unavailable or said as x stays as it is. */
void rsp_write_all(struct rsp *rsp, struct packet_reader *args)
{
	unsigned int count = tdesc__count(rsp_has_avx(rsp));
	uint8_t value[TDESC_REG_MAX];
	struct rsp_regs regs;
	int err;

	if (!read_regs(rsp, &regs))
		return;
	for (unsigned int reg = 0; reg < count; reg++) {
		unsigned int size = tdesc__size(reg);
		const char *error = NULL;

		if (packet__left(args) >= 2 * size && *args->at == 'x') {
			args->at += 2 * size;
			continue;
		}
		if (!packet__take_hex(args, value, size)) {
			rsp_malformed(rsp);
			return;
		}
		err = tdesc__set(&regs, reg, value, &error);
		if (err && err != -ENODATA) {
			rsp_reply_failed(rsp, err, error);
			return;
		}
	}
	if (packet__left(args))
		rsp_malformed(rsp);
	else
		write_regs(rsp, &regs);
}

static bool take_register(struct rsp *rsp, struct packet_reader *args, unsigned int *reg)
{
	uint64_t number;

	if (!packet__take_number(args, &number)) {
		rsp_malformed(rsp);
		return false;
	}
	if (number >= tdesc__count(rsp_has_avx(rsp))) {
		rsp_refuse(rsp, "no such register");
		return false;
	}
	*reg = number;
	return true;
}

void rsp_read_one(struct rsp *rsp, struct packet_reader *args)
{
	unsigned int reg;

	if (take_register(rsp, args, &reg))
		reply_registers(rsp, args, reg, reg + 1);
}

void rsp_write_one(struct rsp *rsp, struct packet_reader *args)
{
	uint8_t value[TDESC_REG_MAX];
	const char *error = NULL;
	struct rsp_regs regs;
	unsigned int reg;
	int err;

	if (!take_register(rsp, args, &reg))
		return;
	if (!packet__take(args, "=") || !packet__take_hex(args, value, tdesc__size(reg)) ||
	    packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	if (!read_regs(rsp, &regs))
		return;
	err = tdesc__set(&regs, reg, value, &error);
	if (err)
		rsp_reply_failed(rsp, err, error);
	else
		write_regs(rsp, &regs);
}

/* ---- memory ---- */

static bool take_range(struct packet_reader *args, uint64_t *addr, uint64_t *len)
{
	return packet__take_number(args, addr) && packet__take(args, ",") &&
	       packet__take_number(args, len);
}

static bool wraps(uint64_t addr, uint64_t len)
{
	return len && addr + (len - 1) < addr;
}

/* As much as there is and fits: gdb asks for the rest. */
void rsp_read_memory(struct rsp *rsp, struct packet_reader *args)
{
	uint64_t addr, len;
	size_t got;

	if (!take_range(args, &addr, &len) || packet__left(args) || !len) {
		rsp_malformed(rsp);
		return;
	}
	if (len > PACKET_MAX / 2)
		len = PACKET_MAX / 2;
	if (wraps(addr, len))
		len = -addr;
	got = rsp->ops->read_memory(rsp->arg, rsp->cpu, addr, rsp->bytes, len);
	if (!got) {
		rsp_reply_error(rsp, -EFAULT);
		return;
	}
	packet__begin(&rsp->packet);
	packet__hex(&rsp->packet, rsp->bytes, got < len ? got : len);
	packet__end(&rsp->packet);
}

static void write_memory(struct rsp *rsp, uint64_t addr, const void *bytes, uint64_t len)
{
	int err = 0;

	if (wraps(addr, len))
		err = -EFAULT;
	else if (len)
		err = rsp->ops->write_memory(rsp->arg, rsp->cpu, addr, bytes, len);
	if (err)
		rsp_reply_error(rsp, err);
	else
		rsp_reply(rsp, "OK");
}

void rsp_write_hex(struct rsp *rsp, struct packet_reader *args)
{
	uint64_t addr, len;

	if (!take_range(args, &addr, &len) || !packet__take(args, ":") ||
	    len > sizeof(rsp->bytes) || !packet__take_hex(args, rsp->bytes, len) ||
	    packet__left(args))
		rsp_malformed(rsp);
	else
		write_memory(rsp, addr, rsp->bytes, len);
}

void rsp_write_binary(struct rsp *rsp, struct packet_reader *args)
{
	uint64_t addr, len;

	if (!take_range(args, &addr, &len) || !packet__take(args, ":") || packet__left(args) != len)
		rsp_malformed(rsp);
	else
		write_memory(rsp, addr, args->at, len);
}

/* ---- points ---- */

static bool take_point(struct rsp *rsp, struct packet_reader *args, enum rsp_point *kind,
		       uint64_t *addr, uint64_t *len)
{
	uint64_t number;

	if (!packet__take_number(args, &number) || !packet__take(args, ",") ||
	    !take_range(args, addr, len)) {
		rsp_malformed(rsp);
		return false;
	}
	if (number > RSP_AWATCH) {
		rsp_reply(rsp, "");
		return false;
	}
	*kind = number;
	/* Conditions and commands could follow; they were not offered to gdb. */
	if (packet__left(args) || (*kind >= RSP_WATCH && !*len) || wraps(*addr, *len)) {
		rsp_malformed(rsp);
		return false;
	}
	return true;
}

static void point_done(struct rsp *rsp, int err, const char *error)
{
	if (!err) {
		rsp_reply(rsp, "OK");
	} else if (err == -ENOSYS && !error) {
		rsp_reply(rsp, "");
	} else if (error) {
		/* gdb shows what follows a second dot. */
		packet__begin(&rsp->packet);
		packet__text(&rsp->packet, "E.point.");
		packet__text(&rsp->packet, error);
		packet__end(&rsp->packet);
	} else {
		rsp_reply_error(rsp, err);
	}
}

void rsp_insert(struct rsp *rsp, struct packet_reader *args)
{
	const char *error = NULL;
	enum rsp_point kind;
	uint64_t addr, len;
	int err;

	if (!take_point(rsp, args, &kind, &addr, &len))
		return;
	err = rsp->ops->insert(rsp->arg, rsp->cpu, kind, addr, len, &error);
	point_done(rsp, err, error);
}

void rsp_remove(struct rsp *rsp, struct packet_reader *args)
{
	enum rsp_point kind;
	uint64_t addr, len;

	if (take_point(rsp, args, &kind, &addr, &len))
		point_done(rsp, rsp->ops->remove(rsp->arg, rsp->cpu, kind, addr, len), NULL);
}
