// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plays a debugger: speaks gdb's remote protocol by a script, where gdb would be too slow, too
 * polite or too careful. rspclient WHERE [COMMAND...]; WHERE is a port of the loopback or the
 * path of a socket. Without commands, each line of stdin is one:
 *
 *	cmd PACKET	sends PACKET, shows the answer: "last" below
 *	send PACKET, reply	the same in two
 *	expect TEXT	last begins with TEXT; has TEXT: TEXT is somewhere in it
 *	monitor LINE	gdb's `monitor`, shows what it prints
 *	interrupt	Ctrl-C
 *	raw BYTES	as they are (\xHH, \n, \\); repeat N BYTES: N times
 *	oversized N	a packet of N letters with a good checksum
 *	byte C		the other side sends this letter outside of any packet
 *	noack		no acknowledgements from here on
 *	stays MS	nothing comes for that long
 *	closed		the other side ends the connection; what it still says is shown
 *	close, open	without a word; again
 *	sh COMMAND	a shell command of the host, which must succeed
 *	limit MS	how long an answer may take (10000)
 *	hits ADDR N	N hits of a breakpoint there, stepped over each time; shows ns for each
 *	turns N		N questions that no vCPU has to answer; shows ns for each
 *	trace N FILE	N single steps; writes ip and sp behind each
 *	follow FILE EVERY	breakpoints at every EVERYth new ip of such a file are hit in
 *			that order
 *	cycles N [ADDR]	attaches and leaves N times, with and without a breakpoint at ADDR,
 *			politely or not
 *
 * Ends with 1 and a line on stderr at the first thing that does not come true.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 65536

static const char *where;
static int peer = -1;
static bool acks = true;
static int limit_ms = 10000;

static unsigned char in[65536];
static size_t in_at, in_len;
static char last[PACKET_MAX + 1];

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "rspclient: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* ---- bytes --------------------------------------------------------------- */

