// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory for a debugger: each kind of address, and page tables and lists that a hostile
 * guest could make up.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "fake_tables.h"
#include "debug/memory.h"

#define USER 0x400000ull

static uint64_t kernel_root, page_a, page_b;

static int setup(void **state)
{
	if (fake_setup(state))
		return -1;
	memory__choose(0);
	kernel_root = fake_page();
	vm__ctl(&vm)->info.kernel_root = kernel_root;
	page_a = fake_page();
	page_b = fake_page();
	memset(vm.mem + page_a, 'a', KAP_PAGE_SIZE);
	memset(vm.mem + page_b, 'b', KAP_PAGE_SIZE);
	return 0;
}

/* How much of len bytes at addr is there, and that it is as said. */
static void reads(uint64_t addr, size_t len, const char *expected)
{
	char got[64] = "";

	assert_true(len < sizeof(got));
	assert_int_equal(memory__read(&vm, 0, addr, got, len), strlen(expected));
	assert_string_equal(got, expected);
}

static void is_absent(uint64_t addr)
{
	uint64_t phys;
	char byte = 'x';

	assert_int_equal(memory__read(&vm, 0, addr, &byte, 1), 0);
	assert_int_equal(memory__write(&vm, 0, addr, &byte, 1), -EFAULT);
	assert_int_equal(memory__physical(&vm, 0, addr, &phys, NULL), -EFAULT);
}

/* ---- what is right ------------------------------------------------------- */

static void test_window(void **state)
{
	uint64_t phys, len, end = KAP_WINDOW + vm.mem_bytes;

	(void)state;
	reads(KAP_WINDOW + page_b - 2, 4, "aabb");
	assert_int_equal(memory__physical(&vm, 0, KAP_WINDOW + page_a + 5, &phys, &len), 0);
	assert_int_equal(phys, page_a + 5);
	assert_int_equal(len, KAP_PAGE_SIZE - 5);
	/* the shared area is memory like any other */
	vm__ctl(&vm)->exit_cpu = 0x64636261;
	reads(KAP_WINDOW + KAP_PHYS_CTL + offsetof(struct kap_ctl, exit_cpu), 4, "abcd");
	/* the end of RAM */
	memcpy(vm.mem + vm.mem_bytes - 3, "end", 3);
	reads(end - 3, 10, "end");
	is_absent(end);
	is_absent(KAP_WINDOW - 1);
	assert_int_equal(memory__write(&vm, 0, end - 3, "fine", 4), -EFAULT);
	reads(end - 3, 3, "end");
	assert_int_equal(memory__write(&vm, 0, end - 3, "END", 3), 0);
	reads(end - 3, 3, "END");
}

static void test_kernel_ranges(void **state)
{
	(void)state;
	fake_map(kernel_root, KAP_VMALLOC_START, page_a);
	fake_map(kernel_root, KAP_VMALLOC_START + KAP_PAGE_SIZE, page_b);
	fake_map(kernel_root, KAP_MODULES_END - KAP_PAGE_SIZE, page_b);
	reads(KAP_VMALLOC_START + KAP_PAGE_SIZE - 2, 4, "aabb");
	reads(KAP_VMALLOC_START + 2 * KAP_PAGE_SIZE - 2, 4, "bb");
	assert_int_equal(memory__write(&vm, 0, KAP_VMALLOC_START + KAP_PAGE_SIZE - 1, "xy", 2), 0);
	assert_int_equal(vm.mem[page_a + KAP_PAGE_SIZE - 1], 'x');
	assert_int_equal(vm.mem[page_b], 'y');
	/* nothing is written when the end of it is not there */
	assert_int_equal(memory__write(&vm, 0, KAP_VMALLOC_START + 2 * KAP_PAGE_SIZE - 1, "12", 2),
			 -EFAULT);
	assert_int_equal(vm.mem[page_b + KAP_PAGE_SIZE - 1], 'b');
	/* modules end where the window begins */
	memcpy(vm.mem, "phys0", 5);
	reads(KAP_WINDOW - 2, 7, "bbphys0");
	is_absent(KAP_MODULES_START);
	is_absent(KAP_VMALLOC_END - 1);
}

static void test_large_leaves(void **state)
{
	uint64_t va = KAP_VMALLOC_START + 5 * FAKE_2M, phys;

	(void)state;
	/* bit 12 of a large leaf is a flag */
	*fake_entry(kernel_root, va, FAKE_2M) = KAP_PHYS_RAM + FAKE_2M + 0x1000 + FAKE_LEAF + 1;
	assert_int_equal(memory__physical(&vm, 0, va + 0x12345, &phys, NULL), 0);
	assert_int_equal(phys, KAP_PHYS_RAM + FAKE_2M + 0x12345);
	va = KAP_VMALLOC_START + FAKE_1G;
	*fake_entry(kernel_root, va, FAKE_1G) = FAKE_LEAF + 1;
	assert_int_equal(memory__physical(&vm, 0, va + page_b, &phys, NULL), 0);
	assert_int_equal(phys, page_b);
	reads(va + page_b, 3, "bbb");
	is_absent(va + vm.mem_bytes);
	is_absent(va + FAKE_1G - 1);
}

