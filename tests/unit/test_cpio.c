// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is told to the guest's init: a valid cpio archive with the right files, also for odd
 * arguments; and where the initrd lies in guest memory.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <errno.h>
#include <cmocka.h>

#include "capture.h"
#include "vm/cpio.h"
#include "vm/initrd.h"
#include "vm/loader.h"
#include "vm/ram.h"
#include "vm/vm.h"

struct entry {
	char name[64];
	unsigned int mode, size;
	const uint8_t *data;
};

static unsigned int field(const uint8_t *header, int n)
{
	char text[9] = { 0 };

	memcpy(text, header + 6 + 8 * n, 8);
	return strtoul(text, NULL, 16);
}

/* An independent reader of the format. Returns the number of entries, trailer included. */
static int read_archive(const uint8_t *data, size_t size, struct entry *entries, int max)
{
	size_t at = 0;
	int n = 0;

	while (n < max) {
		unsigned int name_size, file_size;
		struct entry *e = &entries[n++];

		assert_true(at % 4 == 0);
		assert_true(at + 110 <= size);
		assert_memory_equal(data + at, "070701", 6);
		file_size = field(data + at, 6);
		name_size = field(data + at, 11);
		assert_true(name_size > 0 && name_size <= sizeof(e->name));
		assert_true(at + 110 + name_size <= size);
		memcpy(e->name, data + at + 110, name_size);
		assert_int_equal(strlen(e->name), name_size - 1);
		e->mode = field(data + at, 1);
		e->size = file_size;
		at = (at + 110 + name_size + 3) & ~3ul;
		assert_true(at + file_size <= size);
		e->data = data + at;
		at = (at + file_size + 3) & ~3ul;
		if (!strcmp(e->name, "TRAILER!!!")) {
			assert_true(at == size);
			return n;
		}
	}
	fail_msg("no trailer in the first %d entries", max);
	return 0;
}

static struct initrd_config config_with(char **argv)
{
	return (struct initrd_config){
		.argv = argv,
		.mode = "ports",
		.root = "/dev/vda",
		.term = "xterm-256color",
		.cols = 132,
		.rows = 43,
		.quiet = true,
	};
}

static void with_command(void **state)
{
	char *argv[] = { "sh", "-c", "echo 'a\nb'; exit 3", "", "\xff\x01", NULL };
	static const char expected[] = "sh\0-c\0echo 'a\nb'; exit 3\0\0\xff\x01";
	struct initrd_config config = config_with(argv);
	struct cpio cpio = { 0 };
	struct entry e[8] = { 0 };

	(void)state;
	assert_int_equal(initrd__describe_run(&config, &cpio), 0);
	assert_int_equal(read_archive(cpio.data, cpio.size, e, 8), 4);
	assert_string_equal(e[0].name, ".kap");
	assert_true(S_ISDIR(e[0].mode));
	assert_string_equal(e[1].name, ".kap/config");
	assert_true(S_ISREG(e[1].mode));
	assert_int_equal(e[1].size, strlen("mode=ports\nroot=/dev/vda\ncols=132\nrows=43\n"
					   "term=xterm-256color\nquiet=1\n"));
	assert_memory_equal(e[1].data,
			    "mode=ports\nroot=/dev/vda\ncols=132\nrows=43\n"
			    "term=xterm-256color\nquiet=1\n",
			    e[1].size);
	assert_string_equal(e[2].name, ".kap/argv");
	assert_int_equal(e[2].size, sizeof(expected));
	assert_memory_equal(e[2].data, expected, sizeof(expected));
	cpio__free(&cpio);
}

static void without_command(void **state)
{
	struct initrd_config config = config_with(NULL);
	struct cpio cpio = { 0 };
	struct entry e[8] = { 0 };

	(void)state;
	assert_int_equal(initrd__describe_run(&config, &cpio), 0);
	assert_int_equal(read_archive(cpio.data, cpio.size, e, 8), 3);
	assert_string_equal(e[1].name, ".kap/config");
	cpio__free(&cpio);
}

