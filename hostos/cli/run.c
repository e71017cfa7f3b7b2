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
#include "cli/names.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/restart.h"
#include "cli/run.h"
#include "cli/status.h"
#include "cli/terminal.h"
#include "cli/verdict.h"
#include "cli/wiring.h"
#include "debug/debug.h"
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
	char socket[NAMES_SOCKET];	/* for kap gdb --attach; empty: none */
	char dump[NAMES_MAX + 16];	/* default name of a dump */
};

/* Tells the same to this program when it starts again for a guest that reboots. */
#define BELOW_GDB "KAP_BELOW_GDB"

static int debugger_fd = -1;
static bool below_gdb;

void run__tell_debugger(int fd)
{
	debugger_fd = fd;
	setenv(BELOW_GDB, "1", 1);
}

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
					   .engine = &o->engine,
					   .cmdline = cmdline,
					   .nr_devs = dev__count(),
					   .host_cpus = host_cpus,
	});
	/* A script that reads stderr has chosen the engine itself. */
	if (o->engine.engine == KAP_ENGINE_DIRECT && !o->engine.keys && isatty(STDERR_FILENO))
		msg__note("the engine %s does not isolate guest programs: they can do what "
			  "you can do on this host; use --engine=ptrace for programs that you "
			  "don't trust",
			  engine__name(&o->engine));
	if (o->engine.chosen && o->engine.lacks)
		msg__detail("engine ptrace, because direct %.*s",
			    (int)strcspn(o->engine.lacks, ";"), o->engine.lacks);
	else if (o->engine.chosen)
		msg__detail("engine direct: the host has protection keys, syscall user dispatch, "
			    "and signal stacks behind a key");
	msg__detail("kernel %s, %llu MiB, engine %s", run->kernel_path,
		    (unsigned long long)(o->mem >> 20), engine__name(&o->engine));
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

/* Nobody may need to attach to this guest; then it goes on without being found. */
static int register_guest(struct run *run)
{
	const struct run_options *o = &run->options;
	char why[256] = "";
	int err = names__begin(o->name, run->kernel_path, run->socket, why);

	if (!err)
		return STATUS_OK;
	*run->socket = 0;
	if (err == -EEXIST)
		return STATUS_USAGE;
	if (o->name) {
		msg__error("--name: nothing can be found by it: %s", why);
		return STATUS_HOST;
	}
	if (below_gdb || (!o->gdb && (o->stopped || o->on_panic == DEBUG_PANIC_GDB))) {
		msg__error("no debugger could reach the guest: %s%s", why,
			   below_gdb ? "" : ". Or add --gdb=PORT");
		return STATUS_HOST;
	}
	msg__detail("`kap gdb --attach` won't find this guest: %s", why);
	return STATUS_OK;
}

/* Held, it shows nothing at all; say what it waits for. */
static void tell_how_to_connect(const struct run *run)
{
	const struct run_options *o = &run->options;
	bool by_path = o->gdb && !strncmp(o->gdb, "unix:", 5);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (o->gdb)
		msg__note("held before the kernel's first instruction; in gdb, `target remote "
			  "%s%s` and `continue` let it go",
			  by_path ? "" : "localhost:", by_path ? o->gdb + 5 : o->gdb);
	else
		msg__note("held before the kernel's first instruction; `kap gdb --attach=%s` and "
			  "`continue` there let it go",
			  o->name ? o->name : pid);
}

static int start_debug(struct run *run)
{
	const struct run_options *o = &run->options;
	struct debug_config config = {
		.listen = o->gdb,
		.private_socket = *run->socket ? run->socket : NULL,
		.stopped = o->stopped,
		.on_panic = o->on_panic,
		.dump_path = o->dump ? o->dump : run->dump,
		.name = o->name,
	};
	int err;

	if (o->name)
		snprintf(run->dump, sizeof(run->dump), "kap-%s.core", o->name);
	else
		snprintf(run->dump, sizeof(run->dump), "kap-%d.core", (int)getpid());
	err = debug__start(&run->vm, &config);
	if (err)
		return err;
	if (!below_gdb) {
		if (o->stopped)
			tell_how_to_connect(run);
		return 0;
	}
	if (debugger_fd < 0)
		return 0;
	/* A debugger that has gone meanwhile takes this process with it. */
	if (write(debugger_fd, run->socket, strlen(run->socket)) < 0)
		msg__detail("kap gdb: %s", strerror(errno));
	close(debugger_fd);
	debugger_fd = -1;
	return 0;
}

static int start(struct run *run)
{
	const struct run_options *o = &run->options;
	struct vm *vm = &run->vm;
	int err;

	find_files(run);
	err = register_guest(run);
	if (err)
		return err;
	err = life__create(vm, o->mem, o->cpus);
	if (err)
		return status_of(err);
	err = loader__kernel(vm, run->kernel_path, &run->kernel);
	if (!err)
		err = create_devices(run);
	if (!err)
		err = load(run);
	if (!err)
		err = start_debug(run);
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
	/* That is how `kap gdb` ends it when gdb has been left. */
	if (below_gdb && why == LIFE_SIGNAL && detail == SIGTERM)
		msg__set_level(true, false);
	status = verdict__of(&run->vm, &(struct verdict_run){
					       .why = why,
					       .detail = detail,
					       .kernel = run->kernel_path,
		.has_command = run->options.argv != NULL,
	});
	debug__exited(&run->vm, status < 0 ? STATUS_OK : status);
	return status;
}

int run__main(int argc, char **argv)
{
	static struct run run;
	int status = STATUS_USAGE;

	run.vm.ram_fd = run.vm.doorbell_fd = -1;
	if (getenv(BELOW_GDB)) {
		below_gdb = true;
		wiring__share_terminal();
	}
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
	debug__stop(&run.vm);
	names__end();
	life__destroy(&run.vm);
	if (status == VERDICT_RESTART)
		status = restart__now(&run.options);
	options__free(&run.options);
	return status;
}
