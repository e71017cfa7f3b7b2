// SPDX-License-Identifier: GPL-2.0-only
/*
 * The debugger's side of the monitor, put together: a connection (server.c) speaks the protocol
 * (rsp.c) about a machine that is held and let go (stop.c), with its points (points.c), memory
 * (memory.c) and words (info.c).
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "debug/debug.h"
#include "debug/dump.h"
#include "debug/info.h"
#include "debug/memory.h"
#include "debug/packet.h"
#include "debug/points.h"
#include "debug/rsp.h"
#include "debug/server.h"
#include "debug/stop.h"
#include "vm/life.h"
#include "vm/msg.h"
#include "vm/vm.h"

static struct vm *vm;
static struct debug_config config;
static struct rsp *session;
static struct rsp_stop last_stop;
static bool panicked;
static bool is_debugger; /* who is connected */

/* ---- what the protocol asks for ---- */

static bool alive(void *arg, unsigned int cpu)
{
	(void)arg;
	return cpu < (unsigned int)vm->nr_cpus && stop__alive(cpu);
}

/* Under a hypervisor each cpuid costs microseconds, and registers are read at every stop. */
static bool has_avx;

static bool host_has_avx(void)
{
	unsigned int a, b, c, d, low, high;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return false;
	asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 6) == 6;
}

static int read_regs(void *arg, unsigned int cpu, struct rsp_regs *regs)
{
	const struct kap_park *park = &vm__vcpu(vm, cpu)->park;

	(void)arg;
	if (!stop__parked(cpu))
		return -EAGAIN;
	regs->general = park->regs;
	regs->has_xsave = park->has_xsave;
	regs->has_avx = has_avx;
	memcpy(regs->xsave, park->xsave, sizeof(regs->xsave));
	return 0;
}

static int write_regs(void *arg, unsigned int cpu, const struct rsp_regs *regs, const char **error)
{
	struct kap_park *park = &vm__vcpu(vm, cpu)->park;
	bool kernel_ip = regs->general.ip >= KAP_HOLE_START && regs->general.ip < KAP_HOLE_END;

	(void)arg;
	if (!stop__parked(cpu))
		return -EAGAIN;
	if (park->user && kernel_ip) {
		*error = "this vCPU runs user code: kernel functions can't be called from there; "
			 "choose a thread that is in the kernel, or step into it";
		return -EPERM;
	}
	if (!park->user && !kernel_ip) {
		*error = "this vCPU runs kernel code, and the address is not the kernel's";
		return -EPERM;
	}
	park->regs = regs->general;
	if (regs->has_xsave && park->has_xsave &&
	    memcmp(park->xsave, regs->xsave, sizeof(park->xsave))) {
		memcpy(park->xsave, regs->xsave, sizeof(park->xsave));
		park->xsave_changed = 1;
	}
	return 0;
}

static size_t read_memory(void *arg, unsigned int cpu, uint64_t addr, void *to, size_t len)
{
	size_t n = memory__read(vm, cpu, addr, to, len);

	(void)arg;
	points__hide(addr, to, n);
	return n;
}

static int write_memory(void *arg, unsigned int cpu, uint64_t addr, const void *from, size_t len)
{
	uint8_t bytes[16384];

	(void)arg;
	if (len > sizeof(bytes))
		return -EINVAL;
	/* Nothing is changed, the table of breakpoints neither, where not all can be written. */
	if (memory__read(vm, cpu, addr, bytes, len) != len)
		return -EFAULT;
	memcpy(bytes, from, len);
	points__rewrite(addr, bytes, len);
	return memory__write(vm, cpu, addr, bytes, len);
}

static int insert(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr, uint64_t len,
		  const char **error)
{
	(void)arg;
	(void)cpu;
	return points__insert(vm, kind, addr, len, error);
}

static int remove_point(void *arg, unsigned int cpu, enum rsp_point kind, uint64_t addr,
			uint64_t len)
{
	(void)arg;
	(void)cpu;
	return points__remove(vm, kind, addr, len);
}

