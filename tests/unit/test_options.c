// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of `kap run`: what is accepted, and that each kind of bad input is refused with a
 * message that names it.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "capture.h"
#include "cli/options.h"
#include "vm/cpulist.h"

#define PARSE(options, ...)							\
	({									\
		static char *argv_[] = { "run", ##__VA_ARGS__, NULL };		\
		options__parse(sizeof(argv_) / sizeof(argv_[0]) - 1, argv_, (options));	\
	})

#define REFUSED(text, ...)							\
	do {									\
		struct run_options o_;						\
		const char *said_;						\
		int err_;							\
										\
		capture__begin();						\
		err_ = PARSE(&o_, __VA_ARGS__);					\
		said_ = capture__end();						\
		options__free(&o_);						\
		if (!strstr(said_, text))					\
			fail_msg("message is '%s', expected '%s' in it", said_, text);	\
		assert_int_equal(err_, -EINVAL);				\
	} while (0)

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },	      { "4096", 4096 },
		{ "64K", 65536 },     { "256M", 256ull << 20 },
		{ "1g", 1ull << 30 }, { "17179869183G", 17179869183ull << 30 },
	};
	static const char *const bad[] = {
		"",
		"M",
		"-1",
		"+1",
		" 1",
		"1.5G",
		"1MB",
		"1X",
		"0x10",
		"17179869184G",
		"18446744073709551616",
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(options__size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!options__size(bad[i], &bytes))
			fail_msg("size '%s' was accepted", bad[i]);
}

static void seconds(void **state)
{
	static const char *const bad[] = {
		"", "0", "0.0", ".", "-1", "1s", "1e3", "1.2.3", "99999999999999999999",
	};
	uint64_t ns;

	(void)state;
	assert_int_equal(options__seconds("30", &ns), 0);
	assert_true(ns == 30000000000ull);
	assert_int_equal(options__seconds("0.5", &ns), 0);
	assert_true(ns == 500000000);
	assert_int_equal(options__seconds(".000000001", &ns), 0);
	assert_true(ns == 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!options__seconds(bad[i], &ns))
			fail_msg("time '%s' was accepted", bad[i]);
}

static void defaults(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(PARSE(&o), 0);
	assert_true(o.mem == 256ull << 20);
	assert_int_equal(o.cpus, 1);
	assert_int_equal(o.engine, KAP_ENGINE_PTRACE);
	assert_string_equal(o.root, "initrd");
	assert_null(o.kernel);
	assert_null(o.initrd);
	assert_null(o.argv);
	assert_null(o.append);
	assert_int_equal(o.nr_disks, 0);
	assert_true(!o.quiet && !o.verbose && !o.help && !o.timeout_ns);
	options__free(&o);
}

static void everything(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--engine=auto", "--mem", "33554433", "--cpus=1", "--kernel=k",
			       "--initrd", "i", "--append=a b", "--append", "c", "--disk=x,ro",
			       "--disk", "y,rom", "--root=/dev/vdb2", "--timeout=1.5", "-q", "--",
			       "ls", "--mem", "-v"),
			 0);
	/* Rounded up to whole pages. */
	assert_true(o.mem == 33554432 + 4096);
	assert_string_equal(o.kernel, "k");
	assert_string_equal(o.initrd, "i");
	assert_false(o.no_initrd);
	assert_string_equal(o.append, "a b c");
	assert_int_equal(o.nr_disks, 2);
	assert_string_equal(o.disks[0].path, "x");
	assert_true(o.disks[0].read_only);
	assert_string_equal(o.disks[1].path, "y,rom");
	assert_false(o.disks[1].read_only);
	assert_string_equal(o.root, "/dev/vdb2");
	assert_true(o.timeout_ns == 1500000000);
	assert_true(o.quiet && !o.verbose);
	assert_string_equal(o.argv[0], "ls");
	assert_string_equal(o.argv[1], "--mem");
	assert_string_equal(o.argv[2], "-v");
	assert_null(o.argv[3]);
	options__free(&o);
}

static void cpus(void **state)
{
	struct run_options o;
	struct cpulist_set allowed;
	unsigned int nr;

	(void)state;
	cpulist__allowed(&allowed);
	nr = cpulist__count(&allowed);
	assert_int_equal(PARSE(&o, "--cpus=64"), 0);
	assert_int_equal(o.cpus, 64);
	assert_int_equal(o.nr_pins, 0);
	assert_int_equal(PARSE(&o, "--cpus", "host"), 0);
	assert_int_equal(o.cpus, nr < 64 ? nr : 64);
}