static void open_peer(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in tcp = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is_port = strspn(where, "0123456789") == strlen(where);
	int one = 1, err;

	if (peer >= 0)
		close(peer);
	peer = socket(is_port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (is_port) {
		tcp.sin_port = htons(atoi(where));
		err = connect(peer, (struct sockaddr *)&tcp, sizeof(tcp));
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	} else {
		if (strlen(where) >= sizeof(un.sun_path))
			fail("%s: too long for a socket", where);
		strcpy(un.sun_path, where);
		err = connect(peer, (struct sockaddr *)&un, sizeof(un));
	}
	if (err)
		fail("connect to %s: %s", where, strerror(errno));
	in_at = in_len = 0;
	acks = true;
}

static void put(const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(peer, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("send: %s", strerror(errno));
		at += n;
		len -= n;
	}
}

/* The next byte; -1: the connection has ended, -2: nothing came in time. */
static int get_within(int ms)
{
	struct pollfd p = { .fd = peer, .events = POLLIN };
	ssize_t n;

	if (in_at < in_len)
		return in[in_at++];
	if (poll(&p, 1, ms) <= 0)
		return -2;
	n = recv(peer, in, sizeof(in), 0);
	if (n <= 0)
		return -1;
	in_at = 1;
	in_len = n;
	return in[0];
}

static int get(const char *what)
{
	int c = get_within(limit_ms);

	if (c == -2)
		fail("%s: no answer within %d ms", what, limit_ms);
	if (c == -1)
		fail("%s: the other side has closed the connection", what);
	return c;
}

/* ---- packets ------------------------------------------------------------- */

static void send_packet(const char *packet)
{
	size_t len = strlen(packet);
	char *frame = malloc(len + 5);
	unsigned char sum = 0;

	if (!frame)
		fail("no memory");
	for (size_t i = 0; i < len; i++)
		sum += packet[i];
	snprintf(frame, len + 5, "$%s#%02x", packet, sum);
	put(frame, len + 4);
	free(frame);
}

/* The acknowledgements in front belong to what was sent. */
static void take_reply(const char *what)
{
	unsigned char sum = 0;
	size_t len = 0;
	char digits[3] = "";
	int c;

	while ((c = get(what)) != '$')
		if (c != '+')
			fail("%s: byte 0x%02x where a packet begins", what, c);
	while ((c = get(what)) != '#') {
		sum += c;
		if (c == '}') {
			c = get(what);
			sum += c;
			c ^= 0x20;
		}
		if (len == PACKET_MAX)
			fail("%s: the answer has more than %d bytes", what, PACKET_MAX);
		last[len++] = c ? c : ' ';
	}
	last[len] = 0;
	digits[0] = get(what);
	digits[1] = get(what);
	if (strtoul(digits, NULL, 16) != sum)
		fail("%s: checksum %s, should be %02x", what, digits, sum);
	/* The last word may come from one that has left. */
	if (acks)
		send(peer, "+", 1, MSG_NOSIGNAL);
}

static void command(const char *packet)
{
	send_packet(packet);
	take_reply(packet);
}

static void __attribute__((format(printf, 2, 3))) wants(const char *prefix, const char *format, ...)
{
	char packet[256];
	va_list args;

	va_start(args, format);
	vsnprintf(packet, sizeof(packet), format, args);
	va_end(args);
	command(packet);
	if (strncmp(last, prefix, strlen(prefix)))
		fail("%s: the answer is '%.200s', wanted '%s...'", packet, last, prefix);
}

static void monitor(const char *line)
{
	char packet[4096], *at = packet + sprintf(packet, "qRcmd,");

	if (strlen(line) > 1000)
		fail("monitor: the line is too long");
	for (const char *c = line; *c; c++)
		at += sprintf(at, "%02x", (unsigned char)*c);
	send_packet(packet);
	for (;;) {
		take_reply(line);
		if (last[0] != 'O' || !strcmp(last, "OK"))
			break;
		for (const char *c = last + 1; c[0] && c[1]; c += 2)
			putchar(strtoul((char[]){ c[0], c[1], 0 }, NULL, 16));
	}
	puts(last);
}

/* A register, as stops tell it; thread too. */
static uint64_t of_stop(const char *name)
{
	const char *at = strstr(last, name);
	uint64_t value = 0;

	if (!at)
		fail("the stop '%s' does not tell '%s'", last, name);
	at += strlen(name);
	if (!strcmp(name, "thread:"))
		return strtoull(at, NULL, 16);
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)strtoul((char[]){ at[2 * i], at[2 * i + 1], 0 }, NULL, 16)
			 << 8 * i;
	return value;
}

#define IP ";10:"
#define SP ";07:"

static void no_acks(void)
{
	wants("OK", "QStartNoAckMode");
	put("+", 1);
	acks = false;
}

/* ---- breakpoints, steps -------------------------------------------------- */

static void hits(const char *args)
{
	uint64_t addr, begin;
	unsigned int n;

	if (sscanf(args, "%li %u", (long *)&addr, &n) != 2 || !n)
		fail("hits ADDR N");
	wants("OK", "Z0,%lx,1", (long)addr);
	begin = now_ns();
	for (unsigned int i = 0; i < n; i++) {
		unsigned int thread;

		wants("T05", "c");
		thread = of_stop("thread:");
		if (of_stop(IP) != addr)
			fail("hit %u is at %#lx, wanted %#lx", i, (long)of_stop(IP), (long)addr);
		wants("OK", "z0,%lx,1", (long)addr);
		wants("T05", "vCont;s:%x", thread);
		/* What is stepped over is the first instruction of a function: no jump. */
		if (of_stop("thread:") != thread || of_stop(IP) - addr - 1 >= 15)
			fail("step %u went from %#lx to %#lx: '%s'", i, (long)addr,
			     (long)of_stop(IP), last);
		wants("OK", "Z0,%lx,1", (long)addr);
	}
	printf("%u hits, %lu ns each\n", n, (long)((now_ns() - begin) / n));
	wants("OK", "z0,%lx,1", (long)addr);
}

/* What the way to kap and back costs: four of them are in a hit. */
static void turns(const char *args)
{
	uint64_t begin = now_ns();
	unsigned int n = strtoul(args, NULL, 10);

	if (!n)
		fail("turns N");
	for (unsigned int i = 0; i < n; i++)
		wants("QC", "qC");
	printf("%u turns, %lu ns each\n", n, (long)((now_ns() - begin) / n));
}