static void test_user(void **state)
{
	uint64_t root1 = fake_space(1, 17, "sh"), root2 = fake_space(2, 18, "cat");

	(void)state;
	fake_map(root1, USER, page_a);
	fake_map(root2, USER, page_b);
	*fake_entry(root2, USER + KAP_PAGE_SIZE, KAP_PAGE_SIZE) = page_a | FAKE_NONE;
	is_absent(USER);
	vm__vcpu(&vm, 0)->space = 1;
	vm__vcpu(&vm, 1)->space = 2;
	reads(USER, 2, "aa");
	vm__vcpu(&vm, 0)->space = 2;
	reads(USER + KAP_PAGE_SIZE - 1, 2, "ba");
	vm__vcpu(&vm, 0)->space = 3;
	is_absent(USER);
	memory__choose(1);
	assert_int_equal(memory__chosen(), 1);
	reads(USER, 2, "aa");
	/* the chosen one is gone: no other takes its place */
	vm__vcpu(&vm, 0)->space = 2;
	memory__choose(9);
	is_absent(USER);
	memory__choose(0);
	reads(USER, 2, "bb");
	/* a vCPU that does not exist */
	assert_int_equal(memory__read(&vm, 77, USER, &root1, 1), 0);
}

/* A space's page table says nothing of the hole and of what is above user addresses. */
static void test_hole(void **state)
{
	static const uint64_t no[] = {
		KAP_HOLE_START,	 KAP_STUB_CTL,	   KAP_MODULES_START - 1,
		KAP_VMALLOC_END, KAP_HOLE_END - 1, KAP_VMALLOC_START,
		KAP_USER_END,	 0x800000000000,   ~0ull,
		~0ull << 47,
	};
	uint64_t root = fake_space(1, 17, "sh");

	(void)state;
	vm__vcpu(&vm, 0)->space = 1;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		fake_map(root, no[i] & 0xfffffffff000, page_a);
		is_absent(no[i]);
	}
	fake_map(root, KAP_HOLE_START - KAP_PAGE_SIZE, page_a);
	fake_map(root, KAP_HOLE_END, page_a);
	fake_map(root, KAP_USER_END - KAP_PAGE_SIZE, page_a);
	fake_map(root, 0, page_b);
	reads(KAP_HOLE_START - 2, 9, "aa");
	reads(KAP_HOLE_END, 2, "aa");
	reads(KAP_USER_END - 2, 9, "aa");
	reads(0, 2, "bb");
}

/* ---- what is wrong ------------------------------------------------------- */

static void test_bad_roots(void **state)
{
	uint64_t bad[] = { 0,
			   1,
			   KAP_PHYS_VCPU,
			   kernel_root + 8,
			   kernel_root - 1,
			   vm.mem_bytes,
			   vm.mem_bytes - 8,
			   ~0ull,
			   ~0ull << 12,
			   1ull << 63 };

	(void)state;
	fake_map(kernel_root, KAP_VMALLOC_START, page_a);
	/* what a root that is off by one entry would find */
	*fake_entry(kernel_root, KAP_VMALLOC_START + (1ull << 39), 1ull << 39) =
		*fake_entry(kernel_root, KAP_VMALLOC_START, 1ull << 39);
	reads(KAP_VMALLOC_START, 1, "a");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vm__ctl(&vm)->info.kernel_root = bad[i];
		is_absent(KAP_VMALLOC_START);
	}
}

static void test_bad_entries(void **state)
{
	static const uint64_t sizes[] = { 1ull << 39, FAKE_1G, FAKE_2M, KAP_PAGE_SIZE };
	uint64_t bad[] = { vm.mem_bytes, 0xfffffffff000, 1ull << 40, 1ull << 63 | 1ull << 46 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t *entry;

		fake_map(kernel_root, KAP_VMALLOC_START, page_a);
		reads(KAP_VMALLOC_START, 1, "a");
		entry = fake_entry(kernel_root, KAP_VMALLOC_START, sizes[s]);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			*entry = bad[i] | FAKE_PRESENT;
			is_absent(KAP_VMALLOC_START);
			/* the address of a leaf has fewer bits: 0 here, which is a good one */
			if (sizes[s] == FAKE_1G && bad[i] < FAKE_1G)
				continue;
			*entry = bad[i] | FAKE_PRESENT | FAKE_LEAF;
			is_absent(KAP_VMALLOC_START);
		}
		/* not there, whatever else it says */
		*entry = page_a | 0xe7e;
		is_absent(KAP_VMALLOC_START);
		*entry = 0;
	}
	/* tables in the shared area are none, pages there are */
	*fake_entry(kernel_root, KAP_VMALLOC_START, FAKE_2M) = KAP_PHYS_DEV | 1;
	*(uint64_t *)(vm.mem + KAP_PHYS_DEV) = page_a | 1;
	is_absent(KAP_VMALLOC_START);
	*fake_entry(kernel_root, KAP_VMALLOC_START, FAKE_2M) = 0;
	fake_map(kernel_root, KAP_VMALLOC_START, KAP_PHYS_TIME);
	memcpy(vm__time(&vm), "tick", 4);
	reads(KAP_VMALLOC_START, 4, "tick");
}

