// SPDX-License-Identifier: GPL-2.0-only
/*
 * Console wiring. Two modes:
 *
 *	console	 a person sits there (or there is no command): the guest's console, hvc0, is
 *		 stdin and stdout. A command runs on it. The log remembers what it says.
 *	ports	 a command with a pipe or a file: stdin, stdout and stderr are ports of their own,
 *		 so that bytes arrive unchanged; what the guest's console says goes to the log.
 *
 * In both, the guest's init says on the port kap.ctl how the command ended: "exit N\n".
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/terminal.h"
#include "cli/wiring.h"
#include "dev/dev.h"
#include "vm/life.h"
#include "vm/log.h"
#include "vm/msg.h"

#define END_OF_INPUT	4	/* Ctrl-D */

static bool console_mode, stdin_is_terminal, shared_terminal;
static int command_status = -1;

void wiring__choose(bool has_command)
{
	stdin_is_terminal = isatty(STDIN_FILENO);
	console_mode = !has_command || (stdin_is_terminal && isatty(STDOUT_FILENO));
}

void wiring__share_terminal(void)
{
	shared_terminal = true;
}

const char *wiring__mode(void)
{
	return console_mode ? "console" : "ports";
}

bool wiring__wants_terminal(void)
{
	return console_mode && stdin_is_terminal;
}

int wiring__command_status(void)
{
	return command_status;
}

static void leave(void)
{
	life__end(LIFE_LEFT, 0);
}

static void show_keys(void)
{
	msg__report(" ");
	msg__report("Ctrl-A x  end the guest at once and leave");
	msg__report("Ctrl-A ?  show these keys");
	msg__report("Ctrl-A a  send Ctrl-A to the guest (so does Ctrl-A Ctrl-A)");
}

static uint32_t console_input(uint8_t *data, uint32_t len, void *arg)
{
	static uint8_t last = '\n';

	/*
	 * A pipe or file ended: the shell in the guest shall see an end, too. In a line that was
	 * begun, Ctrl-D would only be the end of that.
	 */
	if (!len) {
		data[0] = last == '\n' ? END_OF_INPUT : '\n';
		last = '\n';
		return 1;
	}
	last = data[len - 1];
	return stdin_is_terminal ? escape__filter(arg, data, len) : len;
}

/* The kernel's messages arrive in the log ring until hvc0 works, and from then on here. */
static void console_to_log(const void *data, uint32_t len, void *arg)
{
	const char *c = data, *end = c + len;

	(void)arg;
	while (c < end) {
		const char *cr = memchr(c, '\r', end - c);

		log__add(c, (cr ? cr : end) - c);
		c = cr ? cr + 1 : end;
	}
}

static void remember(const void *data, uint32_t len, void *arg)
{
	(void)arg;
	log__keep(data, len);
}

/* All of it, or what the terminal takes within a second. */
static void put(const char *data, size_t len)
{
	while (len) {
		struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno != EAGAIN || poll(&pfd, 1, 1000) <= 0))
			return;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
}

/*
 * The guest's shell asks the terminal where its cursor is; the answer would be typed into the
 * debugger, which has the terminal's input.
 */
static void without_queries(const void *data, uint32_t len, void *arg)
{
	static const char query[] = { 27, '[', '6', 'n' };
	static size_t held;		/* bytes of it that were seen */
	const char *c = data, *begin = c, *end = c + len;

	remember(data, len, arg);
	for (; c < end; c++) {
		if (!held && *c != query[0])
			continue;
		if (!held)
			put(begin, c - begin);
		if (*c == query[held]) {
			held = (held + 1) % sizeof(query);
			begin = c + 1;
			continue;
		}
		put(query, held);
		held = 0;
		begin = c--;
	}
	put(begin, end - begin);
}

static void control_line(const char *line)
{
	char *end;
	long n;

	if (strncmp(line, "exit ", 5))
		return;
	n = strtol(line + 5, &end, 10);
	if (end != line + 5 && !*end && n >= 0 && n <= 255)
		command_status = n;
}

void wiring__control(const void *data, unsigned int len, void *arg)
{
	static char line[64];
	static size_t used;
	const char *c = data;

	(void)arg;
	for (; len; len--, c++) {
		if (*c != '\n') {
			/* Longer than any line we know: kept too long on purpose, so refused. */
			if (used < sizeof(line) - 1)
				line[used++] = *c;
			continue;
		}
		line[used] = 0;
		used = 0;
		control_line(line);
	}
}

int wiring__create(struct vm *vm)
{
	static struct escape escape = { .leave = leave, .help = show_keys };
	struct console_port_config ports[5];
	unsigned int n = 0;

	if (console_mode && shared_terminal) {
		ports[n++] = (struct console_port_config){
			.in_fd = STDIN_FILENO,
			.out_fd = -1,
			.filter = console_input,
			.sink = without_queries,
		};
	} else if (console_mode) {
		ports[n++] = (struct console_port_config){
			.in_fd = STDIN_FILENO,
			.out_fd = STDOUT_FILENO,
			.filter = console_input,
			.tee = remember,
			.arg = &escape,
		};
	} else {
		ports[n++] = (struct console_port_config){
			.in_fd = -1,
			.out_fd = -1,
			.sink = console_to_log,
		};
		ports[n++] = (struct console_port_config){
			.name = "kap.stdin",
			.in_fd = STDIN_FILENO,
			.out_fd = -1,
		};
		ports[n++] = (struct console_port_config){
			.name = "kap.stdout",
			.in_fd = -1,
			.out_fd = STDOUT_FILENO,
		};
		ports[n++] = (struct console_port_config){
			.name = "kap.stderr",
			.in_fd = -1,
			.out_fd = STDERR_FILENO,
		};
	}
	ports[n++] = (struct console_port_config){
		.name = "kap.ctl",
		.in_fd = -1,
		.out_fd = -1,
		.sink = wiring__control,
	};
	return console__create(vm, ports, n);
}
