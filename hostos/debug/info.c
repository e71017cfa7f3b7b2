// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine in words, for a debugger. What it says of tasks comes from guest memory at offsets
 * that the guest has told: it may be nonsense, so each read is checked and names are made
 * printable.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/virtio_config.h>

#include "debug/dump.h"
#include "debug/info.h"
#include "debug/memory.h"
#include "dev/virtio.h"
#include "vm/log.h"
#include "vm/clock.h"
#include "vm/vm.h"

#define NAME_SIZE 16
#define CONSOLE_LINES 20

struct answer {
	struct vm *vm;
	unsigned int cpu; /* gdb's current thread */
	void (*out)(void *out_arg, const char *text, size_t len);
	void *out_arg;
	unsigned int count;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct answer *answer, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		answer->out(answer->out_arg, text,
			    n < (int)sizeof(text) ? n : (int)sizeof(text) - 1);
}

/* ---- tasks ------------------------------------------------------------- */

struct task {
	char name[NAME_SIZE];
	int32_t pid, tgid;
};

static void make_printable(char name[NAME_SIZE])
{
	name[NAME_SIZE - 1] = 0;
	for (char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static bool read_all(struct vm *vm, unsigned int cpu, uint64_t addr, void *to, size_t len)
{
	/* The kernel's own only: a wild pointer must not show what some program has put there. */
	return addr >= KAP_HOLE_START && addr < KAP_HOLE_END &&
	       memory__read(vm, cpu, addr, to, len) == len;
}

/* The task on whose kernel stack the vCPU is. */
static bool read_task(struct vm *vm, unsigned int cpu, struct task *task)
{
	const struct kap_guest_info *told = &vm__ctl(vm)->info;
	uint32_t of_stack = __atomic_load_n(&told->task_of_stack, __ATOMIC_RELAXED);
	uint64_t stack = __atomic_load_n(&vm__vcpu(vm, cpu)->park.stack, __ATOMIC_RELAXED);
	uint64_t at;

	stack &= ~(KAP_STACK_SIZE - 1ull);
	/* The stack begins with struct kap_stack, so 0 means that nothing was told. */
	if (!of_stack || !read_all(vm, cpu, stack + of_stack, &at, sizeof(at)) ||
	    !read_all(vm, cpu, at + told->task_name, task->name, sizeof(task->name)) ||
	    !read_all(vm, cpu, at + told->task_pid, &task->pid, sizeof(task->pid)) ||
	    !read_all(vm, cpu, at + told->task_tgid, &task->tgid, sizeof(task->tgid)))
		return false;
	make_printable(task->name);
	return true;
}

static bool is_parked(struct vm *vm, unsigned int cpu)
{
	return __atomic_load_n(&vm__vcpu(vm, cpu)->park.parked, __ATOMIC_ACQUIRE);
}

/* What the vCPU executes. Its state is no help while it is parked. */
static void describe_code(struct vm *vm, unsigned int cpu, const struct task *task, char *text,
			  size_t size)
{
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
	uint32_t state = __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED);
	bool parked = is_parked(vm, cpu);

	if (state == KAP_VCPU_OFF)
		snprintf(text, size, "off");
	else if (parked ? vcpu->park.user : state == KAP_VCPU_USER)
		snprintf(text, size, "user code of space %u", vcpu->space);
	else if (state == KAP_VCPU_IDLE ||
		 (task && !task->pid && !strncmp(task->name, "swapper/", 8)))
		snprintf(text, size, "idle");
	else if (parked || state == KAP_VCPU_KERNEL)
		snprintf(text, size, "kernel");
	else
		snprintf(text, size, "in no state that kap knows (%u)", state);
}

void info__thread(struct vm *vm, unsigned int cpu, char *text, size_t size)
{
	struct task task;
	char code[64];

	if (cpu >= (unsigned int)vm->nr_cpus) {
		snprintf(text, size, "no such vCPU");
	} else if (!is_parked(vm, cpu) || !read_task(vm, cpu, &task)) {
		describe_code(vm, cpu, NULL, text, size);
	} else {
		describe_code(vm, cpu, &task, code, sizeof(code));
		if (task.pid == task.tgid)
			snprintf(text, size, "%s pid %d, %s", task.name, task.pid, code);
		else
			snprintf(text, size, "%s pid %d of process %d, %s", task.name, task.pid,
				 task.tgid, code);
	}
}

int32_t info__pid(struct vm *vm, unsigned int cpu)
{
	struct task task;

	if (cpu >= (unsigned int)vm->nr_cpus || !is_parked(vm, cpu) || !read_task(vm, cpu, &task))
		return -1;
	return task.pid < 0 ? -1 : task.pid;
}

/* ---- monitor spaces, monitor space -------------------------------------- */

static void say_space(const struct kap_space_info *space, void *arg)
{
	struct answer *answer = arg;
	struct vm *vm = answer->vm;
	char name[NAME_SIZE], cpus[KAP_MAX_VCPUS * 3 + 1] = "";
	size_t used = 0;

	if (!answer->count++)
		say(answer, "  space      pid  name             page table      vCPU\n");
	memcpy(name, space->name, sizeof(name));
	make_printable(name);
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);

		if (vcpu->space == space->id && vcpu->state != KAP_VCPU_OFF)
			used += snprintf(cpus + used, sizeof(cpus) - used, " %u", cpu);
	}
	say(answer, "%c %5u  %7d  %-15s  %#-14llx %s\n", space->id == memory__chosen() ? '*' : ' ',
	    space->id, space->pid, name, (unsigned long long)space->root, cpus);
}