static void resume(void *arg, const enum rsp_action actions[RSP_MAX_CPUS])
{
	(void)arg;
	panicked = false;
	stop__resume(actions);
}

static void interrupt(void *arg)
{
	(void)arg;
	stop__ask();
}

static void go_without_debugger(void)
{
	vm__ctl(vm)->debug = config.on_panic == DEBUG_PANIC_EXIT ? 0 : KAP_DEBUG_PANIC;
	panicked = false;
	stop__release();
}

/*
 * The guest runs on as if there had never been a debugger. While it runs a vCPU may just be at a
 * breakpoint, and debug registers can't be taken away: then it is stopped once more.
 */
static void let_guest_go(void)
{
	points__remove_all(vm);
	memory__choose(0);
	if (stop__standing())
		go_without_debugger();
	else
		stop__ask();
}

static void detach(void *arg)
{
	(void)arg;
	let_guest_go();
}

static void kill_guest(void *arg)
{
	(void)arg;
	life__end(LIFE_DEBUGGER, 0);
}

static void describe(void *arg, unsigned int cpu, char *text, size_t size)
{
	(void)arg;
	info__thread(vm, cpu, text, size);
}

static void command(void *arg, unsigned int cpu, const char *line,
		    void (*out)(void *out_arg, const char *text, size_t len), void *out_arg)
{
	(void)arg;
	info__command(vm, cpu, line, out, out_arg);
}

static const struct rsp_ops ops = {
	.alive = alive,
	.read_regs = read_regs,
	.write_regs = write_regs,
	.read_memory = read_memory,
	.write_memory = write_memory,
	.insert = insert,
	.remove = remove_point,
	.resume = resume,
	.interrupt = interrupt,
	.detach = detach,
	.kill = kill_guest,
	.describe = describe,
	.command = command,
};

/* ---- connections ---- */

static void send_bytes(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	server__send(bytes, len);
}

static void close_session(void)
{
	rsp__free(session);
	session = NULL;
}

static void begin_session(void)
{
	has_avx = host_has_avx();
	session = rsp__new(&ops, NULL, &last_stop, send_bytes, NULL);
	if (!session) {
		msg__note("no memory for a debugger's connection");
		is_debugger = false;
		server__hang_up(true);
		let_guest_go();
	}
}

/* rsp__receive() is on the stack: it may call on_stop(), and the session must outlive it. */
static bool receiving;

static void end_finished(void)
{
	if (receiving || !session || !rsp__finished(session))
		return;
	msg__detail("the debugger has left");
	close_session();
	is_debugger = false;
	server__hang_up(false);
}

static void feed(const void *bytes, size_t len)
{
	receiving = true;
	rsp__receive(session, bytes, len);
	receiving = false;
	end_finished();
}

/*
 * Whoever connects may be a port scanner. It is a debugger, and the guest is stopped, from the
 * first whole packet or Ctrl-C on; what has come by the time the machine stands is kept for the
 * session.
 */
static char early[PACKET_FRAME + 4096];
static size_t nr_early;
static struct packet probe;

/* The session acknowledges what it is given; what is damaged never gets there. */
static void send_refusal(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	if (*(const char *)bytes == '-')
		server__send(bytes, len);
}

static void take_early(void)
{
	size_t len = nr_early;

	nr_early = 0;
	if (session && len)
		feed(early, len);
}

static void on_connected(void)
{
	nr_early = 0;
	is_debugger = false;
	packet__init(&probe, send_refusal, NULL);
}

static void keep(const void *bytes, size_t len)
{
	if (len > sizeof(early) - nr_early)
		len = sizeof(early) - nr_early;
	memcpy(early + nr_early, bytes, len);
	nr_early += len;
}

/* How many of the bytes it took to know a debugger, 0: none is known yet. */
static size_t recognise(const char *bytes, size_t len)
{
	for (size_t n = 0; n < len; n++) {
		enum packet_event event = packet__byte(&probe, bytes[n]);

		/* A $ begins a packet, whatever came before. */
		if (bytes[n] == '$' || event == PACKET_INTERRUPT)
			nr_early = 0;
		keep(bytes + n, 1);
		if (event == PACKET_READY || event == PACKET_INTERRUPT)
			return n + 1;
	}
	return 0;
}

