// SPDX-License-Identifier: GPL-2.0-only
/* Listening for a debugger, and its connection. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "debug/server.h"
#include "vm/loop.h"
#include "vm/msg.h"

#define MAX_LISTENERS 2
#define MAX_UNSENT (16u << 20)
#define BUSY "$E.another debugger is connected to this guest#"

static struct listener {
	int fd;
	char *path; /* a socket file of ours; NULL: TCP */
} listeners[MAX_LISTENERS];
static unsigned int nr_listeners;

static const struct server_events *events;
static int peer = -1;
static char *unsent;
static size_t nr_unsent;
static bool asks_room; /* the loop tells when the peer takes more */
static bool leaving;

static void close_peer(void)
{
	loop__del_fd(peer);
	close(peer);
	peer = -1;
	free(unsent);
	unsent = NULL;
	nr_unsent = 0;
	asks_room = leaving = false;
}

/* From the event loop only, so that nobody's connection ends while it is being served. */
static void lost(void)
{
	close_peer();
	events->gone();
}

/* How much of it the peer takes now. */
static size_t send_some(const char *bytes, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(peer, bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sent += n;
	}
	return sent;
}

static void flush(void)
{
	size_t sent = send_some(unsent, nr_unsent);

	nr_unsent -= sent;
	memmove(unsent, unsent + sent, nr_unsent);
	if (asks_room == !!nr_unsent)
		return;
	asks_room = nr_unsent;
	loop__mod_fd(peer, EPOLLIN | (asks_room ? EPOLLOUT : 0));
}

void server__send(const void *bytes, size_t len)
{
	const char *rest = bytes;
	size_t sent;
	char *more;

	if (peer < 0)
		return;
	/* The usual answer is taken whole. */
	sent = nr_unsent ? 0 : send_some(rest, len);
	rest += sent;
	len -= sent;
	if (!len)
		return;
	more = nr_unsent + len <= MAX_UNSENT ? realloc(unsent, nr_unsent + len) : NULL;
	if (!more) {
		/* It does not read; the loop will see the end. */
		shutdown(peer, SHUT_RDWR);
		return;
	}
	unsent = more;
	memcpy(unsent + nr_unsent, rest, len);
	nr_unsent += len;
	flush();
}

void server__hang_up(bool at_once)
{
	if (peer < 0)
		return;
	if (at_once || !nr_unsent)
		close_peer();
	else
		leaving = true;
}

static void on_peer(int fd, uint32_t ready, void *arg)
{
	char buffer[16384];
	ssize_t n;

	(void)arg;
	if (ready & EPOLLOUT) {
		flush();
		if (leaving && !nr_unsent) {
			close_peer();
			return;
		}
	}
	if (!(ready & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n > 0) {
		if (!leaving)
			events->received(buffer, n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (leaving)
		close_peer();
	else
		lost();
}

static void refuse(int fd)
{
	char packet[sizeof(BUSY) + 4];
	unsigned char sum = 0;

	for (const char *c = BUSY + 1; *c != '#'; c++)
		sum += *c;
	snprintf(packet, sizeof(packet), BUSY "%02x", sum);
	send(fd, packet, strlen(packet), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	msg__note("a second debugger was turned away: this guest has one");
}

/* A debugger that comes back at once may be here before the loop has seen its end. */
static void drop_gone(void)
{
	struct pollfd old = { .fd = peer, .events = POLLRDHUP };

	if (peer >= 0 && poll(&old, 1, 0) > 0 && old.revents & (POLLRDHUP | POLLHUP | POLLERR))
		lost();
}

static void on_listener(int fd, uint32_t ready, void *arg)
{
	int one = 1, new = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)ready;
	(void)arg;
	if (new < 0)
		return;
	drop_gone();
	if (peer >= 0 && (leaving || events->busy())) {
		refuse(new);
		return;
	}
	if (peer >= 0)
		close_peer();
	/* Answers are small and waited for; on a unix socket this fails and does not matter. */
	setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (loop__add_fd(new, EPOLLIN, on_peer, NULL)) {
		close(new);
		return;
	}
	peer = new;
	events->connected();
}

static int open_tcp(const char *where)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	addr.sin_port = htons(strtoul(where, NULL, 10));
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 4))
			return fd;
	}
	err = errno;
	msg__error("--gdb %s: %s; %s", where, strerror(err),
		   err == EADDRINUSE ? "choose another port, or use --gdb unix:PATH" :
				       "use --gdb unix:PATH");
	if (fd >= 0)
		close(fd);
	return -err;
}

/* A socket that nobody listens at any more is in the way; anything else stays. */
static bool remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	/* Of another type: whoever listens there must not take this for a debugger. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	return err == ECONNREFUSED && !unlink(addr->sun_path);
}

static int open_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;
	mode_t mask;

	if (!*path || strlen(path) >= sizeof(addr.sun_path)) {
		msg__error("--gdb unix:%s: a socket's path has 1 to %zu bytes; choose a shorter "
			   "one",
			   path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Whoever can connect owns the guest. */
	mask = umask(0177);
	err = fd < 0 ? errno : bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0;
	if (err == EADDRINUSE && remove_stale(&addr))
		err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0;
	umask(mask);
	if (!err && listen(fd, 4))
		err = errno;
	if (!err)
		return fd;
	msg__error("--gdb unix:%s: %s; choose another path", path,
		   err == EADDRINUSE ? "something is there already" : strerror(err));
	if (fd >= 0)
		close(fd);
	return -err;
}

int server__listen(const char *where, const struct server_events *wanted)
{
	bool is_unix = !strncmp(where, "unix:", 5);
	struct listener *l = &listeners[nr_listeners];
	int fd, err;

	if (nr_listeners == MAX_LISTENERS)
		return -ENOSPC;
	fd = is_unix ? open_unix(where + 5) : open_tcp(where);
	if (fd < 0)
		return fd;
	l->fd = fd;
	l->path = is_unix ? strdup(where + 5) : NULL;
	err = is_unix && !l->path ? -ENOMEM : loop__add_fd(fd, EPOLLIN, on_listener, NULL);
	nr_listeners++;
	events = wanted;
	if (err) {
		msg__error("--gdb %s: %s; free some memory", where, strerror(-err));
		server__stop();
	}
	return err;
}

void server__stop(void)
{
	if (peer >= 0) {
		/* The last words are few: the socket has room for them. */
		flush();
		close_peer();
	}
	while (nr_listeners) {
		struct listener *l = &listeners[--nr_listeners];

		loop__del_fd(l->fd);
		close(l->fd);
		if (l->path)
			unlink(l->path);
		free(l->path);
	}
}
