// SPDX-License-Identifier: GPL-2.0-only
/*
 * `kap gdb`: a guest that is held at its first instruction as one child, gdb as the other one, in
 * the foreground. Neither outlives this process. With --attach there is only gdb.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/gdb.h"
#include "cli/gdb_args.h"
#include "cli/help.h"
#include "cli/names.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/run.h"
#include "cli/status.h"
#include "vm/msg.h"

struct session {
	struct run_options options;
	char gdb[PATH_MAX], kernel[PATH_MAX], socket[NAMES_SOCKET];
	pid_t guest, debugger;		/* 0: has ended */
	int guest_status;		/* of wait */
	int input;			/* held open: the guest's stdin, which never ends */
};

/* Those that nohup or a shell wants ignored stay so. */
static sigset_t signals;

static void nothing(int signo)
{
	(void)signo;
}

/* The signals that wait_for() takes; where they are not blocked they interrupt a read(). */
static void block_signals(void)
{
	static const int taken[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction sa = { .sa_handler = nothing }, old;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (!sigaction(taken[i], NULL, &old) && old.sa_handler == SIG_IGN &&
		    taken[i] != SIGCHLD)
			continue;
		sigaddset(&signals, taken[i]);
		sigaction(taken[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* In a child. */
static void unblock_signals(void)
{
	for (int signo = 1; signo < NSIG; signo++)
		if (sigismember(&signals, signo) == 1)
			signal(signo, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static int exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? STATUS_SIGNAL + WTERMSIG(wait_status) :
					  WEXITSTATUS(wait_status);
}

/* A child that ends with its parent, also with one that has ended just now. */
static void end_with(pid_t parent, int signo)
{
	prctl(PR_SET_PDEATHSIG, signo);
	if (getppid() != parent)
		_exit(STATUS_KILLED);
}

/* `kap run` with what the user gave, behind what makes it wait for gdb. */
static char **guest_argv(const struct run_options *o, int *argc)
{
	size_t command = 0;
	char **argv;
	int n = 0;

	while (o->argv && o->argv[command])
		command++;
	argv = calloc(o->nr_run_args + command + 5, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[n++] = "run";
	argv[n++] = "--on-panic=gdb";
	argv[n++] = "-S";
	for (unsigned int i = 0; i < o->nr_run_args; i++)
		argv[n++] = o->run_args[i];
	if (command)
		argv[n++] = "--";
	for (size_t i = 0; i < command; i++)
		argv[n++] = o->argv[i];
	*argc = n;
	return argv;
}

static void become_guest(const struct session *session, int input, int ready)
{
	int argc;
	char **argv = guest_argv(&session->options, &argc);

	if (!argv) {
		msg__error("guest: %s; free some memory", strerror(ENOMEM));
		exit(STATUS_HOST);
	}
	/* Ctrl-C is gdb's; so is the terminal, on which this may write all the same. */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	unblock_signals();
	dup2(input, STDIN_FILENO);
	close(input);
	run__tell_debugger(ready);
	exit(run__main(argc, argv));
}

/* The socket's path comes through ready when the guest is there; or nothing, when it is not. */
static bool await_guest(struct session *session, int ready)
{
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(session->socket) - 1) {
		n = read(ready, session->socket + used, sizeof(session->socket) - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += n;
	}
	session->socket[used] = 0;
	return used;
}

/*
 * A command reads an empty stdin. A shell would end with its input, and the guest with the shell:
 * it gets one that never has anything.
 */
static int guest_input(struct session *session)
{
	int fds[2];

	session->input = -1;
	if (session->options.argv)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	session->input = fds[1];
	return fds[0];
}

static int start_guest(struct session *session)
{
	pid_t parent = getpid();
	int ready[2];
	int input = guest_input(session);
	bool there;

	if (input < 0 || pipe2(ready, O_CLOEXEC)) {
		msg__error("pipe: %s; raise the limit on open files (ulimit -n)", strerror(errno));
		return STATUS_HOST;
	}
	session->guest = fork();
	if (session->guest < 0) {
		msg__error("fork: %s; raise the limit on processes (ulimit -u)", strerror(errno));
		return STATUS_HOST;
	}
	if (!session->guest) {
		end_with(parent, SIGTERM);
		close(ready[0]);
		if (session->input >= 0)
			close(session->input);
		become_guest(session, input, ready[1]);
	}
	close(input);
	close(ready[1]);
	there = await_guest(session, ready[0]);
	close(ready[0]);
	if (there)
		return STATUS_OK;
	while (waitpid(session->guest, &session->guest_status, 0) < 0 && errno == EINTR)
		;
	session->guest = 0;
	/* It has told why, and never ends well without a debugger. */
	return exit_status(session->guest_status) ? exit_status(session->guest_status) :
						    STATUS_KILLED;
}

static int start_gdb(struct session *session)
{
	char **argv = gdb_args__make(&(struct gdb_args){
		.gdb = session->gdb,
		.kernel = session->kernel,
		.socket = session->socket,
		.options = session->options.gdb_options,
		.nr_options = session->options.nr_gdb_options,
	});
	pid_t parent = getpid();

	if (!argv) {
		msg__error("gdb: %s; free some memory", strerror(ENOMEM));
		return STATUS_HOST;
	}
	if (session->guest) {
		session->debugger = fork();
		if (session->debugger < 0) {
			msg__error("fork: %s; raise the limit on processes (ulimit -u)",
				   strerror(errno));
			session->debugger = 0;
			return STATUS_HOST;
		}
		if (session->debugger)
			return STATUS_OK;
		/* Under nohup it would not hear of our end. */
		signal(SIGHUP, SIG_DFL);
		end_with(parent, SIGHUP);
	}
	unblock_signals();
	execv(session->gdb, argv);
	msg__error("'%s': %s; install gdb (apt-get install gdb), or name another one in the "
		   "environment variable GDB",
		   session->gdb, strerror(errno));
	_exit(STATUS_HOST);
}

/* Takes children that have ended. */
static void reap(struct session *session, int *gdb_status)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == session->debugger) {
			session->debugger = 0;
			*gdb_status = status;
		} else if (pid == session->guest) {
			session->guest = 0;
			session->guest_status = status;
		}
	}
}

static void wait_for_guest(struct session *session)
{
	while (session->guest && waitpid(session->guest, &session->guest_status, 0) < 0)
		if (errno != EINTR)
			break;
	session->guest = 0;
}

/*
 * Waits until gdb has ended (or, with until_guest, the guest). The number of the signal that ended
 * the wait before, or 0. Ctrl-C is gdb's as long as there is one.
 */
static int wait_for(struct session *session, bool until_guest, int *gdb_status)
{
	int signo;

	for (;;) {
		reap(session, gdb_status);
		if (until_guest ? !session->guest : !session->debugger)
			return 0;
		signo = sigwaitinfo(&signals, NULL);
		switch (signo) {
		case SIGINT:
		case SIGQUIT:
			if (!session->debugger)
				return signo;
			break;
		case SIGTERM:
		case SIGHUP:
			return signo;
		}
	}
}

/* A guest that gdb has killed says so before it is gone: not worth a question. */
static void let_it_end(struct session *session, int *gdb_status)
{
	static const struct timespec moment = { .tv_nsec = 500000000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	do
		reap(session, gdb_status);
	while (session->guest && sigtimedwait(&child, NULL, &moment) > 0);
}

/* No answer, and a signal instead of one, is a yes. */
static bool asked_to_end(void)
{
	char line[64];
	ssize_t n;

	for (;;) {
		msg__report("kap: the guest still runs; end it? (y or n)");
		sigprocmask(SIG_UNBLOCK, &signals, NULL);
		n = read(STDIN_FILENO, line, sizeof(line));
		sigprocmask(SIG_BLOCK, &signals, NULL);
		if (n <= 0 || *line == 'y' || *line == 'Y')
			return true;
		if (*line == 'n' || *line == 'N')
			return false;
	}
}

/* gdb has ended, and may have left the guest running. The signal that ended the wait, or 0. */
static int leave_guest(struct session *session, int *gdb_status)
{
	if (!isatty(STDIN_FILENO))
		return 0;
	let_it_end(session, gdb_status);
	if (!session->guest || asked_to_end())
		return 0;
	msg__note("the guest goes on, with pid %d; Ctrl-C ends it", (int)session->guest);
	return wait_for(session, true, gdb_status);
}

static int run_session(struct session *session)
{
	int status, gdb_status = 0, signo = 0;

	block_signals();
	status = start_guest(session);
	if (status)
		return status;
	if (!session->options.argv)
		msg__note("to type at the guest's shell, use `kap run --name=NAME` in another "
			  "terminal and `kap gdb --attach=NAME` here");
	status = start_gdb(session);
	if (!status)
		signo = wait_for(session, false, &gdb_status);
	if (!status && !signo)
		signo = leave_guest(session, &gdb_status);
	if (session->guest)
		kill(session->guest, SIGTERM);
	if (session->debugger)
		kill(session->debugger, SIGHUP);
	wait_for_guest(session);
	while (session->debugger && waitpid(session->debugger, &gdb_status, 0) < 0)
		if (errno != EINTR)
			break;
	if (status)
		return status;
	return signo == SIGTERM || signo == SIGHUP ? STATUS_SIGNAL + signo :
						     exit_status(gdb_status);
}

/* The kernel that the guest runs: as the user says, or as the guest, or the default. */
static int find_kernel(struct session *session, const char *of_guest)
{
	const char *kernel = session->options.kernel;

	if (!kernel && of_guest)
		kernel = of_guest;
	if (kernel)
		snprintf(session->kernel, PATH_MAX, "%s", kernel);
	else
		paths__find("vmlinux", session->kernel);
	if (*session->kernel && !access(session->kernel, R_OK))
		return STATUS_OK;
	msg__error("'%s': the guest's kernel: %s; name the vmlinux that it runs with --kernel=FILE",
		   session->kernel, *session->kernel ? strerror(errno) : "not known");
	return STATUS_USAGE;
}

static int attach(struct session *session)
{
	struct names_guest guest;
	int status;

	if (names__find(session->options.attach, &guest))
		return STATUS_USAGE;
	status = find_kernel(session, guest.kernel);
	if (status)
		return status;
	memcpy(session->socket, guest.socket, sizeof(session->socket));
	if (access(session->socket, F_OK)) {
		msg__error("--attach=%s: '%s': %s; the guest is about to start or to end: try "
			   "again",
			   session->options.attach, session->socket, strerror(errno));
		return STATUS_HOST;
	}
	return start_gdb(session);
}

int gdb__main(int argc, char **argv)
{
	static struct session session;
	int status = STATUS_USAGE;

	if (!options__parse(argc, argv, &session.options)) {
		const struct run_options *o = &session.options;

		msg__set_level(o->quiet, o->verbose);
		if (o->help)
			status = help__print("gdb");
		else if (!gdb_args__find_gdb(session.gdb))
			status = STATUS_HOST;
		else if (o->attach)
			status = attach(&session);
		else
			status = find_kernel(&session, NULL);
		if (!status && !o->help && !o->attach)
			status = run_session(&session);
	}
	options__free(&session.options);
	return status;
}