static void meet_debugger(void)
{
	is_debugger = true;
	msg__detail("a debugger has connected");
	/* A guest that has not begun to run yet is still to be held at its first instruction. */
	__atomic_fetch_or(&vm__ctl(vm)->debug, KAP_DEBUG_ON | KAP_DEBUG_PANIC, __ATOMIC_SEQ_CST);
	if (stop__standing()) {
		begin_session();
		take_early();
	} else {
		stop__ask();
	}
}

static void on_received(const void *bytes, size_t len)
{
	size_t known;

	if (!is_debugger) {
		known = recognise(bytes, len);
		if (!known)
			return;
		keep((const char *)bytes + known, len - known);
		meet_debugger();
	} else if (session) {
		feed(bytes, len);
	} else {
		keep(bytes, len);
	}
}

/* One that has said nothing makes room for another. */
static bool is_busy(void)
{
	return is_debugger;
}

static void on_gone(void)
{
	if (!is_debugger)
		return;
	is_debugger = false;
	msg__note("the debugger's connection has ended; the guest goes on");
	close_session();
	let_guest_go();
}

static const struct server_events events = {
	.connected = on_connected,
	.received = on_received,
	.gone = on_gone,
	.busy = is_busy,
};

/* ---- stops ---- */

static void dump_panic(void)
{
	if (!dump__write(vm, config.dump_path))
		msg__note("the guest's memory is in %s", config.dump_path);
	stop__release();
}

static void wait_for_debugger(void)
{
	char message[200];

	/* The guest's words: copied once, nothing of them reaches the terminal's controls. */
	memcpy(message, vm__ctl(vm)->message, sizeof(message) - 1);
	message[sizeof(message) - 1] = 0;
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	msg__note("the guest kernel has panicked: %s", message);
	if (config.name)
		msg__note("it waits for a debugger: kap gdb --attach %s", config.name);
	else
		msg__note("it waits for a debugger: kap gdb --attach %d", (int)getpid());
}

static void on_stop(const struct rsp_stop *stop)
{
	if (session) {
		last_stop = *stop;
		rsp__stopped(session, stop);
		end_finished();
		return;
	}
	last_stop = *stop;
	if (is_debugger) {
		begin_session();
		take_early();
		return;
	}
	if (stop->why == RSP_WHY_PANIC && !panicked) {
		panicked = true;
		if (config.on_panic == DEBUG_PANIC_DUMP) {
			dump_panic();
			return;
		}
		if (config.on_panic == DEBUG_PANIC_GDB) {
			wait_for_debugger();
			return;
		}
	}
	/* -S: until a debugger comes. Else nobody is there any more who would care. */
	if (config.stopped) {
		config.stopped = false;
		return;
	}
	go_without_debugger();
}

/* ---- for the rest of the monitor ---- */

int debug__start(struct vm *machine, const struct debug_config *wanted)
{
	char private[4096 + 8];
	int err = 0;

	config = *wanted;
	vm = machine;
	if (config.listen)
		err = server__listen(config.listen, &events);
	if (!err && config.private_socket) {
		snprintf(private, sizeof(private), "unix:%s", config.private_socket);
		err = server__listen(private, &events);
	}
	if (!err)
		err = stop__start(vm, on_stop);
	if (err) {
		server__stop();
		return err;
	}
	vm__ctl(vm)->debug = (config.stopped ? KAP_DEBUG_START | KAP_DEBUG_ON : 0) |
			     (config.on_panic == DEBUG_PANIC_EXIT ? 0 : KAP_DEBUG_PANIC);
	if (config.listen)
		msg__note("waiting for a debugger at %s", config.listen);
	return 0;
}

void debug__doorbell(struct vm *machine)
{
	(void)machine;
	stop__doorbell();
}

void debug__exited(struct vm *machine, int status)
{
	(void)machine;
	if (session)
		rsp__exited(session, status & 0xff);
}

void debug__stop(struct vm *machine)
{
	(void)machine;
	close_session();
	server__stop();
	stop__end();
}
