// SPDX-License-Identifier: GPL-2.0-only
/*
 * kap: the command line.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/build.h"
#include "cli/gdb.h"
#include "cli/help.h"
#include "cli/run.h"
#include "cli/status.h"
#include "vm/clock.h"
#include "vm/msg.h"

/* Or else the next file that is opened would become stdin, stdout or stderr. */
static void open_missing_stdio(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	clock__begin();
	open_missing_stdio();
	if (!strcmp(command, "run"))
		return run__main(argc - 1, argv + 1);
	if (!strcmp(command, "gdb"))
		return gdb__main(argc - 1, argv + 1);
	if (!strcmp(command, "build"))
		return build__main(argv + 1);
	if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-h"))
		return help__print(argc > 2 ? argv[2] : NULL);
	if (!strcmp(command, "version") || !strcmp(command, "--version"))
		return help__version();
	if (*command)
		msg__error("'%s': unknown command; see `kap help`", command);
	else
		msg__error("no command given; `kap run` starts a guest, `kap help` tells more");
	return STATUS_USAGE;
}
