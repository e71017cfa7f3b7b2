// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the benchmark's initramfs: the same for every guest kernel.
 *
 * The kernel's command line says what to do, with bench=WHAT, which the kernel puts
 * into the environment of init:
 *
 *	bench=micro	runs /micro, then powers off
 *	bench=boot	powers off at once: the run is a boot and a shutdown
 *	bench=idle	prints "bench-idle" and sleeps until it is killed
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

static void run_micro(void)
{
	char *const argv[] = { "./micro", NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		execv("./micro", argv);
		say("bench-init: cannot start /micro: rebuild the initramfs\n");
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		say("bench-init: cannot fork: give the guest more memory\n");
	else if (status)
		say("bench-init: micro did not end well\n");
}

int main(void)
{
	const char *what = getenv("bench");
	int fd = open("/dev/console", O_RDWR);

	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	if (!what)
		what = "";
	if (chdir("/"))
		say("bench-init: no root folder\n");

	/* A boot is measured with what any init does: the three usual mounts. */
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);

	if (!strcmp(what, "micro")) {
		run_micro();
	} else if (!strcmp(what, "idle")) {
		say("bench-idle\n");
		for (;;)
			pause();
	} else if (strcmp(what, "boot")) {
		say("bench-init: give bench=micro, bench=boot or bench=idle on the command line\n");
	}
	sync();
	reboot(RB_POWER_OFF);
	say("bench-init: the kernel refuses to power off\n");
	for (;;)
		pause();
}
