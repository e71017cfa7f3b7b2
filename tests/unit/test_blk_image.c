// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disk images: locked while they are open, and refused with the next step when they can't be used.
 */
#define _GNU_SOURCE
#include "fake_blk.h"

static void refused(const char *name, bool read_only, int err, const char *part)
{
	const char *said;
	int ret;

	capture__begin();
	ret = blk__create(&fake_vm, name, read_only);
	said = capture__end();
	assert_int_equal(ret, -err);
	assert_one_line(said, part);
}

static void test_locks(void **state)
{
	(void)state;
	assert_int_equal(blk__create(&fake_vm, path, false), 0);
	refused(path, false, EWOULDBLOCK, "in use");
	refused(path, true, EWOULDBLOCK, "in use");
	assert_int_equal(dev__count(), 1);
	dev__shutdown(&fake_vm);
	assert_int_equal(blk__create(&fake_vm, path, true), 0);
	assert_int_equal(blk__create(&fake_vm, path, true), 0);
	refused(path, false, EWOULDBLOCK, "in use");
}

static void test_bad_images(void **state)
{
	(void)state;
	refused("/nonexistent/disk.img", false, ENOENT, "truncate");
	refused("/", false, EISDIR, "mke2fs");
	refused("/", true, EISDIR, "mke2fs");
	refused("/dev/null", true, EINVAL, "neither");
	make_image(0);
	refused(path, false, EINVAL, "empty");
	make_image(1000);
	refused(path, false, EINVAL, "truncate -s %512");
	assert_int_equal(dev__count(), 0);
}

static void test_fifo_does_not_block(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(path, true, EINVAL, "neither");
}

#define NOBODY	65534

static void test_no_permission(void **state)
{
	bool root = geteuid() == 0;

	(void)state;
	if (root) {		/* root may open everything */
		assert_int_equal(chown(path, NOBODY, NOBODY), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	assert_int_equal(chmod(path, 0400), 0);
	refused(path, false, EACCES, ",ro");
	assert_int_equal(blk__create(&fake_vm, path, true), 0);
	assert_int_equal(chmod(path, 0), 0);
	refused(path, true, EACCES, "not readable");
	if (root)
		assert_int_equal(seteuid(0), 0);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, fake_blk_setup, fake_blk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_locks),
		TEST(test_bad_images),
		TEST(test_fifo_does_not_block),
		TEST(test_no_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