/* A table that contains itself is a page like any other: four steps, then an answer. */
static void test_self_table(void **state)
{
	uint64_t phys;

	(void)state;
	for (unsigned int i = 0; i < 512; i++)
		fake_entries(kernel_root)[i] = kernel_root | FAKE_PRESENT;
	assert_int_equal(memory__physical(&vm, 0, KAP_VMALLOC_START + 0x123456789, &phys, NULL), 0);
	assert_int_equal(phys, kernel_root + 0x789);
}

/* ---- spaces -------------------------------------------------------------- */

static unsigned int seen;
static char names[64];

static void see(const struct kap_space_info *space, void *arg)
{
	assert_ptr_equal(arg, &seen);
	seen++;
	assert_true(strlen(space->name) < sizeof(space->name));
	if (strlen(names) + 17 < sizeof(names))
		strcat(strcat(names, space->name), " ");
}

static void count_spaces(void)
{
	seen = 0;
	names[0] = 0;
	memory__spaces(&vm, see, &seen);
}

static void test_spaces(void **state)
{
	uint64_t *first = (uint64_t *)&vm__ctl(&vm)->info.spaces, good;

	(void)state;
	count_spaces();
	assert_int_equal(seen, 0);
	assert_int_equal(memory__space_of(&vm, 17), 0);
	fake_space(1, 17, "sh");
	fake_space(7, 18, "a name of 16 byt");
	count_spaces();
	assert_int_equal(seen, 2);
	assert_string_equal(names, "a name of 16 by sh ");
	assert_int_equal(memory__space_of(&vm, 17), 1);
	assert_int_equal(memory__space_of(&vm, 18), 7);
	assert_int_equal(memory__space_of(&vm, 19), 0);
	assert_int_equal(memory__space_of(&vm, 0), 0);
	/* pointers that can't be */
	good = *first;
	const uint64_t bad[] = { 1,
				 good + 1,
				 good - KAP_WINDOW,
				 KAP_WINDOW + KAP_PHYS_CTL,
				 KAP_WINDOW + vm.mem_bytes,
				 KAP_WINDOW + vm.mem_bytes - 16,
				 KAP_WINDOW - 8,
				 KAP_VMALLOC_START,
				 -8ull };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*first = bad[i];
		count_spaces();
		assert_int_equal(seen, 0);
		*first = good;
		*(uint64_t *)(vm.mem + good - KAP_WINDOW) = bad[i];
		count_spaces();
		assert_int_equal(seen, 1);
	}
}

static void test_looping_lists(void **state)
{
	struct kap_space_info *space[5];

	(void)state;
	for (int i = 4; i >= 0; i--) {
		fake_space(i + 1, 100 + i, "x");
		space[i] =
			(struct kap_space_info *)(vm.mem + vm__ctl(&vm)->info.spaces - KAP_WINDOW);
	}
	for (int back = 0; back < 5; back++) {
		space[4]->next = KAP_WINDOW + ((uint8_t *)space[back] - vm.mem);
		count_spaces();
		assert_in_range(seen, 5, 20);
		assert_int_equal(memory__space_of(&vm, 104), 5);
		assert_int_equal(memory__space_of(&vm, 105), 0);
		memory__choose(6);
		is_absent(USER);
		memory__choose(0);
	}
}

/* RAM full of list: the search ends all the same. */
static void test_long_list(void **state)
{
	uint64_t at = KAP_PHYS_RAM, step = 40;

	(void)state;
	vm__ctl(&vm)->info.spaces = KAP_WINDOW + at;
	for (; at + sizeof(struct kap_space_info) <= vm.mem_bytes; at += step)
		*(uint64_t *)(vm.mem + at) = KAP_WINDOW + at + step;
	assert_true((at - KAP_PHYS_RAM) / step > 100000);
	count_spaces();
	assert_int_equal(seen, 65536);
}

/* ---- runs ---------------------------------------------------------------- */

struct run {
	uint64_t addr, phys, len;
};

static struct run runs[8];
static unsigned int nr_runs, max_runs;