static void list_spaces(struct answer *answer, const char *rest)
{
	(void)rest;
	memory__spaces(answer->vm, say_space, answer);
	if (!answer->count)
		say(answer, "The guest has no spaces yet, or its kernel does not tell of them.\n");
}

/* A decimal number and nothing behind it. */
static bool parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && !*end && *value <= max;
}

static void choose_space(struct answer *answer, const char *rest)
{
	unsigned long pid;
	uint32_t space;

	if (!strcmp(rest, "off")) {
		memory__choose(0);
	} else if (*rest) {
		if (!parse_number(rest, INT32_MAX, &pid)) {
			say(answer,
			    "'%.64s' is no pid; give one that `monitor spaces` shows, or "
			    "`off`.\n",
			    rest);
			return;
		}
		space = memory__space_of(answer->vm, pid);
		if (!space) {
			say(answer,
			    "No space belongs to process %lu; `monitor spaces` lists "
			    "them.\n",
			    pid);
			return;
		}
		memory__choose(space);
	}
	if (memory__chosen())
		say(answer, "User addresses and user breakpoints: space %u.\n", memory__chosen());
	else
		say(answer, "User addresses: the space of the current thread; user breakpoints: "
			    "all spaces.\n");
}

/* ---- monitor vcpu ------------------------------------------------------- */

static const char *name_of(const char *const *names, size_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}
#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof((names)[0]), value)

static void say_bells(const struct answer *answer, const struct kap_vcpu *vcpu)
{
	static const char *const names[] = { "timer", "device", "ipi", "park", "power", "shim" };
	uint32_t pending = __atomic_load_n(&vcpu->pending, __ATOMIC_RELAXED);
	uint64_t devs = __atomic_load_n(&vcpu->dev_pending, __ATOMIC_RELAXED);

	say(answer, "  doorbells    ");
	if (!pending)
		say(answer, "none pending");
	for (unsigned int bit = 0; bit < 32; bit++)
		if (pending & 1u << bit)
			say(answer, "%s ", NAME_OF(names, bit));
	if (pending & KAP_BELL_IPI)
		say(answer, "(ipi word %#x) ", vcpu->ipi);
	for (unsigned int slot = 0; devs; slot++, devs >>= 1) {
		const struct virtio_dev *dev = virtio__slot(slot);

		if (devs & 1)
			say(answer, "(slot %u: %s) ", slot, dev ? dev->name : "empty");
	}
	say(answer, "\n");
}

static void say_time(const struct answer *answer, const char *what, uint64_t ns)
{
	say(answer, "%s %llu.%06llu s", what, (unsigned long long)(ns / 1000000000),
	    (unsigned long long)(ns / 1000 % 1000000));
}

static void say_deadline(const struct answer *answer, uint64_t deadline)
{
	uint64_t now = clock__guest_ns();

	say(answer, "  deadline     ");
	if (!deadline || deadline == ~0ull) {
		say(answer, "none\n");
	} else if (deadline >= now) {
		say_time(answer, "in", deadline - now);
		say(answer, "\n");
	} else {
		say_time(answer, "missed by", now - deadline);
		say(answer, "\n");
	}
}

static void say_trap(const struct answer *answer, const struct kap_vcpu *vcpu)
{
	static const char *const kinds[] = { "doorbell", "system call", "page fault", "exception",
					     "runner killed by the host" };
	struct kap_trap trap;
	uint64_t ip;

	if (!__atomic_load_n(&vcpu->saved_valid, __ATOMIC_ACQUIRE))
		return;
	trap = vcpu->saved_trap;
	ip = vcpu->saved.ip;
	__asm__ volatile("" : "+m"(trap));
	say(answer,
	    "  crashed at   %#llx; last trap: %s, number %u, error %#llx, address %#llx, "
	    "host signal %d code %d\n",
	    (unsigned long long)ip, NAME_OF(kinds, trap.kind), trap.nr,
	    (unsigned long long)trap.error, (unsigned long long)trap.addr, trap.signo, trap.code);
}

