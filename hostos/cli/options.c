// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of `kap run` and `kap gdb`: parsed and checked completely before anything is done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/options_debug.h"
#include "vm/cpulist.h"
#include "vm/msg.h"
#include "vm/ram.h"

enum option_id {
	OPT_ENGINE = 256,
	OPT_MEM,
	OPT_CPUS,
	OPT_PIN,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_DISK,
	OPT_ROOT,
	OPT_TIMEOUT,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_HELP,
};

#define NR_GDB_ONLY 2

static const struct option long_options[] = {
	/* The first NR_GDB_ONLY: of `kap gdb` only. */
	{ "attach", required_argument, NULL, OPT_ATTACH },
	{ "gdb-option", required_argument, NULL, OPT_GDB_OPTION },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "pin", required_argument, NULL, OPT_PIN },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "gdb", required_argument, NULL, OPT_GDB },
	{ "on-panic", required_argument, NULL, OPT_ON_PANIC },
	{ "dump", required_argument, NULL, OPT_DUMP },
	{ 0 },
};

int options__size(const char *text, uint64_t *bytes)
{
	unsigned int shift = 0;
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	switch (*end) {
	case 'K':
	case 'k':
		shift = 10;
		break;
	case 'M':
	case 'm':
		shift = 20;
		break;
	case 'G':
	case 'g':
		shift = 30;
		break;
	case 0:
		break;
	default:
		return -EINVAL;
	}
	if (shift && end[1])
		return -EINVAL;
	if (shift && value >> (64 - shift))
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

int options__seconds(const char *text, uint64_t *ns)
{
	uint64_t value = 0, unit = 1000000000;
	bool digits = false, point = false;

	for (const char *c = text; *c; c++) {
		if (*c == '.' && !point) {
			point = true;
			continue;
		}
		if (*c < '0' || *c > '9')
			return -EINVAL;
		digits = true;
		if (!point) {
			if (value > 1000000000ull * 1000000)
				return -EINVAL;
			value = value * 10 + (*c - '0') * unit;
		} else {
			unit /= 10;
			value += (*c - '0') * unit;
		}
	}
	if (!digits || !value)
		return -EINVAL;
	*ns = value;
	return 0;
}

int options__bad(const char *option, const char *value, const char *next)
{
	msg__error("--%s: '%s' %s", option, value, next);
	return -EINVAL;
}

static int set_engine(struct run_options *o, const char *value)
{
	const char *why;

	return engine__choose(value, &o->engine, &why) ? options__bad("engine", value, why) : 0;
}

static int set_mem(struct run_options *o, const char *value)
{
	uint64_t bytes;

	if (options__size(value, &bytes) || bytes > 1ull << 50)
		return options__bad("mem", value,
			   "is no size; give a number with K, M or G, as in --mem=256M");
	if (bytes < RAM_MIN)
		return options__bad("mem", value,
				    "is too little for a guest kernel; give 32M or more");
	o->mem = (bytes + KAP_PAGE_SIZE - 1) & ~(KAP_PAGE_SIZE - 1ull);
	return 0;
}

static int set_cpus(struct run_options *o, const char *value)
{
	struct cpulist_set allowed;
	char *end;
	unsigned long n;

	if (!strcmp(value, "host")) {
		cpulist__allowed(&allowed);
		n = cpulist__count(&allowed);
		o->cpus = n < KAP_MAX_VCPUS ? n : KAP_MAX_VCPUS;
		return 0;
	}
	errno = 0;
	n = strtoul(value, &end, 10);
	if (end == value || *end || *value < '0' || *value > '9')
		return options__bad("cpus", value,
			   "is no number of CPUs; give 1 to 64, or host for as many as kap may "
			   "use here");
	if (!n)
		return options__bad("cpus", value,
				    "is too few: a guest needs one; give 1 to 64, or host");
	if (errno || n > KAP_MAX_VCPUS)
		return options__bad("cpus", value,
				    "is too many: a guest has 64 at most; give 1 to 64");
	o->cpus = n;
	return 0;
}

static int set_pin(struct run_options *o, const char *value)
{
	static uint16_t list[CPULIST_CPUS];
	struct cpulist_set allowed;
	char possible[256];
	int n = cpulist__parse(value, list, CPULIST_CPUS);

	if (n == -EINVAL)
		return options__bad(
			"pin", value,
			   "is no list of host CPUs; give numbers and ranges, as in --pin=0-1,3");
	cpulist__allowed(&allowed);
	cpulist__format(&allowed, possible, sizeof(possible));
	if (n == -E2BIG) {
		msg__error("--pin: the list is too long; one host CPU for each vCPU is enough, of "
			   "%s",
			   possible);
		return -EINVAL;
	}
	if (n < 0) {
		msg__error("--pin: '%s' names a CPU that no host has; these are possible: %s",
			   value, possible);
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		if (!cpulist__has(&allowed, list[i])) {
			msg__error("--pin: host CPU %u is absent, offline or not allowed here (see "
				   "taskset, cpuset); these are possible: %s",
				   list[i], possible);
			return -EINVAL;
		}
	}
	o->nr_pins = n < KAP_MAX_VCPUS ? n : KAP_MAX_VCPUS;
	memcpy(o->pins, list, o->nr_pins * sizeof(*list));
	return 0;
}

static int add_append(struct run_options *o, const char *value)
{
	char *text;

	if (asprintf(&text, "%s%s%s", o->append ? o->append : "", o->append ? " " : "", value) <
	    0) {
		msg__error("--append: %s; free some memory", strerror(ENOMEM));
		return -EINVAL;
	}
	free(o->append);
	o->append = text;
	return 0;
}

static int add_disk(struct run_options *o, const char *value)
{
	struct options_disk *disk = &o->disks[o->nr_disks];
	char *comma;

	if (o->nr_disks == OPTIONS_MAX_DISKS)
		return options__bad("disk", value, "is one too many; 24 disks are possible");
	disk->path = strdup(value);
	if (!disk->path) {
		msg__error("--disk: %s; free some memory", strerror(ENOMEM));
		return -EINVAL;
	}
	o->nr_disks++;
	disk->read_only = false;
	comma = strrchr(disk->path, ',');
	if (comma && !strcmp(comma, ",ro")) {
		disk->read_only = true;
		*comma = 0;
	}
	if (!*disk->path)
		return options__bad("disk", value,
				    "names no file; give --disk=FILE or --disk=FILE,ro");
	return 0;
}

static int set_root(struct run_options *o, const char *value)
{
	bool disk = !strncmp(value, "/dev/vd", 7) && value[7] >= 'a' && value[7] <= 'x' &&
		    (!value[8] || (value[8] >= '1' && value[8] <= '9' && !value[9]));

	if (strcmp(value, "initrd") && !disk)
		return options__bad("root", value,
			   "can't be the root; give initrd or a disk, as in "
			   "--root=/dev/vda");
	o->root = value;
	return 0;
}

static int set_timeout(struct run_options *o, const char *value)
{
	if (options__seconds(value, &o->timeout_ns))
		return options__bad("timeout", value,
			   "is no time; give seconds above 0, as in --timeout=30");
	return 0;
}

static int set_file(const char *option, const char *value, const char **to)
{
	if (!*value)
		return options__bad(option, value, "names no file");
	*to = value;
	return 0;
}

static int set_option(struct run_options *o, int id, const char *value)
{
	switch (id) {
	case OPT_ENGINE:
		return set_engine(o, value);
	case OPT_MEM:
		return set_mem(o, value);
	case OPT_CPUS:
		return set_cpus(o, value);
	case OPT_PIN:
		return set_pin(o, value);
	case OPT_KERNEL:
		return set_file("kernel", value, &o->kernel);
	case OPT_INITRD:
		o->no_initrd = !strcmp(value, "none");
		return set_file("initrd", value, &o->initrd);
	case OPT_APPEND:
		return add_append(o, value);
	case OPT_DISK:
		return add_disk(o, value);
	case OPT_ROOT:
		return set_root(o, value);
	case OPT_TIMEOUT:
		return set_timeout(o, value);
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	case OPT_VERBOSE:
		o->verbose = true;
		return 0;
	}
	return options_debug__set(o, id, value);
}

/* Elements [first, end) of argv were one option. */
static void keep_run_args(struct run_options *o, char **argv, int first, int end, int id)
{
	if (id == OPT_ATTACH || id == OPT_GDB_OPTION)
		return;
	while (first < end)
		o->run_args[o->nr_run_args++] = argv[first++];
	if (id != OPT_KERNEL && id != OPT_QUIET && id != OPT_VERBOSE)
		o->describes_guest = true;
}

static int short_option(int id)
{
	switch (id) {
	case 'q':
		return OPT_QUIET;
	case 'v':
		return OPT_VERBOSE;
	case 'h':
		return OPT_HELP;
	case 's':
		return OPT_GDB_DEFAULT;
	case 'S':
		return OPT_STOPPED;
	}
	return id;
}

static int bad_option(const char *command, const char *what, int id)
{
	const char *wrong = "unknown option";

	if (id == ':')
		wrong = "a value is missing";
	else if (optopt >= 256)
		wrong = "takes no value";
	msg__error("%s: %s; see `kap help %s`", what, wrong, command);
	return -EINVAL;
}

static int check_together(const struct run_options *o)
{
	size_t command = 0;

	if (o->quiet && o->verbose) {
		msg__error("--quiet and --verbose exclude each other; give one of them");
		return -EINVAL;
	}
	if (strcmp(o->root, "initrd") && (unsigned int)(o->root[7] - 'a') >= o->nr_disks) {
		msg__error("--root=%s: there are only %u disks; add --disk=FILE for it", o->root,
			   o->nr_disks);
		return -EINVAL;
	}
	for (char **arg = o->argv; arg && *arg; arg++) {
		command += strlen(*arg) + 1;
		if (command > OPTIONS_MAX_COMMAND) {
			msg__error("the command is longer than %d bytes; put it "
				   "into a file of the guest",
				   OPTIONS_MAX_COMMAND);
			return -EINVAL;
		}
	}
	return 0;
}

static int take_command(struct run_options *o, int argc, char **argv)
{
	if (optind < argc) {
		if (strcmp(argv[optind - 1], "--")) {
			msg__error("'%s': unexpected argument; put the guest's command behind "
				   "--, as in `kap %s -- %s`",
				   argv[optind], argv[0], argv[optind]);
			return -EINVAL;
		}
		o->argv = argv + optind;
	} else if (argc > 1 && !strcmp(argv[argc - 1], "--")) {
		msg__error("--: no command behind it; give one, or leave -- away for a shell");
		return -EINVAL;
	}
	return 0;
}

int options__parse(int argc, char **argv, struct run_options *options)
{
	bool gdb = !strcmp(argv[0], "gdb");
	int id, err, first = 1;

	*options = (struct run_options){
		.mem = 256ull << 20,
		.cpus = 1,
		.root = "initrd",
		.run_args = calloc(argc + 1, sizeof(*argv)),
		.gdb_options = calloc(argc + 1, sizeof(*argv)),
	};
	set_engine(options, "auto");
	if (!options->run_args || !options->gdb_options) {
		msg__error("options: %s; free some memory", strerror(ENOMEM));
		return -EINVAL;
	}
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, "+:qvhsS", long_options + (gdb ? 0 : NR_GDB_ONLY),
				 NULL)) != -1) {
		id = short_option(id);
		if (id == OPT_HELP) {
			options->help = true;
			return 0;
		}
		if (id == '?' || id == ':')
			return bad_option(argv[0], argv[optind - 1], id);
		err = set_option(options, id, optarg);
		if (err)
			return err;
		keep_run_args(options, argv, first, optind, id);
		first = optind;
	}
	err = take_command(options, argc, argv);
	if (!err)
		err = check_together(options);
	return err ? err : options_debug__check(options);
}

void options__free(struct run_options *options)
{
	for (unsigned int i = 0; i < options->nr_disks; i++)
		free(options->disks[i].path);
	free(options->append);
	free(options->gdb_options);
	free(options->run_args);
}
