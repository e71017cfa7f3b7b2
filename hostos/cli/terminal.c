// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode. What is raw when the program ends in an unforeseen way (exit() somewhere, a crash of
 * the monitor) is restored by an atexit function and by handlers of the fatal signals;
 * the expected ways call terminal__leave themselves.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "vm/msg.h"

static struct termios saved, raw;
static volatile sig_atomic_t is_raw;

bool terminal__size(unsigned int *cols, unsigned int *rows)
{
	static const int fds[] = { STDOUT_FILENO, STDIN_FILENO };
	struct winsize ws;

	for (int i = 0; i < 2; i++) {
		if (!ioctl(fds[i], TIOCGWINSZ, &ws) && ws.ws_col && ws.ws_row) {
			*cols = ws.ws_col;
			*rows = ws.ws_row;
			return true;
		}
	}
	*cols = 80;
	*rows = 24;
	return false;
}

/* Async-signal-safe. SIGTTOU would stop a kap that is in the background by now. */
static void set_mode(const struct termios *mode)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	while (tcsetattr(STDIN_FILENO, TCSANOW, mode) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void restore(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	set_mode(&saved);
}

static void on_fatal(int signo)
{
	restore();
	/* SA_RESETHAND: now for real. */
	raise(signo);
}

static void install_safety(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP };
	struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND };
	static bool done;

	if (done)
		return;
	done = true;
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
	atexit(restore);
}

bool terminal__enter(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (is_raw || tcgetattr(STDIN_FILENO, &saved) < 0)
		return is_raw;
	raw = saved;
	cfmakeraw(&raw);
	install_safety();
	sigaction(SIGTSTP, &ignore, NULL);
	/* In the background this stops kap, as any program that wants the terminal. */
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return false;
	is_raw = 1;
	msg__set_raw(true);
	return true;
}

void terminal__leave(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	if (!is_raw)
		return;
	restore();
	msg__set_raw(false);
	sigaction(SIGTSTP, &dfl, NULL);
}

void terminal__continued(void)
{
	if (is_raw)
		set_mode(&raw);
}
