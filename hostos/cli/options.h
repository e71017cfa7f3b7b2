/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of `kap run`.
 */
#ifndef HOSTOS_OPTIONS_H
#define HOSTOS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <kap/abi.h>
#include <kap/boot.h>

#define OPTIONS_MAX_DISKS 24
#define OPTIONS_MAX_COMMAND (1 << 20)	/* bytes; what the guest's init takes */

struct options_disk {
	char *path;
	bool read_only;
};

struct run_options {
	enum kap_engine engine;
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
};

/* argv[0] is "run". 0, or -EINVAL with a message printed. */
int options__parse(int argc, char **argv, struct run_options *options);
void options__free(struct run_options *options);

/* "256M", "1G", "65536K", plain bytes; no sign, no fraction. 0 or -EINVAL/-ERANGE. */
int options__size(const char *text, uint64_t *bytes);

/* "30", "0.5" seconds, above 0. 0 or -EINVAL. */
int options__seconds(const char *text, uint64_t *ns);

#endif