static void show_vcpu(const struct answer *answer, unsigned int cpu)
{
	static const char *const states[] = { "off", "in the kernel", "in user code", "idle",
					      "parked" };
	static const char *const whys[] = { "for no reason", "asked to", "at the kernel's start",
					    "after a step",  "int3",	 "debug register",
					    "kernel panic" };
	static const char *const engines[] = { NULL, "ptrace", "seccomp", "direct" };
	struct vm *vm = answer->vm;
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
	uint32_t place = __atomic_load_n(&vcpu->place, __ATOMIC_RELAXED);
	char text[128];

	say(answer, "vCPU %u: %s", cpu,
	    NAME_OF(states, __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED)));
	if (is_parked(vm, cpu))
		say(answer, " (%s)", NAME_OF(whys, vcpu->park.why));
	info__thread(vm, cpu, text, sizeof(text));
	say(answer, "\n  runs         %s; space %u\n", text, vcpu->space);
	say(answer, "  counts       %llu traps, %llu of them faults; %llu doorbells\n",
	    (unsigned long long)vcpu->nr_traps, (unsigned long long)vcpu->nr_faults,
	    (unsigned long long)vcpu->nr_bells);
	say_bells(answer, vcpu);
	say_deadline(answer, __atomic_load_n(&vcpu->deadline_ns, __ATOMIC_RELAXED));
	if (place)
		say(answer, "  place        host CPU %u", place - 1);
	else
		say(answer, "  place        any host CPU");
	say_time(answer, "; steal", vcpu->steal_ns);
	say_time(answer, ", idle", vcpu->idle_ns);
	say(answer, "\n  host thread  %d of process %d; ", vcpu->host_tid, vcpu->host_pid);
	if (vcpu->runner_tid)
		say(answer, "runner %d\n", vcpu->runner_tid);
	else
		say(answer, "no runner\n");
	say_trap(answer, vcpu);
	say(answer, "  engine       %s\n", NAME_OF(engines, vm__boot(vm)->engine));
}

/* All without a number: gdb's idea of the current thread comes to us only now and then. */
static void show_vcpus(struct answer *answer, const char *rest)
{
	unsigned int nr = answer->vm->nr_cpus;
	unsigned long cpu;

	if (!*rest)
		for (cpu = 0; cpu < nr; cpu++)
			show_vcpu(answer, cpu);
	else if (parse_number(rest, nr - 1, &cpu))
		show_vcpu(answer, cpu);
	else
		say(answer, "'%.64s' is no vCPU; give a number from 0 to %u.\n", rest, nr - 1);
}

/* ---- monitor queues, monitor console ------------------------------------ */

static void say_status(const struct answer *answer, const struct virtio_dev *dev)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {
		{ VIRTIO_CONFIG_S_ACKNOWLEDGE, " acknowledge" },
		{ VIRTIO_CONFIG_S_DRIVER, " driver" },
		{ VIRTIO_CONFIG_S_FEATURES_OK, " features_ok" },
		{ VIRTIO_CONFIG_S_DRIVER_OK, " driver_ok" },
		{ VIRTIO_CONFIG_S_NEEDS_RESET, " needs_reset" },
		{ VIRTIO_CONFIG_S_FAILED, " failed" },
	};

	say(answer, "status");
	if (!dev->status)
		say(answer, " none (no driver)");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (dev->status & bits[i].bit)
			say(answer, "%s", bits[i].name);
}

static void say_queue(const struct answer *answer, const struct virtio_dev *dev, unsigned int i)
{
	const struct queue *q = &dev->queues[i];
	const struct kap_dev *page = vm__dev(answer->vm, dev->slot);
	struct queue_state state;

	if (!queue__look(q, &state)) {
		say(answer, "    queue %u: not in use\n", i);
		return;
	}
	say(answer,
	    "    queue %u: size %u; offered %u, taken %u, given back %u: %u wait, %u in "
	    "work%s%s%s\n",
	    i, q->size, state.offered, state.taken, state.given_back,
	    (uint16_t)(state.offered - state.taken), (uint16_t)(state.taken - state.given_back),
	    page->notify & 1u << i ? "; notified" : "",
	    page->irq_queues & 1u << i ? "; interrupt not yet taken" : "",
	    state.wants_interrupt ? "" : "; driver wants no interrupt");
}

