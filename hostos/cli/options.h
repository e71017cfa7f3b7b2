/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of `kap run`, and of `kap gdb`, which takes them too.
 */
#ifndef HOSTOS_OPTIONS_H
#define HOSTOS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <kap/abi.h>
#include <kap/boot.h>

#include "debug/debug.h"
#include "vm/engine.h"

#define OPTIONS_MAX_DISKS 24
#define OPTIONS_MAX_COMMAND (1 << 20)	/* bytes; what the guest's init takes */

struct options_disk {
	char *path;
	bool read_only;
};

struct run_options {
	struct engine engine;
	uint64_t mem;			/* bytes */
	unsigned int cpus;
	uint16_t pins[KAP_MAX_VCPUS];	/* host CPUs to pin vCPUs to, in turn */
	unsigned int nr_pins;		/* 0: vCPUs move */
	const char *kernel;		/* NULL: the default one */
	const char *initrd;		/* NULL: the default one */
	bool no_initrd;
	char *append;			/* NULL: none */
	struct options_disk disks[OPTIONS_MAX_DISKS];
	unsigned int nr_disks;
	const char *root;		/* "initrd" or "/dev/vdX" */
	uint64_t timeout_ns;		/* 0: none */
	bool quiet, verbose;
	bool help;			/* --help was given; nothing else counts */
	char **argv;			/* command, NULL terminated; NULL: none */

	/* options_debug.c */
	const char *name;		/* NULL: none */
	const char *gdb;		/* "PORT" or "unix:PATH"; NULL: none */
	bool stopped;
	enum debug_on_panic on_panic;
	const char *dump;		/* NULL: the default name */

	/* of `kap gdb` only */
	const char *attach;		/* NULL: a new guest */
	char **gdb_options;		/* passed to gdb */
	unsigned int nr_gdb_options;
	char **run_args;		/* the options that are `kap run`'s, NULL terminated */
	unsigned int nr_run_args;
	bool describes_guest;		/* one of them describes a new guest */
};

/* argv[0] is "run" or "gdb". 0, or -EINVAL with a message printed. */
int options__parse(int argc, char **argv, struct run_options *options);
void options__free(struct run_options *options);

/* "256M", "1G", "65536K", plain bytes; no sign, no fraction. 0 or -EINVAL/-ERANGE. */
int options__size(const char *text, uint64_t *bytes);

/* "30", "0.5" seconds, above 0. 0 or -EINVAL. */
int options__seconds(const char *text, uint64_t *ns);

/* "--OPTION: 'VALUE' NEXT" is printed; -EINVAL. */
int options__bad(const char *option, const char *value, const char *next);

#endif
