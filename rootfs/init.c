// SPDX-License-Identifier: GPL-2.0-only
/*
 * /init of the initramfs: mounts what is usual, runs the command that the monitor
 * left in /.kap (or a shell), reports its exit status and powers off. Nothing here
 * sleeps and no script runs: the time from the kernel to the command is milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define CONFIG_FILE	"/.kap/config"
#define ARGV_FILE	"/.kap/argv"
#define ARGV_MAX	(1024 * 1024)

/* What an exec that failed exits with, as shells do. */
#define EXIT_NOT_EXECUTABLE	126
#define EXIT_NOT_FOUND		127

/* The next step when neither fork nor exec has what it needs. */
#define NO_ROOM                                                                         \
	"; give the guest more memory (--mem), or raise the host's limit on processes " \
		"(ulimit -u)"

static bool on_kernel_log;
static char last_line[640];

void init__say(int error, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(last_line, sizeof(last_line), "%s%s%s", text, error ? ": " : "",
		 error ? strerror(error) : "");
	/* Level 3 is an error: shown even by a quiet kernel. */
	dprintf(STDERR_FILENO, "%sinit: %s\n", on_kernel_log ? "<3>" : "", last_line);
}

/* Reads a whole small file; NULL when there is none. */
static char *read_file(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	struct stat st;
	size_t have = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || (size_t)st.st_size > max)
		goto out;
	data = malloc((size_t)st.st_size + 1);
	while (data && have < (size_t)st.st_size) {
		ssize_t n = read(fd, data + have, (size_t)st.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (data) {
		data[have] = '\0';
		*len = have;
	}
out:
	close(fd);
	return data;
}

static void set_text(char *field, size_t size, const char *key, const char *value)
{
	if (snprintf(field, size, "%s", value) >= (int)size)
		init__say(0, CONFIG_FILE ": %s is too long: %s", key, value);
}

static void read_config(struct init_config *config)
{
	char *text, *line, *value, *next;
	size_t len;

	*config = (struct init_config){ .root = "initrd", .term = "linux" };
	text = read_file(CONFIG_FILE, 65536, &len);
	for (line = text; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = '\0';
		/* What the monitor doesn't know is empty. */
		if (!*value)
			continue;
		if (!strcmp(line, "mode"))
			config->ports = !strcmp(value, "ports");
		else if (!strcmp(line, "root"))
			set_text(config->root, sizeof(config->root), line, value);
		else if (!strcmp(line, "term"))
			set_text(config->term, sizeof(config->term), line, value);
		else if (!strcmp(line, "cols"))
			config->cols = (unsigned int)strtoul(value, NULL, 10);
		else if (!strcmp(line, "rows"))
			config->rows = (unsigned int)strtoul(value, NULL, 10);
		/* Other keys are a newer monitor's. */
	}
	free(text);
}

/* The command's words, NULL-terminated; NULL when no command was given. */
static char **read_argv(void)
{
	size_t len, words = 0, i;
	char *data = read_file(ARGV_FILE, ARGV_MAX, &len);
	char **argv, *p;

	if (!data || !len)
		return NULL;
	for (i = 0; i < len; i++)
		words += !data[i];
	words += data[len - 1] != '\0';
	argv = calloc(words + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	for (i = 0, p = data; i < words; i++, p += strlen(p) + 1)
		argv[i] = p;
	return argv;
}

static void bring_up_loopback(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A kernel without a network is fine. */
	if (fd < 0)
		return;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		init__say(errno, "the loopback interface stays down");
	close(fd);
}

static void set_environment(const struct init_config *config)
{
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("TERM", config->term, 1);
}

static const sigset_t *watched_signals(void)
{
	static sigset_t set;

	/* What kill(1), poweroff, reboot, halt and the kernel's Ctrl-Alt-Del send to process 1. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGPWR);
	return &set;
}

/* In the child: becomes the command, or exits as a shell would. */
static void __attribute__((noreturn)) become(char **argv)
{
	int error;

	sigprocmask(SIG_UNBLOCK, watched_signals(), NULL);
	execvp(argv[0], argv);
	error = errno;
	if (error == ENOENT) {
		dprintf(STDERR_FILENO, "kap: %s: command not found in the guest\n", argv[0]);
		_exit(EXIT_NOT_FOUND);
	}
	dprintf(STDERR_FILENO, "kap: %s: %s%s\n", argv[0], strerror(error),
		error == ENOMEM ? NO_ROOM : "");
	_exit(EXIT_NOT_EXECUTABLE);
}

/* When there is no command whose output would tell: where it goes, the last line goes, too. */
static void tell_user(const struct init_config *config, const char *next_step)
{
	if (config->ports && stdio__ports())
		dprintf(STDERR_FILENO, "kap: %s%s\n", last_line, next_step);
}

static pid_t start_command(const struct init_config *config, char **argv)
{
	static char *shell[] = { "sh", "-l", NULL };
	pid_t pid = fork();

	if (pid < 0) {
		init__say(errno, "no process for the command");
		tell_user(config, NO_ROOM);
	}
	if (pid)
		return pid;

	setsid();
	if (!(config->ports && argv ? stdio__ports() : stdio__console(config)))
		_exit(EXIT_NOT_EXECUTABLE);
	if (chdir(argv ? "/" : "/root") < 0 && chdir("/") < 0)
		_exit(EXIT_NOT_EXECUTABLE);
	become(argv ? argv : shell);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * Reaps until the command has ended (its exit status is the answer) or someone asks to
 * halt; *how becomes the reboot(2) command then.
 */
static int wait_for_end(pid_t command, int *how)
{
	for (;;) {
		siginfo_t info;
		int status;
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == command)
				return exit_status(status);
		if (sigwaitinfo(watched_signals(), &info) < 0)
			continue;
		switch (info.si_signo) {
		case SIGCHLD:
			break;
		case SIGTERM:
		case SIGINT:
			*how = RB_AUTOBOOT;
			return 0;
		default:
			*how = RB_POWER_OFF;
			return 0;
		}
	}
}

/* Ends every other process: asks first when the disk may have something to lose. */
static void end_processes(bool gently)
{
	const struct timespec grace = { .tv_sec = 2 };
	sigset_t child;
	int round;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (round = gently ? 0 : 1; round < 2; round++) {
		if (kill(-1, round ? SIGKILL : SIGTERM) < 0)
			return;
		for (;;) {
			pid_t pid = waitpid(-1, NULL, WNOHANG);

			if (pid < 0)
				return;
			if (!pid && sigtimedwait(&child, NULL, &grace) < 0 && errno == EAGAIN)
				break;
		}
	}
}

int main(void)
{
	struct init_config config;
	int how = RB_POWER_OFF;
	bool disk;
	char **argv;
	int status;
	pid_t command;

	if (getpid() != 1) {
		init__say(0, "only the kernel starts this program, as process 1");
		return 2;
	}
	on_kernel_log = stdio__hold();
	sigprocmask(SIG_BLOCK, watched_signals(), NULL);
	umask(022);
	reboot(RB_DISABLE_CAD);
	stdio__listen();
	mounts__early();
	read_config(&config);
	argv = read_argv();
	set_environment(&config);
	if (sethostname("kap", 3) < 0)
		init__say(errno, "the host name stays as it is");
	bring_up_loopback();

	disk = strcmp(config.root, "initrd") != 0;
	if (disk && !mounts__switch_root(config.root)) {
		tell_user(&config, "");
		status = EXIT_NOT_EXECUTABLE;
		goto end;
	}
	/* A disk with an init of its own, and nothing asked for: the system is that init's. */
	if (disk && !argv && !access("/sbin/init", X_OK) && stdio__console(&config)) {
		sigprocmask(SIG_UNBLOCK, watched_signals(), NULL);
		execl("/sbin/init", "init", (char *)NULL);
		init__say(errno, "/sbin/init of %s can't be started; a shell instead", config.root);
		sigprocmask(SIG_BLOCK, watched_signals(), NULL);
	}

	command = start_command(&config, argv);
	status = command < 0 ? EXIT_NOT_EXECUTABLE : wait_for_end(command, &how);
end:
	end_processes(disk || how == RB_AUTOBOOT);
	mounts__finish();
	stdio__report(status);
	stdio__drain();
	reboot(how);
	init__say(errno, "the kernel refuses to power off");
	for (;;)
		pause();
}