static void hostile_term(void **state)
{
	static const char *const terms[] = { "x\nroot=evil", "$(reboot)", "a b", "`x`", "x;y" };

	(void)state;
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		struct initrd_config config = config_with(NULL);
		struct cpio cpio = { 0 };
		struct entry e[8] = { 0 };

		config.term = terms[i];
		assert_int_equal(initrd__describe_run(&config, &cpio), 0);
		read_archive(cpio.data, cpio.size, e, 8);
		assert_non_null(memmem(e[1].data, e[1].size, "\nterm=\n", 7));
		cpio__free(&cpio);
	}
}

static void padding(void **state)
{
	(void)state;
	for (size_t len = 0; len < 9; len++) {
		struct cpio cpio = { 0 };
		struct entry e[4] = { 0 };

		assert_int_equal(cpio__file(&cpio, "name", 0644, "12345678", len), 0);
		assert_int_equal(cpio__file(&cpio, "next", 0644, "x", 1), 0);
		assert_int_equal(cpio__finish(&cpio), 0);
		assert_int_equal(read_archive(cpio.data, cpio.size, e, 4), 3);
		assert_int_equal(e[0].size, len);
		assert_memory_equal(e[0].data, "12345678", len);
		assert_string_equal(e[1].name, "next");
		cpio__free(&cpio);
	}
}

static void placed_behind_the_file(void **state)
{
	struct vm vm = { .ram_fd = -1, .doorbell_fd = -1 };
	struct loader_kernel kernel = { .start = KAP_PHYS_RAM, .end = KAP_PHYS_RAM + 0x100000 };
	struct initrd_config config = config_with(NULL);
	struct initrd_place place = { 0 };
	struct entry e[4] = { 0 };
	int fd = memfd_create("initrd", MFD_CLOEXEC);
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config.path = path;
	assert_int_equal(write(fd, "compressed", 10), 10);
	assert_int_equal(ram__create(&vm, RAM_MIN), 0);
	assert_int_equal(initrd__load(&vm, &config, &kernel, &place), 0);
	assert_true(place.start % KAP_PAGE_SIZE == 0);
	assert_true(place.start + place.size <= vm.mem_bytes);
	assert_true(place.start + place.size > vm.mem_bytes - KAP_PAGE_SIZE);
	assert_memory_equal(vm.mem + place.start,
			    "compressed\0\0"
			    "070701",
			    18);
	assert_int_equal(read_archive(vm.mem + place.start + 12, place.size - 12, e, 4), 3);
	ram__destroy(&vm);
	close(fd);
}

static void too_large(void **state)
{
	struct vm vm = { .ram_fd = -1, .doorbell_fd = -1 };
	struct loader_kernel kernel = { .start = KAP_PHYS_RAM, .end = KAP_PHYS_RAM + 0x100000 };
	struct initrd_config config = config_with(NULL);
	struct initrd_place place = { 0 };
	int fd = memfd_create("initrd", MFD_CLOEXEC), err;
	const char *said;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config.path = path;
	assert_int_equal(ftruncate(fd, 12 << 20), 0);
	assert_int_equal(ram__create(&vm, RAM_MIN), 0);
	capture__begin();
	err = initrd__load(&vm, &config, &kernel, &place);
	said = capture__end();
	assert_int_equal(err, -E2BIG);
	assert_non_null(strstr(said, "give --mem="));
	ram__destroy(&vm);
	/* What the message asks for is enough. */
	err = atoi(strstr(said, "give --mem=") + 11);
	assert_int_equal(ram__create(&vm, (uint64_t)err << 20), 0);
	assert_int_equal(initrd__load(&vm, &config, &kernel, &place), 0);
	ram__destroy(&vm);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_command),		  cmocka_unit_test(without_command),
		cmocka_unit_test(hostile_term),		  cmocka_unit_test(padding),
		cmocka_unit_test(placed_behind_the_file), cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests_name("cpio", tests, NULL, NULL);
}
