// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plays a person at a terminal. Runs a command on a new pseudo-terminal, in a session of its own,
 * and does one step after the other:
 *
 *	expect=TEXT	waits until TEXT was shown (behind what the step before matched)
 *	send=TEXT	types TEXT (\n, \r, \\, \e, \xHH)
 *	size=COLSxROWS	resizes the terminal
 *	kill=SIGNAL	sends the command a signal, by number
 *	sh=COMMAND	runs a host shell command; $PID is the command's process
 *	raw, cooked	waits until the terminal is in that mode
 *
 * Then waits for the command's end. stdout gets all that was shown; stderr one line:
 * "status=N session=PID mode=same|changed". Exits with 0, or with 99 and a line on stderr
 * when a step did not come true in time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 30000

static char shown[1 << 20];
static size_t shown_len, matched;
static int master, slave;
static pid_t child;
static bool ended;

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void finish(int code)
{
	fwrite(shown, 1, shown_len, stdout);
	fflush(stdout);
	if (code) {
		kill(-child, SIGTERM);
		kill(child, SIGTERM);
	}
	exit(code);
}

static void fail(const char *step)
{
	fprintf(stderr, "pty: step '%s' did not come true\n", step);
	finish(99);
}

/* Takes all that is there, after waiting for something. */
static void take_output(int ms)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	ssize_t n;

	while (poll(&p, 1, ms) > 0) {
		n = read(master, shown + shown_len, sizeof(shown) - 1 - shown_len);
		if (n <= 0)
			break;
		shown_len += n;
		ms = 0;
	}
	shown[shown_len] = 0;
}

static bool find(const char *text)
{
	char *at = memmem(shown + matched, shown_len - matched, text, strlen(text));

	if (at)
		matched = at - shown + strlen(text);
	return at;
}

static bool is_raw(void)
{
	struct termios t;

	tcgetattr(slave, &t);
	return !(t.c_lflag & (ICANON | ECHO));
}

static bool has_ended(void)
{
	siginfo_t info = { 0 };

	if (!ended)
		ended = !waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
	return ended;
}

static void unescape(char *to, const char *from)
{
	while (*from) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		switch (*++from) {
		case 'n':
			*to++ = '\n';
			break;
		case 'r':
			*to++ = '\r';
			break;
		case 'e':
			*to++ = '\033';
			break;
		case 'x':
			*to++ = strtol((char[]){ from[1], from[2], 0 }, NULL, 16);
			from += 2;
			break;
		default:
			*to++ = *from;
		}
		from++;
	}
	*to = 0;
}

static void wait_for(const char *step, const char *text, int mode)
{
	long end = now_ms() + LIMIT_MS;

	for (;;) {
		bool over = has_ended();

		take_output(20);
		if (text ? find(text) : is_raw() == mode)
			return;
		if (over || now_ms() > end)
			fail(step);
	}
}

static void do_step(const char *step)
{
	char text[4096];
	struct winsize ws = { 0 };

	if (!strncmp(step, "expect=", 7)) {
		unescape(text, step + 7);
		wait_for(step, text, 0);
	} else if (!strncmp(step, "send=", 5)) {
		unescape(text, step + 5);
		if (write(master, text, strlen(text)) != (ssize_t)strlen(text))
			fail(step);
	} else if (sscanf(step, "size=%hux%hu", &ws.ws_col, &ws.ws_row) == 2) {
		ioctl(master, TIOCSWINSZ, &ws);
	} else if (!strncmp(step, "kill=", 5)) {
		kill(child, atoi(step + 5));
	} else if (!strncmp(step, "sh=", 3)) {
		if (system(step + 3))
			fail(step);
	} else if (!strcmp(step, "raw") || !strcmp(step, "cooked")) {
		wait_for(step, NULL, !strcmp(step, "raw"));
	} else {
		fail(step);
	}
}

static bool same_mode(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && !memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc));
}

int main(int argc, char **argv)
{
	struct winsize ws = { .ws_col = 91, .ws_row = 33 };
	struct termios before, after;
	int status, i, cmd = 1;
	char pid[16];
	long end;

	while (cmd < argc && strcmp(argv[cmd], "--"))
		cmd++;
	if (cmd + 1 >= argc) {
		fprintf(stderr, "usage: pty STEP... -- command args...\n");
		return 98;
	}
	if (openpty(&master, &slave, NULL, NULL, &ws)) {
		perror("openpty");
		return 98;
	}
	tcgetattr(slave, &before);
	child = fork();
	if (!child) {
		/* Started in the background, a test has these ignored, and kap heeds that. */
		signal(SIGHUP, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (i = 0; i < 3; i++)
			dup2(slave, i);
		close(slave);
		close(master);
		execvp(argv[cmd + 1], argv + cmd + 1);
		_exit(127);
	}
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	snprintf(pid, sizeof(pid), "%d", child);
	setenv("PID", pid, 1);
	for (i = 1; i < cmd; i++)
		do_step(argv[i]);

	end = now_ms() + LIMIT_MS;
	while (!has_ended()) {
		take_output(20);
		if (now_ms() > end)
			fail("the command ends");
	}
	take_output(0);
	tcgetattr(slave, &after);
	waitpid(child, &status, 0);
	fprintf(stderr, "status=%d session=%d mode=%s\n",
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), child,
		same_mode(&before, &after) ? "same" : "changed");
	finish(0);
}
