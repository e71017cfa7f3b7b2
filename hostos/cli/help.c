// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `kap --help` and `kap help TOPIC` print. docs/kap.1 tells the same.
 */
#include <stdio.h>
#include <string.h>

#include <kap/abi.h>

#include "cli/build.h"
#include "cli/help.h"
#include "cli/status.h"
#include "vm/msg.h"

static const char overview[] =
	"kap runs a Linux kernel as ordinary processes: no KVM, no root.\n"
	"\n"
	"usage:\n"
	"  kap run [options] [-- command args...]   run a guest: a shell, or one command\n"
	"  kap gdb [options] [-- command args...]   run a guest under gdb, or attach to one\n"
	"  kap build [options]                      build a guest kernel\n"
	"  kap help [run|gdb|build|status|keys]     this text, or more about one thing\n"
	"  kap version\n"
	"\n"
	"examples:\n"
	"  kap run                                  a shell in a guest\n"
	"  kap run -- uname -a                      one command; its exit status is kap's\n"
	"  echo hi | kap run -- cat                 pipes work\n"
	"  kap run --disk=image.ext4 --root=/dev/vda\n";

static const char run[] =
	"usage: kap run [options] [-- command args...]\n"
	"\n"
	"Starts a guest. Without a command it gives a shell on the guest's console; with a\n"
	"command, stdin, stdout and stderr are the command's, and so is the exit status.\n"
	"\n"
	"  --mem SIZE            guest memory, with K, M or G (default 256M, at least 32M)\n"
	"  --cpus N|host         vCPUs, 1 to 64 (default 1); host: as many as kap may use here\n"
	"  --pin LIST            host CPUs for vCPUs 0, 1, ... in turn, as in 0-1,3\n"
	"  --engine NAME         how guest user code is run: auto (default), ptrace, direct\n"
	"                        (needs protection keys), direct-open (not safe): kap(1)\n"
	"  --kernel FILE         guest kernel, a vmlinux built for kap\n"
	"  --initrd FILE|none    initial file system, a cpio archive (may be compressed)\n"
	"  --append TEXT         adds to the kernel command line; may repeat\n"
	"  --disk FILE[,ro]      raw disk image; may repeat: /dev/vda, /dev/vdb, ...\n"
	"  --root initrd|/dev/vdX[N]  where the guest's root file system is (default initrd)\n"
	"  --timeout SECONDS     ends the guest when it runs longer\n"
	"  --name NAME           what `kap gdb --attach` finds this guest by\n"
	"  -s                    the same as --gdb 1234\n"
	"  -S                    holds the guest before its first instruction, until a debugger\n"
	"                        lets it go\n"
	"  --gdb PORT|unix:PATH  gdb may connect to this port of the loopback, or this socket\n"
	"  --on-panic exit|gdb|dump  what a crash of the kernel leads to (default exit): gdb\n"
	"                        holds the guest for a debugger, dump writes an ELF core\n"
	"  --dump FILE           where that goes (default kap-NAME.core or kap-PID.core)\n"
	"  -q, --quiet           kap says nothing but errors\n"
	"  -v, --verbose         shows the kernel's messages and what kap does, on stderr\n"
	"  -h, --help            this text\n"
	"\n"
	"The default kernel and initrd are the files vmlinux and initramfs.cpio beside the\n"
	"program, or in ../lib/kap from there.\n";

static const char gdb[] =
	"usage: kap gdb [options of kap run] [--gdb-option ARG]... [-- command args...]\n"
	"       kap gdb --attach NAME|PID [--kernel FILE] [--gdb-option ARG]...\n"
	"\n"
	"Starts a guest that is held before its first instruction, and gdb with its\n"
	"vmlinux, connected to it. `continue` lets it go. With --attach, connects gdb to\n"
	"a guest that runs already.\n"
	"\n"
	"  --attach NAME|PID     the guest to connect to; leaving gdb lets it go on\n"
	"  --kernel FILE         its vmlinux (default: the one that it was started with)\n"
	"  --gdb-option ARG      an option or argument for gdb; may repeat\n"
	"\n"
	"Console and output of the guest are on this terminal; a command's stdin is empty.\n"
	"To type at a guest's shell, use `kap run --name NAME` in one terminal, and in\n"
	"another one `kap gdb --attach NAME`. Ctrl-C goes to gdb, and stops the guest. A\n"
	"guest that panics stops, too (--on-panic=gdb). Leaving gdb ends the guest, unless\n"
	"gdb has detached and you say no when kap asks.\n"
	"\n"
	"`kap build --config debug` builds a kernel with debug information and the lx-\n"
	"commands. In gdb, `help kap` tells of kap's own commands, `monitor help` of the\n"
	"monitor's.\n"
	"The environment variable GDB names another gdb than the one in PATH.\n"
	"\n"
	"exit status: gdb's own; or\n"
	"  121  bad usage, no such guest, or a file that can't be used\n"
	"  122  the host can't do it, or gdb is missing\n"
	"  128 + n  kap or gdb was ended by signal n\n"
	"and what `kap run` gives, when the guest can't be started.\n";

static const char status[] =
	"exit status of kap run:\n"
	"  with -- command: the command's own status (128 + n when signal n killed it)\n"
	"    0  the guest powered off (without a command)\n"
	"  121  bad usage: an option, or a file that can't be used\n"
	"  122  the host can't do it: limits, permissions, no space for output\n"
	"  123  the guest kernel crashed; registers and a backtrace are on stderr\n"
	"  124  the guest ran longer than --timeout\n"
	"  125  the guest was killed from outside, or ended without a command's status\n"
	"  128 + n  kap itself was ended by signal n (SIGHUP, SIGINT, SIGQUIT, SIGTERM)\n";

static const char keys[] = "keys while a guest has the terminal:\n"
			   "  Ctrl-A x        ends the guest at once and leaves\n"
			   "  Ctrl-A ?        shows these keys\n"
			   "  Ctrl-A Ctrl-A   sends Ctrl-A to the guest (so does Ctrl-A a)\n";

int help__print(const char *topic)
{
	if (!topic)
		fputs(overview, stdout);
	else if (!strcmp(topic, "run"))
		printf("%s\n%s\n%s", run, keys, status);
	else if (!strcmp(topic, "gdb"))
		fputs(gdb, stdout);
	else if (!strcmp(topic, "build"))
		return build__main((char *[]){ "build", "--help", NULL });
	else if (!strcmp(topic, "status"))
		fputs(status, stdout);
	else if (!strcmp(topic, "keys"))
		fputs(keys, stdout);
	else {
		msg__error("no help about '%s'; see `kap help`", topic);
		return STATUS_USAGE;
	}
	if (fflush(stdout) || ferror(stdout)) {
		msg__error("writing the help text failed; check the space where stdout goes");
		return STATUS_HOST;
	}
	return STATUS_OK;
}

int help__version(void)
{
	printf("kap %s (machine contract %d)\n", KAP_VERSION, KAP_ABI_VERSION);
	return fflush(stdout) ? STATUS_HOST : STATUS_OK;
}