static void trace(const char *args)
{
	uint64_t begin = now_ns();
	char name[256];
	unsigned int n;
	FILE *file;

	if (sscanf(args, "%u %255s", &n, name) != 2 || !n)
		fail("trace N FILE");
	file = fopen(name, "w");
	if (!file)
		fail("%s: %s", name, strerror(errno));
	for (unsigned int i = 0; i < n; i++) {
		wants("T05", "s");
		fprintf(file, "%lx %lx\n", (long)of_stop(IP), (long)of_stop(SP));
	}
	if (fclose(file))
		fail("%s: %s", name, strerror(errno));
	printf("%u steps, %lu ns each\n", n, (long)((now_ns() - begin) / n));
}

struct place {
	uint64_t ip, sp;
	bool refused;
};

static size_t read_places(const char *name, struct place **places)
{
	FILE *file = fopen(name, "r");
	size_t nr = 0, room = 0;
	unsigned long ip, sp;

	if (!file)
		fail("%s: %s", name, strerror(errno));
	*places = NULL;
	while (fscanf(file, "%lx %lx", &ip, &sp) == 2) {
		size_t i = 0;

		while (i < nr && (*places)[i].ip != ip)
			i++;
		if (i < nr)
			continue;
		if (nr == room) {
			room = 2 * room + 64;
			*places = realloc(*places, room * sizeof(**places));
			if (!*places)
				fail("no memory");
		}
		(*places)[nr++] = (struct place){ .ip = ip, .sp = sp };
	}
	fclose(file);
	return nr;
}

static void follow(const char *args)
{
	unsigned int every, hit = 0, refused = 0;
	struct place *places;
	char name[256];
	size_t nr;

	if (sscanf(args, "%255s %u", name, &every) != 2 || !every)
		fail("follow FILE EVERY");
	nr = read_places(name, &places);
	for (size_t i = every - 1; i < nr; i += every) {
		char packet[64];

		snprintf(packet, sizeof(packet), "Z0,%lx,1", (long)places[i].ip);
		command(packet);
		if (!strcmp(last, "OK"))
			continue;
		if (strncmp(last, "E.", 2))
			fail("%s: the answer is '%s'", packet, last);
		places[i].refused = true;
		refused++;
	}
	for (size_t i = every - 1; i < nr; i += every) {
		if (places[i].refused)
			continue;
		wants("T05", "c");
		if (of_stop(IP) != places[i].ip || of_stop(SP) != places[i].sp)
			fail("address %zu is ip %#lx sp %#lx, wanted ip %#lx sp %#lx", i,
			     (long)of_stop(IP), (long)of_stop(SP), (long)places[i].ip,
			     (long)places[i].sp);
		wants("OK", "z0,%lx,1", (long)places[i].ip);
		hit++;
	}
	printf("%zu addresses, %u hit in order, %u refused\n", nr, hit, refused);
	free(places);
}

/* ---- coming and going ------------------------------------------------------ */

static void cycles(const char *args)
{
	unsigned long addr = 0;
	unsigned int n, hit = 0;

	if (sscanf(args, "%u %li", &n, (long *)&addr) < 1)
		fail("cycles N [ADDR]");
	for (unsigned int i = 0; i < n; i++) {
		open_peer();
		wants("T", "?");
		if (addr && i % 4) {
			wants("OK", "Z0,%lx,1", addr);
			wants("T05", "c");
			if (of_stop(IP) != addr)
				fail("cycle %u stops at %#lx", i, (long)of_stop(IP));
			hit++;
		}
		if (i % 4 < 2)
			wants("OK", "D");
		else if (i % 4 == 3)
			send_packet("c");
		close(peer);
		peer = -1;
	}
	printf("%u cycles, %u hits\n", n, hit);
	open_peer();
	wants("T", "?");
}

/* ---- the script ------------------------------------------------------------- */

