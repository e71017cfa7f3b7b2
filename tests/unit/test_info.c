// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine in words: tasks of vCPUs and the `monitor` commands, of guests that tell the truth
 * and of others.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>
#include <linux/virtio_config.h>

#include "capture.h"
#include "fake_tables.h"
#include "debug/info.h"
#include "debug/memory.h"
#include "dev/dev.h"
#include "dev/virtio.h"
#include "vm/clock.h"
#include "vm/log.h"

static char said[32768];

static void out(void *arg, const char *text, size_t len)
{
	size_t used = strlen(said);

	assert_ptr_equal(arg, said);
	assert_int_equal(strnlen(text, len), len);
	assert_true(used + len < sizeof(said));
	memcpy(said + used, text, len);
	said[used + len] = 0;
}

static void command(const char *line)
{
	memset(said, 0, sizeof(said));
	info__command(&vm, 0, line, out, said);
	assert_int_equal(said[strlen(said) - 1], '\n');
}

static void says(const char *part)
{
	if (!strstr(said, part))
		fail_msg("expected '%s' in: %s", part, said);
}

static void says_not(const char *part)
{
	if (strstr(said, part))
		fail_msg("expected no '%s' in: %s", part, said);
}

static void is_one_line(const char *part)
{
	says(part);
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static int setup(void **state)
{
	memory__choose(0);
	return fake_setup(state);
}

/* ---- threads ------------------------------------------------------------- */

static void thread_is(unsigned int cpu, const char *expected)
{
	char text[128];

	memset(text, 'x', sizeof(text));
	info__thread(&vm, cpu, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_threads(void **state)
{
	(void)state;
	fake_task(0, "swapper/0", 0, 0);
	fake_task(1, "sh", 17, 17);
	fake_task(2, "worker", 31, 30);
	thread_is(0, "swapper/0 pid 0, idle");
	thread_is(1, "sh pid 17, kernel");
	vm__vcpu(&vm, 2)->space = 4;
	vm__vcpu(&vm, 2)->park.user = 1;
	thread_is(2, "worker pid 31 of process 30, user code of space 4");
	thread_is(3, "off");
	thread_is(4, "no such vCPU");
	assert_int_equal(info__pid(&vm, 0), 0);
	assert_int_equal(info__pid(&vm, 2), 31);
	assert_int_equal(info__pid(&vm, 3), -1);
	assert_int_equal(info__pid(&vm, 4), -1);
	/* before the boot CPU has an idle task */
	fake_task(0, "swapper", 0, 0);
	thread_is(0, "swapper pid 0, kernel");
}

static void test_threads_not_parked(void **state)
{
	struct kap_vcpu *vcpu = vm__vcpu(&vm, 1);

	(void)state;
	fake_task(1, "sh", 17, 17);
	vcpu->park.parked = 0;
	vcpu->state = KAP_VCPU_KERNEL;
	thread_is(1, "kernel");
	vcpu->state = KAP_VCPU_USER;
	vcpu->space = 3;
	thread_is(1, "user code of space 3");
	vcpu->state = KAP_VCPU_IDLE;
	thread_is(1, "idle");
	vcpu->state = 99;
	thread_is(1, "in no state that kap knows (99)");
}

static void test_hostile_tasks(void **state)
{
	struct kap_guest_info *told = &vm__ctl(&vm)->info;
	struct kap_park *park = &vm__vcpu(&vm, 1)->park;
	uint64_t *pointer, root = fake_space(1, 17, "sh");
	char text[8];

	(void)state;
	fake_task(1, "a\033[31m\n\177\200 long name", 17, 17);
	thread_is(1, "a?[31m??? long  pid 17, kernel");
	info__thread(&vm, 1, text, sizeof(text));
	assert_string_equal(text, "a?[31m?");
	fake_task(1, "sh", -5, -5);
	assert_int_equal(info__pid(&vm, 1), -1);

	fake_task(1, "sh", 17, 17);
	pointer =
		(uint64_t *)(vm.mem + (park->stack - KAP_WINDOW) / KAP_STACK_SIZE * KAP_STACK_SIZE +
			     FAKE_TASK_OF_STACK);
	const uint64_t good = *pointer, stack = park->stack;
	const uint64_t bad[] = { 0,
				 1,
				 ~0ull,
				 KAP_WINDOW + vm.mem_bytes - FAKE_TASK_PID,
				 KAP_STUB_CTL,
				 KAP_VMALLOC_START };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*pointer = bad[i];
		thread_is(1, "kernel");
		*pointer = good;
		park->stack = bad[i];
		thread_is(1, "kernel");
		park->stack = stack;
	}
	/* a task among a program's data is none */
	fake_map(root, 0x400000, fake_page());
	vm__vcpu(&vm, 1)->space = 1;
	assert_int_equal(memory__read(&vm, 1, 0x400000, text, 1), 1);
	*pointer = 0x400000;
	thread_is(1, "kernel");
	*pointer = good;
	thread_is(1, "sh pid 17, kernel");
	/* a kernel that tells nothing, or nonsense */
	told->task_name = ~0u;
	thread_is(1, "kernel");
	told->task_name = FAKE_TASK_NAME;
	told->task_of_stack = 0;
	pointer[-1] = good;
	thread_is(1, "kernel");
}

/* ---- commands ------------------------------------------------------------- */

static void test_help(void **state)
{
	static const char *const lines[] = { "help", "  help ", "", "help\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		command(lines[i]);
		says("monitor spaces");
		says("monitor space PID|off");
		says("monitor vcpu [N]");
		says("monitor queues");
		says("monitor console [N]");
		says("monitor dump FILE");
		says("4 debug registers");
		says("ptrace");
	}
}

static void test_unknown(void **state)
{
	char *line = malloc(100000);

	(void)state;
	command("reset halt");
	is_one_line("Unknown command 'reset': `monitor help`");
	command("spac");
	is_one_line("Unknown command 'spac'");
	command("queues now");
	is_one_line("takes nothing");
	memset(line, 'x', 99999);
	line[99999] = 0;
	command(line);
	is_one_line("too long");
	free(line);
}

static void test_spaces(void **state)
{
	(void)state;
	command("spaces");
	is_one_line("no spaces");
	fake_space(1, 17, "sh");
	fake_space(2, 18, "\033c\r");
	vm__vcpu(&vm, 0)->space = 1;
	vm__vcpu(&vm, 0)->state = KAP_VCPU_PARKED;
	vm__vcpu(&vm, 2)->space = 1;
	vm__vcpu(&vm, 2)->state = KAP_VCPU_USER;
	vm__vcpu(&vm, 3)->space = 2;
	command("spaces");
	says("      1       17  sh               0x");
	says(" 0 2\n");
	says("      2       18  ?c?");
	says_not("*");
	says_not(" 3\n");
	says_not("\033");
}

static void test_choose(void **state)
{
	static const char *const bad[] = { "space x",
					   "space -1",
					   "space 17x",
					   "space 1 2",
					   "space 99999999999999999999",
					   "space 4294967313" };

	(void)state;
	fake_space(1, 17, "sh");
	fake_space(5, 18, "cat");
	command("space");
	is_one_line("of the current thread");
	command("space 18");
	is_one_line("space 5");
	assert_int_equal(memory__chosen(), 5);
	command("spaces");
	says("*     5       18  cat");
	command("space 19");
	is_one_line("No space belongs to process 19");
	assert_int_equal(memory__chosen(), 5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		command(bad[i]);
		is_one_line("is no pid");
		assert_int_equal(memory__chosen(), 5);
	}
	command("space off");
	is_one_line("of the current thread");
	assert_int_equal(memory__chosen(), 0);
}

static void test_vcpu(void **state)
{
	struct kap_vcpu *vcpu = vm__vcpu(&vm, 2);
	struct timespec ts;

	(void)state;
	vm__boot(&vm)->engine = KAP_ENGINE_PTRACE;
	fake_task(2, "sh", 17, 17);
	vcpu->park.why = KAP_PARK_BREAK;
	vcpu->space = 4;
	vcpu->nr_traps = 1234;
	vcpu->nr_faults = 56;
	vcpu->nr_bells = 7;
	vcpu->deadline_ns = ~0ull;
	vcpu->host_pid = 1000;
	vcpu->host_tid = 1002;
	vcpu->steal_ns = 1500000000;
	command("vcpu 2");
	says("vCPU 2: parked (int3)\n");
	says("sh pid 17, kernel; space 4\n");
	says("1234 traps, 56 of them faults; 7 doorbells\n");
	says("none pending\n");
	says("deadline     none\n");
	says("any host CPU; steal 1.500000 s, idle 0.000000 s\n");
	says("1002 of process 1000; no runner\n");
	says("engine       ptrace\n");
	says_not("crashed");

	vcpu->pending = KAP_BELL_TIMER | KAP_BELL_IPI | KAP_BELL_DEV | 1u << 31;
	vcpu->ipi = 0x12;
	vcpu->dev_pending = 1ull << 63;
	vcpu->place = 2;
	vcpu->runner_tid = 2002;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	vcpu->deadline_ns = (ts.tv_sec + 3600) * 1000000000ull;
	vcpu->saved.ip = 0x670000400000;
	vcpu->saved_trap = (struct kap_trap){ .kind = KAP_TRAP_FAULT, .error = 6, .addr = 0x10 };
	vcpu->saved_valid = 1;
	command("vcpu 2");
	says("timer device ipi unknown (ipi word 0x12) (slot 63: empty) \n");
	says("deadline     in 35");
	says("host CPU 1;");
	says("runner 2002\n");
	says("crashed at   0x670000400000; last trap: page fault, number 0, error 0x6, address "
	     "0x10");
	vcpu->deadline_ns = 1;
	command("vcpu 2");
	says("deadline     missed by ");
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A debugger that takes its time sees the same each time that it looks. */
static void test_deadline_stands(void **state)
{
	char first[sizeof(said)];
	uint64_t start;

	(void)state;
	clock__hold(&vm);
	vm__vcpu(&vm, 0)->deadline_ns = clock__guest_ns() + 5000000;
	command("vcpu 0");
	says("deadline     in 0.005000 s\n");
	strcpy(first, said);
	for (start = now_ns(); now_ns() - start < 10000000;)
		;
	command("vcpu 0");
	assert_string_equal(said, first);
	clock__release(&vm);
	assert_true(clock__guest_ns() + 10000000 <= now_ns());
	command("vcpu 0");
	says_not("deadline     in 0.005000 s\n");
}

static void test_vcpu_hostile(void **state)
{
	(void)state;
	command("vcpu");
	says("vCPU 0: off\n");
	says("vCPU 3: off\n");
	command("vcpu 3");
	says("vCPU 3: off\n");
	command("vcpu 4");
	is_one_line("give a number from 0 to 3");
	command("vcpu -1");
	is_one_line("give a number");
	memset(vm__vcpu(&vm, 3), 0xff, sizeof(struct kap_vcpu));
	memset(vm__ctl(&vm), 0xff, sizeof(struct kap_ctl));
	vm__boot(&vm)->engine = 77;
	command("vcpu 3");
	says("vCPU 3: unknown (unknown)\n");
	says("engine       unknown\n");
	command("spaces");
	is_one_line("no spaces");
}

/* ---- queues ---------------------------------------------------------------- */

static struct virtio_dev dev;

static void no_shutdown(struct virtio_dev *d)
{
	(void)d;
}

static void test_queues(void **state)
{
	static const struct virtio_ops ops = { .shutdown = no_shutdown };
	static const uint16_t sizes[] = { 16, 16 };
	uint64_t desc = fake_page(), avail = fake_page(), used = fake_page();
	uint16_t *ring = (uint16_t *)(vm.mem + avail);

	(void)state;
	command("queues");
	is_one_line("no devices");
	dev = (struct virtio_dev){
		.vm = &vm,
		.ops = &ops,
		.name = "test",
		.nr_queues = 2,
		.queue_sizes = sizes,
	};
	assert_int_equal(virtio__register(&dev), 0);
	command("queues");
	says("slot 0: test, status none (no driver); 0 requests in work; interrupts go to vCPU "
	     "0\n");
	says("    queue 0: not in use\n    queue 1: not in use\n");

	dev.status = VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK;
	dev.in_flight = 3;
	vm__dev(&vm, 0)->irq_cpu = 2;
	assert_null(queue__start(&dev.queues[1], 16, 16, desc, avail, used));
	ring[1] = 3;
	dev.queues[1].last_avail = 65535;
	dev.queues[1].used_idx = 65530;
	command("queues");
	says("slot 0: test, status driver driver_ok; 3 requests in work; interrupts go to vCPU "
	     "2\n");
	says("    queue 1: size 16; offered 3, taken 65535, given back 65530: 4 wait, 5 in work\n");
	ring[0] = 1;
	vm__dev(&vm, 0)->notify = 2;
	vm__dev(&vm, 0)->irq_queues = 2;
	command("queues");
	says("5 in work; notified; interrupt not yet taken; driver wants no interrupt\n");
	/* with event indexes the flag means nothing */
	dev.queues[1].event_idx = true;
	ring[2 + 16] = 65530;
	command("queues");
	says_not("wants no interrupt");
	ring[2 + 16] = 65529;
	command("queues");
	says("wants no interrupt");
	dev.broken = true;
	command("queues");
	says("(stopped: its driver broke the rules)");
	dev__shutdown(&vm);
}

/* ---- console, dump ---------------------------------------------------------- */

static void test_console(void **state)
{
	char line[32];

	(void)state;
	command("console");
	is_one_line("Nothing has come");
	for (int i = 0; i < 100; i++)
		log__keep(line, snprintf(line, sizeof(line), "line\033[1m %d\r\n", i));
	command("console 2");
	assert_string_equal(said, "line 98\nline 99\n");
	command("console");
	assert_memory_equal(said, "line 80\n", 8);
	says("line 99\n");
	command("console 4000000000");
	assert_memory_equal(said, "line 0\n", 7);
	command("console 0");
	is_one_line("give 1 or more");
	command("console all");
	is_one_line("give 1 or more");
}

static void test_dump(void **state)
{
	char path[] = "/tmp/kap-test-info.XXXXXX", line[256];

	(void)state;
	command("dump");
	is_one_line("Give the file");
	assert_non_null(mkdtemp(path));
	snprintf(line, sizeof(line), "dump %s/no/core", path);
	capture__begin();
	command(line);
	capture__end();
	is_one_line("was not written: No such file or directory");
	snprintf(line, sizeof(line), "dump %s/a core", path);
	command(line);
	is_one_line("Written");
	snprintf(line, sizeof(line), "%s/a core", path);
	assert_int_equal(unlink(line), 0);
	assert_int_equal(rmdir(path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_threads),
		TEST(test_threads_not_parked),
		TEST(test_hostile_tasks),
		TEST(test_help),
		TEST(test_unknown),
		TEST(test_spaces),
		TEST(test_choose),
		TEST(test_vcpu),
		TEST(test_deadline_stands),
		TEST(test_vcpu_hostile),
		TEST(test_queues),
		TEST(test_console),
		TEST(test_dump),
	};

	return cmocka_run_group_tests_name("info", tests, NULL, NULL);
}