static bool take_run(uint64_t addr, uint64_t phys, uint64_t len, void *arg)
{
	assert_ptr_equal(arg, runs);
	if (nr_runs == max_runs)
		return false;
	runs[nr_runs++] = (struct run){ addr, phys, len };
	return true;
}

static bool find_runs(uint64_t start, uint64_t end, unsigned int max)
{
	memset(runs, 0, sizeof(runs));
	nr_runs = 0;
	max_runs = max;
	return memory__kernel_runs(&vm, start, end, take_run, runs);
}

static void expect_run(unsigned int i, uint64_t addr, uint64_t phys, uint64_t len)
{
	assert_true(i < nr_runs);
	assert_int_equal(runs[i].addr, addr);
	assert_int_equal(runs[i].phys, phys);
	assert_int_equal(runs[i].len, len);
}

static void test_runs(void **state)
{
	uint64_t va = KAP_VMALLOC_START, p = KAP_PAGE_SIZE;
	uint64_t high = va + 700 * FAKE_1G;

	(void)state;
	assert_true(find_runs(va, KAP_VMALLOC_END, 8));
	assert_int_equal(nr_runs, 0);
	fake_map(kernel_root, va, page_a);
	fake_map(kernel_root, va + p, page_a + p);
	fake_map(kernel_root, va + 3 * p, page_a + 3 * p); /* behind a guard page */
	fake_map(kernel_root, va + 4 * p, page_a); /* another place */
	/* across tables, into a large leaf */
	fake_map(kernel_root, high - p, KAP_PHYS_RAM - p);
	*fake_entry(kernel_root, high, FAKE_2M) = KAP_PHYS_RAM | FAKE_LEAF | FAKE_PRESENT;
	fake_map(kernel_root, KAP_VMALLOC_END - p, page_b);
	assert_true(find_runs(va, KAP_VMALLOC_END, 8));
	assert_int_equal(nr_runs, 5);
	expect_run(0, va, page_a, 2 * p);
	expect_run(1, va + 3 * p, page_a + 3 * p, p);
	expect_run(2, va + 4 * p, page_a, p);
	expect_run(3, high - p, KAP_PHYS_RAM - p, FAKE_2M + p);
	expect_run(4, KAP_VMALLOC_END - p, page_b, p);
	/* no more than is wanted, and no further */
	assert_false(find_runs(va, KAP_VMALLOC_END, 4));
	assert_true(find_runs(va + p, va + 2 * p, 8));
	assert_int_equal(nr_runs, 1);
	expect_run(0, va + p, page_a + p, p);
	assert_true(find_runs(high + 3 * p, high + 5 * p, 8));
	assert_int_equal(nr_runs, 1);
	expect_run(0, high + 3 * p, KAP_PHYS_RAM + 3 * p, 2 * p);
}

/* Tables that say that everything is mapped, many times. */
static void test_hostile_runs(void **state)
{
	(void)state;
	*fake_entry(kernel_root, KAP_VMALLOC_START, FAKE_1G) = FAKE_LEAF | FAKE_PRESENT;
	assert_true(find_runs(KAP_VMALLOC_START, KAP_VMALLOC_END, 8));
	assert_int_equal(nr_runs, 1);
	expect_run(0, KAP_VMALLOC_START, 0, vm.mem_bytes);

	for (unsigned int i = 0; i < 512; i++)
		fake_entries(kernel_root)[i] = kernel_root | FAKE_PRESENT;
	assert_false(find_runs(KAP_VMALLOC_START, KAP_VMALLOC_END, 8));
	/* 2^32 pages that are looked at and not there */
	fake_map(kernel_root, 0, 0);
	for (unsigned int i = 0; i < 512; i++)
		fake_entries(page_a)[i] = page_b | FAKE_PRESENT;
	memset(vm.mem + page_b, 0, KAP_PAGE_SIZE);
	for (unsigned int i = 0; i < 512; i++)
		fake_entries(kernel_root)[i] = page_a | FAKE_PRESENT;
	uint64_t middle = fake_page();
	for (unsigned int i = 0; i < 512; i++) {
		fake_entries(kernel_root)[i] = middle | FAKE_PRESENT;
		fake_entries(middle)[i] = page_a | FAKE_PRESENT;
	}
	assert_false(find_runs(KAP_VMALLOC_START, KAP_VMALLOC_END, 8));
	assert_int_equal(nr_runs, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_window),	  TEST(test_kernel_ranges), TEST(test_large_leaves),
		TEST(test_user),	  TEST(test_hole),	    TEST(test_bad_roots),
		TEST(test_bad_entries),	  TEST(test_self_table),    TEST(test_spaces),
		TEST(test_looping_lists), TEST(test_long_list),	    TEST(test_runs),
		TEST(test_hostile_runs),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
