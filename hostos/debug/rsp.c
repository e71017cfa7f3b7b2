// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's remote protocol: the connection, why the machine stopped, and how it goes on.
 */
#include "debug/rsp_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_ABRT = 6 };

/* ---- replies ---- */

void rsp_reply(struct rsp *rsp, const char *text)
{
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, text);
	packet__end(&rsp->packet);
}

void rsp_reply_error(struct rsp *rsp, int err)
{
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, "E");
	packet__number(&rsp->packet, err < 0 && err >= -255 ? -err : 255, 2);
	packet__end(&rsp->packet);
}

void rsp_refuse(struct rsp *rsp, const char *text)
{
	packet__begin(&rsp->packet);
	packet__text(&rsp->packet, "E.");
	packet__text(&rsp->packet, text);
	packet__end(&rsp->packet);
}

void rsp_reply_failed(struct rsp *rsp, int err, const char *text)
{
	if (text)
		rsp_refuse(rsp, text);
	else
		rsp_reply_error(rsp, err);
}

void rsp_malformed(struct rsp *rsp)
{
	rsp_reply(rsp, "E01");
}

/* ---- threads ---- */

bool rsp_alive(const struct rsp *rsp, int cpu)
{
	return cpu >= 0 && cpu < RSP_MAX_CPUS && rsp->ops->alive(rsp->arg, cpu);
}

bool rsp_take_thread(struct packet_reader *args, int *cpu)
{
	uint64_t number;

	if (packet__take(args, "-1")) {
		*cpu = RSP_THREAD_ALL;
		return true;
	}
	if (!packet__take_number(args, &number))
		return false;
	/* What can't be a vCPU is one that is never alive. */
	*cpu = number > RSP_MAX_CPUS ? RSP_MAX_CPUS : (int)number - 1;
	if (!number)
		*cpu = RSP_THREAD_ANY;
	return true;
}

/* ---- stops ---- */

static void say_register(struct rsp *rsp, const struct rsp_regs *regs, unsigned int reg)
{
	uint8_t value[TDESC_REG_MAX];

	tdesc__get(regs, reg, value);
	packet__number(&rsp->packet, reg, 2);
	packet__text(&rsp->packet, ":");
	packet__hex(&rsp->packet, value, tdesc__size(reg));
	packet__text(&rsp->packet, ";");
}

/* gdb wants these after each stop; saying them here saves it from asking. */
static void say_registers(struct rsp *rsp)
{
	struct rsp_regs regs;

	if (rsp->ops->read_regs(rsp->arg, rsp->stop.cpu, &regs))
		return;
	say_register(rsp, &regs, TDESC_BP);
	say_register(rsp, &regs, TDESC_SP);
	say_register(rsp, &regs, TDESC_IP);
}

static void say_why(struct rsp *rsp)
{
	const struct rsp_stop *stop = &rsp->stop;

	switch (stop->why) {
	case RSP_WHY_BREAK:
		if (rsp->swbreak)
			packet__text(&rsp->packet, "swbreak:;");
		break;
	case RSP_WHY_HBREAK:
		if (rsp->hwbreak)
			packet__text(&rsp->packet, "hwbreak:;");
		break;
	case RSP_WHY_WATCH:
		packet__text(&rsp->packet, stop->kind == RSP_RWATCH ? "rwatch:" :
					   stop->kind == RSP_AWATCH ? "awatch:" :
								      "watch:");
		packet__number(&rsp->packet, stop->addr, 1);
		packet__text(&rsp->packet, ";");
		break;
	default:
		break;
	}
}

static void send_stop(struct rsp *rsp)
{
	int signal = rsp->stop.why == RSP_WHY_ASKED ? SIGNAL_INT :
		     rsp->stop.why == RSP_WHY_PANIC ? SIGNAL_ABRT :
						      SIGNAL_TRAP;

	packet__begin(&rsp->packet);
	if (rsp->exited) {
		packet__text(&rsp->packet, "W");
		packet__number(&rsp->packet, rsp->status, 2);
	} else {
		packet__text(&rsp->packet, "T");
		packet__number(&rsp->packet, signal, 2);
		packet__text(&rsp->packet, "thread:");
		packet__number(&rsp->packet, rsp->stop.cpu + 1, 1);
		packet__text(&rsp->packet, ";");
		say_why(rsp);
		say_registers(rsp);
	}
	packet__end(&rsp->packet);
}

