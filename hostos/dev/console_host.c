// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes inherited file descriptors without blocking.
 *
 * O_NONBLOCK belongs to the open file, which the monitor shares with the shell that
 * started it and with whatever reads the same terminal later; setting it there breaks
 * those. So terminals and pipes are opened a second time through /proc, which gives an
 * open file of our own. Where that is refused (no /proc, a pipe made by another user),
 * poll(2) is asked before each call and the call is small enough not to block after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "dev/console_host.h"

#define CHUNK		(64 * 1024)
#define TERMINAL_CHUNK	128	/* poll(2) promises a terminal's room for hardly more */

static int reopen(int fd, bool for_write)
{
	char path[32];
	int pty;

	/* The file name of a pty's master end is the multiplexer: it would open another pty. */
	if (ioctl(fd, TIOCGPTN, &pty) == 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (for_write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int console_host__open(struct console_host *host, int fd, bool for_write)
{
	struct stat st;

	*host = (struct console_host){ .fd = -1, .chunk = CHUNK };
	if (fd < 0)
		return 0;
	if (fstat(fd, &st))
		return -errno;
	host->socket = S_ISSOCK(st.st_mode);
	host->terminal = isatty(fd);
	if (host->terminal || S_ISFIFO(st.st_mode)) {
		host->fd = reopen(fd, for_write);
		if (host->fd < 0) {
			host->waits = true;
			host->chunk = host->terminal ? TERMINAL_CHUNK : PIPE_BUF;
		}
	}
	if (host->fd < 0)
		host->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return host->fd < 0 ? -errno : 0;
}

void console_host__close(struct console_host *host)
{
	if (host->fd >= 0)
		close(host->fd);
	host->fd = -1;
}

static bool ready(struct console_host *host, short event)
{
	struct pollfd p = { .fd = host->fd, .events = event };

	return !host->waits || poll(&p, 1, 0) > 0;
}

ssize_t console_host__read(struct console_host *host, void *to, uint32_t len)
{
	ssize_t n;

	if (!ready(host, POLLIN))
		return -EAGAIN;
	n = host->socket ? recv(host->fd, to, len, MSG_DONTWAIT) : read(host->fd, to, len);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

ssize_t console_host__write(struct console_host *host, const struct iovec *iov, unsigned int nr)
{
	ssize_t n;

	if (!ready(host, POLLOUT))
		return -EAGAIN;
	if (host->socket) {
		struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = nr };

		n = sendmsg(host->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		n = writev(host->fd, iov, nr);
	}
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}
