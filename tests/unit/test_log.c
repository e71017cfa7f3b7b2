// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log ring: bytes arrive in order, across its end too, and whatever the guest writes to
 * the counters does no harm.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture.h"
#include "vm/log.h"
#include "vm/vm.h"

static struct vm vm;
static uint32_t head;

static void guest_writes(const char *text, size_t len)
{
	struct kap_log *log = vm__log(&vm);

	for (size_t i = 0; i < len; i++)
		log->data[head++ % KAP_LOG_SIZE] = text[i];
	log->head = head;
}

static void expect_last(const char *text)
{
	char kept[128];
	size_t len = strlen(text);

	assert_int_equal(log__kept(kept, len), len);
	assert_memory_equal(kept, text, len);
}

static void in_order(void **state)
{
	char *much = malloc(100000);

	(void)state;
	memset(much, '.', 100000);
	for (int i = 0; i < 5; i++) {
		char line[16];

		guest_writes(much, 100000);
		guest_writes(line, snprintf(line, sizeof(line), "line %d\n", i));
		log__drain(&vm);
		expect_last(line);
		assert_int_equal(vm__log(&vm)->tail, head);
	}
	free(much);
}

static void hostile_counters(void **state)
{
	static const uint32_t jumps[] = {
		1, KAP_LOG_SIZE, KAP_LOG_SIZE + 1, 0x7fffffff, 0x80000000, 0xffffffff,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		head += jumps[i];
		vm__log(&vm)->head = head;
		vm__log(&vm)->tail = 0xdeadbeef;
		log__drain(&vm);
		assert_int_equal(vm__log(&vm)->tail, head);
		guest_writes("after", 5);
		log__drain(&vm);
		expect_last("after");
	}
}

static void last_lines(void **state)
{
	const char *said;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char line[32];

		log__add(line, snprintf(line, sizeof(line), "number %d\r\n", i));
	}
	log__add("\033]0;evil\a", 9);
	capture__begin();
	log__print_last(3);
	said = capture__end();
	assert_string_equal(said, "  | number 38\n  | number 39\n  | ?]0;evil?\n");
}

/* What a shell's prompt sends is taken out; a sequence without an end doesn't reach further. */
static void sequences(void **state)
{
	static const char text[] = "one\n\033[1;32mgreen\033[m \033[6n# \177\r\nend\033[12";
	const char *said;

	(void)state;
	capture__begin();
	log__keep(text, sizeof(text) - 1);
	assert_string_equal(capture__end(), "");
	capture__begin();
	log__print_last(2);
	said = capture__end();
	assert_string_equal(said, "  | green # ?\n  | end\n");
	expect_last("\033[12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(hostile_counters),
		cmocka_unit_test(last_lines),
		cmocka_unit_test(sequences),
	};
	int failed;

	vm.mem_bytes = KAP_PHYS_RAM;
	vm.mem = calloc(1, vm.mem_bytes);
	if (!vm.mem)
		return 1;
	failed = cmocka_run_group_tests_name("log", tests, NULL, NULL);
	free(vm.mem);
	return failed;
}
