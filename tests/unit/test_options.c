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
	struct engine any;
	const char *why;

	(void)state;
	assert_int_equal(PARSE(&o), 0);
	/* What that is depends on the host. */
	assert_int_equal(engine__choose("auto", &any, &why), 0);
	assert_true(o.mem == 256ull << 20);
	assert_int_equal(o.cpus, 1);
	assert_int_equal(o.engine.engine, any.engine);
	assert_true(o.engine.chosen);
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
	options__free(&o);
	assert_int_equal(PARSE(&o, "--cpus", "host"), 0);
	assert_int_equal(o.cpus, nr < 64 ? nr : 64);
	options__free(&o);
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
	options__free(&o);

	/* The one that is missing is named, and those that there are. */
	snprintf(list, sizeof(list), "%d,%d", cpu, absent);
	cpulist__format(&allowed, possible, sizeof(possible));
	snprintf(message, sizeof(message), "host CPU %d is absent", absent);
	capture__begin();
	assert_int_equal(options__parse(3, argv, &o), -EINVAL);
	said = capture__end();
	options__free(&o);
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
	REFUSED("is no engine", "--engine=warp");
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

static void debugging(void **state)
{
	struct run_options o;
	struct engine any;
	const char *why;

	(void)state;
	assert_int_equal(PARSE(&o), 0);
	/* What that is depends on the host. */
	assert_int_equal(engine__choose("auto", &any, &why), 0);
	assert_null(o.gdb);
	assert_null(o.name);
	assert_null(o.dump);
	assert_false(o.stopped);
	assert_int_equal(o.on_panic, DEBUG_PANIC_EXIT);
	options__free(&o);

	assert_int_equal(PARSE(&o, "-sS", "--name=web-1", "--on-panic=gdb"), 0);
	assert_string_equal(o.gdb, "1234");
	assert_true(o.stopped);
	assert_string_equal(o.name, "web-1");
	assert_int_equal(o.on_panic, DEBUG_PANIC_GDB);
	options__free(&o);

	assert_int_equal(PARSE(&o, "--gdb", "65535", "--on-panic=dump", "--dump=/tmp/x"), 0);
	assert_string_equal(o.gdb, "65535");
	assert_int_equal(o.on_panic, DEBUG_PANIC_DUMP);
	assert_string_equal(o.dump, "/tmp/x");
	options__free(&o);

	/* The last one counts. */
	assert_int_equal(PARSE(&o, "-s", "--gdb=unix:a"), 0);
	assert_string_equal(o.gdb, "unix:a");
	options__free(&o);

	REFUSED("--gdb: '' is no place", "--gdb=");
	REFUSED("--gdb: '0' is no port", "--gdb=0");
	REFUSED("--gdb: '65536' is no port", "--gdb=65536");
	REFUSED("is no port", "--gdb=99999999999999999999");
	REFUSED("--gdb: '-1' is no place", "--gdb=-1");
	REFUSED("--gdb: '12x' is no place", "--gdb=12x");
	REFUSED("--gdb: '0.0.0.0:1234' is no place", "--gdb=0.0.0.0:1234");
	REFUSED("--gdb: 'unix:' names no socket", "--gdb=unix:");
	REFUSED("--gdb: a value is missing", "--gdb");
	REFUSED("--name: '' can't be", "--name=");
	REFUSED("--name: '17' can't be", "--name=17");
	REFUSED("--name: 'a/b' can't be", "--name=a/b");
	REFUSED("--on-panic: 'reboot' is nothing", "--on-panic=reboot");
	REFUSED("--dump: '' names no file", "--on-panic=dump", "--dump=");
	REFUSED("--dump=x: a dump is written only", "--dump=x");
	REFUSED("--dump: '/nonexistent/x': its folder: No such file", "--on-panic=dump",
		"--dump=/nonexistent/x");
	REFUSED("--dump: '/' is no file", "--on-panic=dump", "--dump=/");
	REFUSED("--attach=x: unknown option", "--attach=x");
	REFUSED("--gdb-option=x: unknown option", "--gdb-option=x");
}

static void long_socket(void **state)
{
	char path[200] = "--gdb=unix:";
	char *argv[] = { "run", path, NULL };
	size_t begin = strlen(path);
	struct run_options o;
	const char *said;
	int err;

	(void)state;
	memset(path + begin, 'x', 107);
	assert_int_equal(options__parse(2, argv, &o), 0);
	options__free(&o);
	path[begin + 107] = 'x';
	capture__begin();
	err = options__parse(2, argv, &o);
	said = capture__end();
	options__free(&o);
	assert_int_equal(err, -EINVAL);
	assert_non_null(strstr(said, "is too long for a socket"));
}

/* What `kap gdb` takes for itself, and what it hands on to `kap run`. */
static void gdb_command(void **state)
{
	static const char *const rest[] = {
		"--mem", "1G", "--append", "--attach", "-vS", "--kernel=k",
	};
	char *argv[] = {
		"gdb",	    "--mem",	"1G",  "--gdb-option", "--gdb-option=x",
		"--append", "--attach", "-vS", "--gdb-o=-x",   "--kernel=k",
		"--",	    "--attach", NULL,
	};
	char *attach[] = { "gdb", "--attach=web", "-q", "--kernel", "k", NULL };
	struct run_options o;
	const char *said;

	(void)state;
	assert_int_equal(options__parse(12, argv, &o), 0);
	assert_null(o.attach);
	assert_int_equal(o.nr_gdb_options, 2);
	assert_string_equal(o.gdb_options[0], "--gdb-option=x");
	assert_string_equal(o.gdb_options[1], "-x");
	assert_int_equal(o.nr_run_args, 6);
	for (unsigned int i = 0; i < 6; i++)
		assert_string_equal(o.run_args[i], rest[i]);
	assert_null(o.run_args[6]);
	assert_string_equal(o.append, "--attach");
	assert_string_equal(o.argv[0], "--attach");
	options__free(&o);

	assert_int_equal(options__parse(5, attach, &o), 0);
	assert_string_equal(o.attach, "web");
	assert_string_equal(o.kernel, "k");
	options__free(&o);
	attach[2] = "--mem=1G";
	capture__begin();
	assert_int_equal(options__parse(5, attach, &o), -EINVAL);
	said = capture__end();
	options__free(&o);
	assert_non_null(strstr(said, "--attach=web: that guest runs already"));
	attach[1] = "--attach=";
	capture__begin();
	assert_int_equal(options__parse(5, attach, &o), -EINVAL);
	said = capture__end();
	options__free(&o);
	assert_non_null(strstr(said, "--attach: '' names no guest"));
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
		cmocka_unit_test(debugging),	  cmocka_unit_test(long_socket),
		cmocka_unit_test(gdb_command),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
