// SPDX-License-Identifier: GPL-2.0-only
/*
 * `kap run`: from the options to an exit status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/restart.h"
#include "cli/run.h"
#include "cli/status.h"
#include "cli/terminal.h"
#include "cli/verdict.h"
#include "cli/wiring.h"
#include "dev/dev.h"
#include "vm/boot.h"
#include "vm/initrd.h"
#include "vm/life.h"
#include "vm/loader.h"
#include "vm/msg.h"
#include "vm/place.h"
#include "vm/vm.h"

#define DRAIN_MS 2000

struct run {
	struct run_options options;
	struct vm vm;
	struct loader_kernel kernel;
	char kernel_path[PATH_MAX], initrd_path[PATH_MAX];
	const char *initrd;
};

/* What the host lacks is not the user's mistake. */
static int status_of(int err)
{
	switch (-err) {
	case ENOMEM:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOSYS:
	case EFBIG:
	case EPERM:
		return STATUS_HOST;
	}
	return STATUS_USAGE;
}

static void find_files(struct run *run)
{
	struct run_options *o = &run->options;

	if (!o->kernel)
		paths__find("vmlinux", run->kernel_path);
	else
		snprintf(run->kernel_path, PATH_MAX, "%s", o->kernel);
	if (o->no_initrd)
		return;
	if (o->initrd) {
		run->initrd = o->initrd;
		return;
	}
	/* A kernel of the user's own may do without; the default one can't. */
	if (paths__find("initramfs.cpio", run->initrd_path) || !o->kernel)
		run->initrd = run->initrd_path;
}

static char *command_line(const struct run_options *o)
{
	char *line, root[64] = "";

	if (strcmp(o->root, "initrd"))
		snprintf(root, sizeof(root), " root=%s %s", o->root,
			 o->disks[o->root[7] - 'a'].read_only ? "ro" : "rw");
	/*
	 * Unpacked asynchronously, /init may still be open for writing when it is to be executed;
	 * on one CPU that wins nothing either.
	 */
	if (asprintf(&line, "console=hvc0 earlycon=kap initramfs_async=0%s%s%s%s",
		     o->verbose ? "" : " quiet", root, o->append ? " " : "",
		     o->append ? o->append : "") < 0)
		return NULL;
	return line;
}

static int load(struct run *run)
{
	const struct run_options *o = &run->options;
	struct initrd_place initrd = { 0 };
	struct initrd_config config = {
		.path = run->initrd,
		.argv = o->argv,
		.mode = wiring__mode(),
		.root = o->root,
		.term = getenv("TERM"),
		.quiet = o->quiet,
	};
	unsigned int host_cpus;
	char *cmdline;
	int err = 0;

	terminal__size(&config.cols, &config.rows);
	/* Tiny kernels know no initrd; one only for them would be in their way. */
	if (run->initrd || o->argv)
		err = initrd__load(&run->vm, &config, &run->kernel, &initrd);
	if (err)
		return err;
	cmdline = command_line(o);
	if (!cmdline)
		return -ENOMEM;
	host_cpus = place__init(&run->vm, o->pins, o->nr_pins);
	err = boot__fill(&run->vm, &(struct boot_config){
					   .kernel = &run->kernel,
					   .initrd = &initrd,
					   .engine = o->engine,
					   .cmdline = cmdline,
					   .nr_devs = dev__count(),
					   .host_cpus = host_cpus,
	});
	msg__detail("kernel %s, %llu MiB, engine ptrace (the only one that is built)",
		    run->kernel_path, (unsigned long long)(o->mem >> 20));
	msg__detail("vCPUs: %u, on %u host CPUs", o->cpus, host_cpus);
	msg__detail("command line: %s", cmdline);
	free(cmdline);
	return err;
}

static int create_devices(struct run *run)
{
	int err = wiring__create(&run->vm);

	for (unsigned int i = 0; i < run->options.nr_disks && !err; i++)
		err = blk__create(&run->vm, run->options.disks[i].path,
				  run->options.disks[i].read_only);
	return err ? err : rng__create(&run->vm);
}

static void on_signal(int signo)
{
	unsigned int cols, rows;

	if (signo == SIGCONT)
		terminal__continued();
	if (terminal__size(&cols, &rows))
		console__resize(cols, rows);
}

static int start(struct run *run)
{
	const struct run_options *o = &run->options;
	struct vm *vm = &run->vm;
	int err;

	find_files(run);
	err = life__create(vm, o->mem, o->cpus);
	if (err)
		return status_of(err);
	err = loader__kernel(vm, run->kernel_path, &run->kernel);
	if (!err)
		err = create_devices(run);
	if (!err)
		err = load(run);
	if (err)
		return status_of(err);
	if (wiring__wants_terminal()) {
		unsigned int cols, rows;

		if (terminal__size(&cols, &rows))
			console__resize(cols, rows);
		if (!o->argv)
			msg__note("Ctrl-A x ends the guest, Ctrl-A ? shows the keys");
		terminal__enter();
	}
	return life__start(vm, run->kernel.entry, o->timeout_ns) ? STATUS_HOST : STATUS_OK;
}

static int run_guest(struct run *run)
{
	enum life_end why;
	int detail, status;

	why = life__run(&run->vm, &detail);
	console__drain(why == LIFE_GUEST ? DRAIN_MS : DRAIN_MS / 20);
	terminal__leave();
	dev__shutdown(&run->vm);
	status = verdict__of(&run->vm, &(struct verdict_run){
					       .why = why,
					       .detail = detail,
					       .kernel = run->kernel_path,
		.has_command = run->options.argv != NULL,
	});
	return status;
}

int run__main(int argc, char **argv)
{
	static struct run run;
	int status = STATUS_USAGE;

	run.vm.ram_fd = run.vm.doorbell_fd = -1;
	restart__begin(argv);
	if (options__parse(argc, argv, &run.options)) {
		options__free(&run.options);
		return STATUS_USAGE;
	}
	if (run.options.help) {
		options__free(&run.options);
		return help__print("run");
	}
	run.vm.verbose = run.options.verbose;
	run.vm.quiet = run.options.quiet;
	msg__set_level(run.options.quiet, run.options.verbose);
	if (life__take_signals(on_signal))
		return STATUS_HOST;

	wiring__choose(run.options.argv != NULL);
	status = start(&run);
	if (status == STATUS_OK) {
		status = run_guest(&run);
	} else {
		terminal__leave();
		dev__shutdown(&run.vm);
	}
	life__destroy(&run.vm);
	if (status == VERDICT_RESTART)
		status = restart__now(&run.options);
	options__free(&run.options);
	return status;
}