static void leave(struct rsp *rsp)
{
	rsp_reply(rsp, "OK");
	rsp->finished = true;
	rsp->running = rsp->leaving = false;
	if (!rsp->exited)
		rsp->ops->detach(rsp->arg);
}

/* What gdb waited for has come. */
static void stand(struct rsp *rsp)
{
	rsp->running = false;
	if (rsp->leaving)
		leave(rsp);
	else
		send_stop(rsp);
}

static void take_stop(struct rsp *rsp, const struct rsp_stop *stop)
{
	rsp->stop = *stop;
	if (rsp->stop.cpu >= RSP_MAX_CPUS)
		rsp->stop.cpu = 0;
	rsp->cpu = rsp->stop.cpu;
}

void rsp__stopped(struct rsp *rsp, const struct rsp_stop *stop)
{
	if (!rsp->running || rsp->finished || rsp->exited)
		return;
	take_stop(rsp, stop);
	stand(rsp);
}

void rsp__exited(struct rsp *rsp, int status)
{
	if (rsp->finished || rsp->exited)
		return;
	rsp->exited = true;
	rsp->status = status & 0xff;
	if (rsp->running)
		stand(rsp);
}

static void why(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	send_stop(rsp);
}

/* ---- going on ---- */

static void resume(struct rsp *rsp, const enum rsp_action *actions)
{
	bool any = false;

	for (unsigned int cpu = 0; cpu < RSP_MAX_CPUS; cpu++)
		any |= actions[cpu] != RSP_STAY;
	if (rsp->exited) {
		send_stop(rsp);
	} else if (!any) {
		rsp_refuse(rsp, "no vCPU would run");
	} else {
		rsp->running = true;
		rsp->ops->resume(rsp->arg, actions);
	}
}

/* The signals that gdb passes on mean nothing to a machine. */
static bool take_action(struct packet_reader *args, enum rsp_action *action, bool stay_too)
{
	bool signal = packet__take(args, "C") || packet__take(args, "S");
	uint8_t number;

	if (signal || packet__take(args, "c") || packet__take(args, "s")) {
		*action = args->at[-1] == 'c' || args->at[-1] == 'C' ? RSP_CONTINUE : RSP_STEP;
		return !signal || packet__take_hex(args, &number, 1);
	}
	*action = RSP_STAY;
	return stay_too && packet__take(args, "t");
}