static size_t unescape(char *to, const char *from)
{
	char *begin = to;

	while (*from) {
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == 'x' && from[2] && from[3]) {
			*to++ = strtoul((char[]){ from[2], from[3], 0 }, NULL, 16);
			from += 4;
		} else {
			*to++ = from[1] == 'n' ? '\n' : from[1];
			from += from[1] ? 2 : 1;
		}
	}
	return to - begin;
}

static void raw(const char *text, unsigned int times)
{
	char *bytes = malloc(strlen(text) + 1);
	size_t len;

	if (!bytes)
		fail("no memory");
	len = unescape(bytes, text);
	while (times--)
		put(bytes, len);
	free(bytes);
}

static void oversized(unsigned int n)
{
	char *packet = malloc(n + 1);

	if (!packet)
		fail("no memory");
	memset(packet, 'm', n);
	packet[n] = 0;
	send_packet(packet);
	free(packet);
}

static void stays(int ms)
{
	int c = get_within(ms);

	if (c == -2)
		return;
	if (c == -1)
		fail("stays %d: the other side has closed the connection", ms);
	fail("stays %d: there is '%c', %zu bytes", ms, c, in_len);
}

static void closed(void)
{
	uint64_t end = now_ns() + limit_ms * 1000000ull;
	int c;

	while ((c = get_within(limit_ms)) != -1) {
		if (c == -2 || now_ns() > end)
			fail("closed: the connection is open after %d ms", limit_ms);
		putchar(c);
	}
	putchar('\n');
	close(peer);
	peer = -1;
}

static void run(const char *line)
{
	const char *args = strchr(line, ' ');
	char word[32];

	snprintf(word, sizeof(word), "%.*s", args ? (int)(args - line) : 31, line);
	args = args ? args + 1 : "";
	if (!strcmp(word, "cmd")) {
		command(args);
		puts(last);
	} else if (!strcmp(word, "send")) {
		send_packet(args);
	} else if (!strcmp(word, "reply")) {
		take_reply("reply");
		puts(last);
	} else if (!strcmp(word, "expect")) {
		if (strncmp(last, args, strlen(args)))
			fail("'%.200s' does not begin with '%s'", last, args);
	} else if (!strcmp(word, "has")) {
		if (!strstr(last, args))
			fail("'%.200s' has no '%s'", last, args);
	} else if (!strcmp(word, "monitor")) {
		monitor(args);
	} else if (!strcmp(word, "interrupt")) {
		put("\003", 1);
	} else if (!strcmp(word, "raw")) {
		raw(args, 1);
	} else if (!strcmp(word, "repeat")) {
		const char *bytes = strchr(args, ' ');

		raw(bytes ? bytes + 1 : " ", atoi(args));
	} else if (!strcmp(word, "oversized")) {
		oversized(atoi(args));
	} else if (!strcmp(word, "byte")) {
		int c = get("byte");

		if (c != args[0])
			fail("byte: it is '%c', wanted '%c'", c, args[0]);
	} else if (!strcmp(word, "noack")) {
		no_acks();
	} else if (!strcmp(word, "stays")) {
		stays(atoi(args));
	} else if (!strcmp(word, "closed")) {
		closed();
	} else if (!strcmp(word, "close")) {
		close(peer);
		peer = -1;
	} else if (!strcmp(word, "open")) {
		open_peer();
	} else if (!strcmp(word, "sh")) {
		fflush(stdout);
		if (system(args))
			fail("sh %s: failed", args);
	} else if (!strcmp(word, "limit")) {
		limit_ms = atoi(args);
	} else if (!strcmp(word, "hits")) {
		hits(args);
	} else if (!strcmp(word, "turns")) {
		turns(args);
	} else if (!strcmp(word, "trace")) {
		trace(args);
	} else if (!strcmp(word, "follow")) {
		follow(args);
	} else if (!strcmp(word, "cycles")) {
		cycles(args);
	} else if (*word && *word != '#') {
		fail("'%s': no such command", line);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[4096];

	if (argc < 2)
		fail("usage: rspclient PORT|SOCKET [COMMAND...]");
	where = argv[1];
	open_peer();
	for (int i = 2; i < argc; i++)
		run(argv[i]);
	while (argc == 2 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		run(line);
	}
	return 0;
}