static void pin(void **state)
{
	int cpu, absent = 0;
	struct cpulist_set allowed;
	char list[64], possible[256], message[512];
	char *argv[] = { "run", "--pin", list, NULL };
	struct run_options o;
	const char *said;

	(void)state;
	cpulist__allowed(&allowed);
	cpu = cpulist__next(&allowed, 0);
	while (cpulist__has(&allowed, absent))
		absent++;

	snprintf(list, sizeof(list), "%d,%d-%d", cpu, cpu, cpu);
	assert_int_equal(options__parse(3, argv, &o), 0);
	assert_int_equal(o.nr_pins, 2);
	assert_int_equal(o.pins[0], cpu);
	assert_int_equal(o.pins[1], cpu);

	/* The one that is missing is named, and those that there are. */
	snprintf(list, sizeof(list), "%d,%d", cpu, absent);
	cpulist__format(&allowed, possible, sizeof(possible));
	snprintf(message, sizeof(message), "host CPU %d is absent", absent);
	capture__begin();
	assert_int_equal(options__parse(3, argv, &o), -EINVAL);
	said = capture__end();
	assert_non_null(strstr(said, message));
	snprintf(message, sizeof(message), "possible: %s\n", possible);
	assert_non_null(strstr(said, message));
}

static void no_initrd(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--initrd=none"), 0);
	assert_true(o.no_initrd);
	options__free(&o);
	assert_int_equal(PARSE(&o, "--initrd=none", "--initrd=x"), 0);
	assert_false(o.no_initrd);
	options__free(&o);
}

static void refusals(void **state)
{
	(void)state;
	REFUSED("--mem: '31M'", "--mem=31M");
	REFUSED("--mem: '256MB'", "--mem=256MB");
	REFUSED("--mem: a value is missing", "--mem");
	REFUSED("--cpus: '0' is too few", "--cpus=0");
	REFUSED("--cpus: '65' is too many", "--cpus=65");
	REFUSED("is too many", "--cpus=99999999999999999999");
	REFUSED("--cpus: '1x' is no number", "--cpus=1x");
	REFUSED("--cpus: '-1' is no number", "--cpus=-1");
	REFUSED("--cpus: '' is no number", "--cpus=");
	REFUSED("--cpus: 'hosts' is no number", "--cpus=hosts");
	REFUSED("--cpus: ' 2' is no number", "--cpus", " 2");
	REFUSED("--pin: '' is no list", "--pin=");
	REFUSED("--pin: '1-0' is no list", "--pin=1-0");
	REFUSED("--pin: 'x' is no list", "--pin=x");
	REFUSED("--pin: '8192' names a CPU that no host has", "--pin=8192");
	REFUSED("the list is too long", "--pin=0-8191,0");
	REFUSED("not built yet", "--engine=seccomp");
	REFUSED("not built yet", "--engine=direct");
	REFUSED("--engine: 'kvm'", "--engine=kvm");
	REFUSED("--kernel: ''", "--kernel=");
	REFUSED("--disk: ''", "--disk=");
	REFUSED("--disk: ',ro'", "--disk=,ro");
	REFUSED("--root: '/dev/sda'", "--root=/dev/sda");
	REFUSED("--root: '/dev/vda1x'", "--root=/dev/vda1x");
	REFUSED("there are only 1 disks", "--disk=x", "--root=/dev/vdb");
	REFUSED("--timeout: '0'", "--timeout=0");
	REFUSED("exclude each other", "--quiet", "--verbose");
	REFUSED("--frobnicate: unknown option", "--frobnicate");
	REFUSED("-z: unknown option", "-z");
	REFUSED("--quiet=1: takes no value", "--quiet=1");
	REFUSED("'ls': unexpected argument", "ls");
	REFUSED("no command behind it", "--quiet", "--");
}

static void too_many_disks(void **state)
{
	char *argv[OPTIONS_MAX_DISKS + 3] = { "run" };
	struct run_options o;
	const char *said;
	int n = 1;

	(void)state;
	while (n <= OPTIONS_MAX_DISKS)
		argv[n++] = "--disk=x";
	assert_int_equal(options__parse(n, argv, &o), 0);
	options__free(&o);
	argv[n++] = "--disk=x";
	capture__begin();
	n = options__parse(n, argv, &o);
	said = capture__end();
	options__free(&o);
	assert_int_equal(n, -EINVAL);
	assert_non_null(strstr(said, "one too many"));
}

static void long_command(void **state)
{
	static char word[OPTIONS_MAX_COMMAND / 2];
	char *argv[] = { "run", "--", word, word, NULL };
	struct run_options o;
	const char *said;
	int err;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	assert_int_equal(options__parse(4, argv, &o), 0);
	options__free(&o);
	argv[1] = "-q";
	argv[2] = "--";
	assert_int_equal(options__parse(4, argv, &o), 0);
	options__free(&o);
	{
		char *longer[] = { "run", "--", word, word, "", NULL };

		capture__begin();
		err = options__parse(5, longer, &o);
		said = capture__end();
		options__free(&o);
	}
	assert_int_equal(err, -EINVAL);
	assert_non_null(strstr(said, "the command is longer than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),	  cmocka_unit_test(seconds),
		cmocka_unit_test(defaults),	  cmocka_unit_test(everything),
		cmocka_unit_test(no_initrd),	  cmocka_unit_test(refusals),
		cmocka_unit_test(cpus),		  cmocka_unit_test(pin),
		cmocka_unit_test(too_many_disks), cmocka_unit_test(long_command),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
