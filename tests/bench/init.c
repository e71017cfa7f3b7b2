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
 *	bench=work	with disk=NAME, as in /dev/NAMEa: mounts that read-only as root and
 *			/dev/NAMEb on its /mnt, and runs /mnt/rows /mnt there, with
 *			todo=WORD behind it; kernel modules come first: /m1, /m2, ...
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

static int load_module(int nr)
{
	char path[16];
	int fd;

	snprintf(path, sizeof(path), "/m%d", nr);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	/* One that the kernel has built in is no loss. */
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		fprintf(stderr, "bench-init: module %d: %s\n", nr, strerror(errno));
	close(fd);
	return 0;
}

static bool enter_disk(const char *name)
{
	static const char *const moved[] = { "/proc", "/dev", "/tmp" };
	char device[32], target[32];

	snprintf(device, sizeof(device), "/dev/%sa", name);
	mkdir("/root", 0755);
	if (mount(device, "/root", "ext4", MS_RDONLY, NULL)) {
		fprintf(stderr, "bench-init: no ext4 on %s: %s\n", device, strerror(errno));
		return false;
	}
	device[strlen(device) - 1] = 'b';
	if (mount(device, "/root/mnt", "ext4", 0, NULL)) {
		fprintf(stderr, "bench-init: no ext4 on %s: %s\n", device, strerror(errno));
		return false;
	}
	for (unsigned int i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		snprintf(target, sizeof(target), "/root%s", moved[i]);
		mount(moved[i], target, NULL, MS_MOVE, NULL);
	}
	return !chdir("/root") && !mount(".", "/", NULL, MS_MOVE, NULL) && !chroot(".") &&
	       !chdir("/");
}

static void run_work(void)
{
	const char *name = getenv("disk"), *todo = getenv("todo");
	pid_t pid;

	for (int nr = 1; !load_module(nr); nr++)
		;
	if (!enter_disk(name ? name : "vd"))
		return;
	setenv("PATH", "/usr/bin:/usr/sbin", 1);
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "/mnt/rows", "/mnt", todo ? todo : "all", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		say("bench-init: cannot run /mnt/rows: give the guest more memory\n");
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
	} else if (!strcmp(what, "work")) {
		run_work();
	} else if (!strcmp(what, "idle")) {
		say("bench-idle\n");
		for (;;)
			pause();
	} else if (strcmp(what, "boot")) {
		say("bench-init: give bench=micro, boot, idle or work on the command line\n");
	}
	sync();
	reboot(RB_POWER_OFF);
	say("bench-init: the kernel refuses to power off\n");
	for (;;)
		pause();
}