static void show_queues(struct answer *answer, const char *rest)
{
	const struct virtio_dev *dev;

	(void)rest;
	for (unsigned int slot = 0; (dev = virtio__slot(slot)); slot++) {
		say(answer, "slot %u: %s, ", slot, dev->name);
		say_status(answer, dev);
		say(answer, "%s; %u requests in work%s; interrupts go to vCPU %u\n",
		    dev->broken ? " (stopped: its driver broke the rules)" : "", dev->in_flight,
		    dev->waiting ? ", the driver waits for them" : "",
		    vm__dev(answer->vm, slot)->irq_cpu);
		for (unsigned int i = 0; i < dev->nr_queues; i++)
			say_queue(answer, dev, i);
	}
	if (!dev && !virtio__slot(0))
		say(answer, "The guest has no devices.\n");
}

static void say_line(const char *line, void *arg)
{
	struct answer *answer = arg;

	answer->out(answer->out_arg, line, strlen(line));
	say(answer, "\n");
	answer->count++;
}

static void show_console(struct answer *answer, const char *rest)
{
	unsigned long lines = CONSOLE_LINES;

	if (*rest && (!parse_number(rest, UINT_MAX, &lines) || !lines)) {
		say(answer, "'%.64s' is no number of lines; give 1 or more.\n", rest);
		return;
	}
	log__last(lines, say_line, answer);
	if (!answer->count)
		say(answer, "Nothing has come from the guest's console yet.\n");
}

static void write_dump(struct answer *answer, const char *rest)
{
	int err;

	if (!*rest) {
		say(answer,
		    "Give the file to write: `monitor dump FILE` (a relative path starts where "
		    "kap runs).\n");
		return;
	}
	err = dump__write(answer->vm, rest);
	if (err)
		say(answer, "'%.300s' was not written: %s. kap's own terminal says more.\n", rest,
		    strerror(-err));
	else
		say(answer, "Written: '%.300s'. Open it with `gdb VMLINUX '%.100s'`.\n", rest,
		    rest);
}

/* ---- commands ------------------------------------------------------------ */

static void show_help(struct answer *answer, const char *rest);

static const struct {
	const char *name, *args, *what;
	void (*run)(struct answer *answer, const char *rest);
} commands[] = {
	{ "help", "", "this list", show_help },
	{ "spaces", "", "address spaces: process, page table, which vCPU has it", list_spaces },
	{ "space", "PID|off", "user addresses and user breakpoints are those of this process",
	  choose_space },
	{ "vcpu", "[N]", "state, traps, doorbells, times of vCPU N (gdb's thread N + 1), or of all",
	  show_vcpus },
	{ "queues", "", "virtio devices and how far their queues are", show_queues },
	{ "console", "[N]", "the last N lines of the console (20)", show_console },
	{ "dump", "FILE", "writes memory and registers as an ELF core for gdb", write_dump },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void show_help(struct answer *answer, const char *rest)
{
	(void)rest;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		char usage[32];

		snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].args);
		say(answer, "monitor %-16s %s\n", usage, commands[i].what);
	}
	say(answer,
	    "Watchpoints and hbreak: %d debug registers. Kernel: those of the vCPUs' host "
	    "threads, set through\nptrace. User code: those of the runners. On the direct engine "
	    "these are the same: %d for both.\n",
	    KAP_MAX_POINTS, KAP_MAX_POINTS);
}

void info__command(struct vm *vm, unsigned int cpu, const char *line,
		   void (*out)(void *out_arg, const char *text, size_t len), void *out_arg)
{
	struct answer answer = { .vm = vm, .out = out, .out_arg = out_arg };
	char copy[4096];
	char *word = copy, *rest, *end;

	(void)cpu;
	if (snprintf(copy, sizeof(copy), "%s", line) >= (int)sizeof(copy)) {
		say(&answer, "The command is too long.\n");
		return;
	}
	word += strspn(word, " \t");
	end = word + strlen(word);
	while (end > word && isspace((unsigned char)end[-1]))
		*--end = 0;
	rest = word + strcspn(word, " \t");
	if (*rest)
		*rest++ = 0;
	rest += strspn(rest, " \t");
	if (!*word)
		word = "help";
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(word, commands[i].name))
			continue;
		if (*rest && !*commands[i].args)
			say(&answer, "`monitor %s` takes nothing behind it.\n", word);
		else
			commands[i].run(&answer, rest);
		return;
	}
	say(&answer, "Unknown command '%.64s': `monitor help` lists all.\n", word);
}
