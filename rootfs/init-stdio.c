// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for devices, the terminal, and the named virtio ports that connect a
 * command with the monitor: kap.stdin, kap.stdout, kap.stderr, and kap.ctl for the
 * line "exit N" that carries its status.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define TERMINAL	"/dev/hvc0"
#define PORTS_DIR	"/sys/class/virtio-ports"

/* Longest wait at the very end, when the monitor may be gone or stuck. */
#define REPORT_MS	5000
#define DRAIN_S		2

static int uevents = -1;

/*
 * The console is a port that the monitor announces, so it may come later than this program.
 * Whatever else took a number below 3 would become a standard stream of the command.
 */
bool stdio__hold(void)
{
	bool log = false;
	int fd;

	for (;;) {
		fd = open("/dev/kmsg", O_WRONLY);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR);
		else
			log |= fd <= STDERR_FILENO;
		if (fd < 0 || fd > STDERR_FILENO)
			break;
	}
	if (fd >= 0)
		close(fd);
	return log;
}

/*
 * The kernel announces devices on this socket. Opened before anything is looked for, so
 * that nothing can appear unseen between a look and the wait.
 */
void stdio__listen(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 NETLINK_KOBJECT_UEVENT);
	if (uevents >= 0 && bind(uevents, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(uevents);
		uevents = -1;
	}
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool stdio__wait(bool (*ready)(const void *arg), const void *arg, int ms)
{
	long end = now_ms() + ms;

	while (!ready(arg)) {
		struct pollfd pfd = { .fd = uevents, .events = POLLIN };
		long left = end - now_ms();
		char drop[4096];

		if (left <= 0)
			return false;
		/* Devtmpfs makes a node after the announcement, so look again soon in any case. */
		poll(&pfd, uevents >= 0, left < 5 ? (int)left : 5);
		while (uevents >= 0 && recv(uevents, drop, sizeof(drop), 0) > 0)
			;
	}
	return true;
}

static int console_held = -1;

/*
 * The node is there before the console behind it; opening it says ENODEV until then. From this
 * moment on input arrives, and would be lost with the last close: so it stays open.
 */
static bool console_opens(const void *path)
{
	console_held = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return console_held >= 0;
}

/* fds 0, 1, 2 become copies of fd, which is closed. */
static void take_as_stdio(int fd)
{
	int i;

	for (i = 0; i < 3; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

bool stdio__console(const struct init_config *config)
{
	struct winsize size = {
		.ws_col = (unsigned short)config->cols,
		.ws_row = (unsigned short)config->rows,
	};
	const char *path = TERMINAL;
	int fd;

	if (!stdio__wait(console_opens, TERMINAL, INIT_DEVICE_MS)) {
		init__say(0, "no " TERMINAL " after %d s; /dev/console instead",
			  INIT_DEVICE_MS / 1000);
		path = "/dev/console";
	}
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		init__say(errno, "%s can't be opened", path);
		return false;
	}
	if (getsid(0) == getpid() && ioctl(fd, TIOCSCTTY, 1) < 0 && errno != EINVAL)
		init__say(errno, "%s is not a controlling terminal: no job control", path);
	if (size.ws_col && size.ws_row)
		ioctl(fd, TIOCSWINSZ, &size);
	take_as_stdio(fd);
	if (console_held >= 0)
		close(console_held);
	console_held = -1;
	return true;
}

/* Finds the device of the port with that name: "/dev/vportNpM". */
static bool find_port(const char *name, char *device, size_t size)
{
	DIR *dir = opendir(PORTS_DIR);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char path[512], text[64];
		ssize_t len;
		int fd;

		snprintf(path, sizeof(path), PORTS_DIR "/%s/name", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (len <= 0)
			continue;
		text[len] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, name) != 0)
			continue;
		found = (size_t)snprintf(device, size, "/dev/%s", entry->d_name) < size;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool port_ready(const void *name)
{
	char device[64];

	return find_port(name, device, sizeof(device)) && !access(device, F_OK);
}

static int open_port(const char *name, int flags, int ms)
{
	char device[64];
	int fd;

	if (!stdio__wait(port_ready, name, ms) || !find_port(name, device, sizeof(device))) {
		init__say(0, "no virtio port %s after %d s", name, ms / 1000);
		return -1;
	}
	fd = open(device, flags | O_CLOEXEC);
	if (fd < 0)
		init__say(errno, "port %s (%s) can't be opened", name, device);
	return fd;
}

bool stdio__ports(void)
{
	static const struct {
		const char *name;
		int flags;
	} ports[3] = {
		{ "kap.stdin", O_RDONLY },
		{ "kap.stdout", O_WRONLY },
		{ "kap.stderr", O_WRONLY },
	};
	int fds[3];
	int i;

	for (i = 0; i < 3; i++) {
		fds[i] = open_port(ports[i].name, ports[i].flags, INIT_DEVICE_MS);
		if (fds[i] < 0)
			return false;
		/* Out of the way of the descriptors that are replaced below. */
		if (fds[i] < 3)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	}
	for (i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			return false;
	return true;
}

void stdio__report(int status)
{
	int fd = open_port("kap.ctl", O_WRONLY, REPORT_MS);

	if (fd < 0)
		return;
	if (dprintf(fd, "exit %d\n", status) < 0)
		init__say(errno, "the exit status %d was not reported", status);
	/* Left open: closing tells the monitor that the line ended, which only power-off does. */
}

static void woken(int sig)
{
	(void)sig;
}

/* A terminal that nobody reads must not keep the guest from ending. */
void stdio__drain(void)
{
	struct sigaction action = { .sa_handler = woken };
	int fd = open(TERMINAL, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	sigaction(SIGALRM, &action, NULL);
	alarm(DRAIN_S);
	tcdrain(fd);
	alarm(0);
	close(fd);
}