/* The first action that names a vCPU is the one that counts for it. */
static void vcont(struct rsp *rsp, struct packet_reader *args)
{
	enum rsp_action actions[RSP_MAX_CPUS] = { 0 }, action;
	bool given[RSP_MAX_CPUS] = { 0 };
	int thread;

	if (!packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	while (packet__left(args)) {
		thread = RSP_THREAD_ALL;
		if (!packet__take(args, ";") || !take_action(args, &action, true) ||
		    (packet__take(args, ":") && !rsp_take_thread(args, &thread))) {
			rsp_malformed(rsp);
			return;
		}
		if (thread == RSP_THREAD_ANY)
			thread = rsp->cpu;
		for (int cpu = 0; cpu < RSP_MAX_CPUS; cpu++) {
			if (given[cpu] || (thread != RSP_THREAD_ALL && thread != cpu))
				continue;
			given[cpu] = true;
			actions[cpu] = rsp_alive(rsp, cpu) ? action : RSP_STAY;
		}
	}
	resume(rsp, actions);
}

static bool set_address(struct rsp *rsp, unsigned int cpu, uint64_t addr)
{
	const char *error = NULL;
	struct rsp_regs regs;
	int err = rsp->ops->read_regs(rsp->arg, cpu, &regs);

	regs.general.ip = addr;
	if (!err)
		err = rsp->ops->write_regs(rsp->arg, cpu, &regs, &error);
	if (err)
		rsp_reply_failed(rsp, err, error);
	return !err;
}

/*
 * c, s, C and S. With a vCPU chosen by Hc only that one runs; else one that steps is the current
 * one, and the others run.
 */
static void go_on(struct rsp *rsp, struct packet_reader *args)
{
	enum rsp_action actions[RSP_MAX_CPUS] = { 0 }, action;
	int chosen = rsp->resumed_cpu, cpu = chosen >= 0 ? chosen : (int)rsp->cpu;
	bool has_addr, signal;
	uint64_t addr;

	args->at--;
	signal = *args->at == 'C' || *args->at == 'S';
	if (!take_action(args, &action, false)) {
		rsp_malformed(rsp);
		return;
	}
	has_addr = (!signal || packet__take(args, ";")) && packet__take_number(args, &addr);
	if (packet__left(args) || (signal && args->at[-1] == ';')) {
		rsp_malformed(rsp);
		return;
	}
	if (rsp->exited) {
		send_stop(rsp);
		return;
	}
	if (!rsp_alive(rsp, cpu)) {
		rsp_refuse(rsp, "that vCPU is off");
		return;
	}
	if (has_addr && !set_address(rsp, cpu, addr))
		return;
	if (chosen < 0)
		for (int n = 0; n < RSP_MAX_CPUS; n++)
			actions[n] = rsp_alive(rsp, n) ? RSP_CONTINUE : RSP_STAY;
	actions[cpu] = action;
	resume(rsp, actions);
}

/* ---- the end ---- */

static void detach(struct rsp *rsp, struct packet_reader *args)
{
	if (packet__left(args) && *args->at != ';') {
		rsp_malformed(rsp);
	} else if (!rsp->running) {
		leave(rsp);
	} else {
		/* Points can be taken away only from a machine that stands. */
		rsp->leaving = true;
		rsp->ops->interrupt(rsp->arg);
	}
}

static void finish_killing(struct rsp *rsp)
{
	rsp->finished = true;
	rsp->running = false;
	if (!rsp->exited)
		rsp->ops->kill(rsp->arg);
}

/* gdb waits for no answer to this one. */
static void kill_silently(struct rsp *rsp, struct packet_reader *args)
{
	if (packet__left(args))
		rsp_malformed(rsp);
	else
		finish_killing(rsp);
}

static void kill_guest(struct rsp *rsp, struct packet_reader *args)
{
	uint64_t process;

	if (!packet__take(args, ";") || !packet__take_number(args, &process) ||
	    packet__left(args)) {
		rsp_malformed(rsp);
		return;
	}
	rsp_reply(rsp, "OK");
	finish_killing(rsp);
}

/* ---- commands ---- */

static void ok(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	rsp_reply(rsp, "OK");
}

static void unknown(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	rsp_reply(rsp, "");
}

static void actions_known(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	rsp_reply(rsp, "vCont;c;C;s;S;t");
}

static void attached(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	rsp_reply(rsp, "1");
}

static void no_more(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	rsp_reply(rsp, "l");
}

static void no_acks(struct rsp *rsp, struct packet_reader *args)
{
	(void)args;
	packet__end_acks(&rsp->packet);
	rsp_reply(rsp, "OK");
}

enum when {
	STANDING = 1,			/* needs a machine that stands */
	RUNNING = 2,			/* may come while it runs */
	GONE = 4,			/* may come when it has ended */
	ALWAYS = STANDING | RUNNING | GONE,
};

/*
 * By name: one letter, or a word that ends where no letter or digit follows. The first that fits.
 */
static const struct command {
	const char *name;
	rsp_command *run;
	enum when when;
} commands[] = {
	{ "?", why, STANDING | GONE },
	{ "g", rsp_read_all, STANDING },
	{ "G", rsp_write_all, STANDING },
	{ "p", rsp_read_one, STANDING },
	{ "P", rsp_write_one, STANDING },
	{ "m", rsp_read_memory, STANDING },
	{ "M", rsp_write_hex, STANDING },
	{ "X", rsp_write_binary, STANDING },
	{ "Z", rsp_insert, STANDING },
	{ "z", rsp_remove, STANDING },
	{ "c", go_on, STANDING | GONE },
	{ "C", go_on, STANDING | GONE },
	{ "s", go_on, STANDING | GONE },
	{ "S", go_on, STANDING | GONE },
	{ "H", rsp_select, ALWAYS },
	{ "T", rsp_thread_alive, ALWAYS },
	{ "D", detach, ALWAYS },
	{ "k", kill_silently, ALWAYS },
	{ "vCont?", actions_known, ALWAYS },
	{ "vCont", vcont, STANDING | GONE },
	{ "vKill", kill_guest, ALWAYS },
	{ "vMustReplyEmpty", unknown, ALWAYS },
	{ "qSupported", rsp_supported, ALWAYS },
	{ "QStartNoAckMode", no_acks, ALWAYS },
	{ "qXfer", rsp_features, STANDING },
	{ "qRcmd", rsp_monitor, STANDING },
	{ "qC", rsp_current, ALWAYS },
	{ "qfThreadInfo", rsp_threads, ALWAYS },
	{ "qsThreadInfo", no_more, ALWAYS },
	{ "qThreadExtraInfo", rsp_thread_text, STANDING },
	{ "qAttached", attached, ALWAYS },
	{ "qSymbol", ok, ALWAYS },
	{ "qTStatus", unknown, ALWAYS },
};

static bool names(const char *name, struct packet_reader *args)
{
	const uint8_t *at = args->at;
	uint8_t next;

	if (!packet__take(args, name))
		return false;
	next = packet__left(args) ? *args->at | 0x20 : 0;
	if (!name[1] || !((next >= 'a' && next <= 'z') || packet__digit(next) >= 0))
		return true;
	args->at = at;
	return false;
}

static void run(struct rsp *rsp, struct packet_reader *args)
{
	enum when now = rsp->running ? RUNNING : rsp->exited ? GONE : STANDING;
	const struct command *command = commands;
	const struct command *end = commands + sizeof(commands) / sizeof(commands[0]);

	while (command < end && !names(command->name, args))
		command++;
	if (command == end)
		unknown(rsp, args);
	else if (rsp->leaving)
		rsp_malformed(rsp);
	else if (command->when & now)
		command->run(rsp, args);
	else if (command->name[0] == 'm' || command->name[0] == 'q')
		rsp_malformed(rsp);
	else
		rsp_refuse(rsp, rsp->exited ? "the guest has ended" :
					      "the guest runs: interrupt it first (Ctrl-C)");
}

/* ---- the connection ---- */

bool rsp_has_avx(struct rsp *rsp)
{
	struct rsp_regs regs;

	if (rsp->avx == RSP_AVX_UNKNOWN) {
		rsp->avx = RSP_AVX_NO;
		if (!rsp->ops->read_regs(rsp->arg, rsp->cpu, &regs) && regs.has_avx)
			rsp->avx = RSP_AVX_YES;
	}
	return rsp->avx == RSP_AVX_YES;
}

struct rsp *rsp__new(const struct rsp_ops *ops, void *arg, const struct rsp_stop *stop,
		     void (*send)(void *send_arg, const void *bytes, size_t len), void *send_arg)
{
	struct rsp *rsp = calloc(1, sizeof(*rsp));

	if (!rsp)
		return NULL;
	rsp->ops = ops;
	rsp->arg = arg;
	rsp->resumed_cpu = RSP_THREAD_ALL;
	take_stop(rsp, stop);
	packet__init(&rsp->packet, send, send_arg);
	return rsp;
}

void rsp__free(struct rsp *rsp)
{
	free(rsp);
}

static void interrupt(struct rsp *rsp)
{
	if (rsp->running)
		rsp->ops->interrupt(rsp->arg);
}

void rsp__receive(struct rsp *rsp, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	struct packet_reader args;

	for (; len && !rsp->finished; len--, byte++) {
		switch (packet__byte(&rsp->packet, *byte)) {
		case PACKET_READY:
			args.at = rsp->packet.data;
			args.end = rsp->packet.data + rsp->packet.len;
			run(rsp, &args);
			break;
		case PACKET_BAD:
			rsp_refuse(rsp, "a packet that is too long or damaged");
			break;
		case PACKET_INTERRUPT:
			interrupt(rsp);
			break;
		case PACKET_NOTHING:
			break;
		}
	}
}

bool rsp__finished(const struct rsp *rsp)
{
	return rsp->finished;
}

bool rsp__running(const struct rsp *rsp)
{
	return rsp->running;
}
