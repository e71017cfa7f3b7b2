// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of guests: who is found by what, that a name has one owner at a time, and that neither
 * what a dead guest left behind nor what others have put into the way is believed.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "capture.h"
#include "cli/names.h"

static char base[64];	/* XDG_RUNTIME_DIR */

struct guest {
	pid_t pid;
	int go;			/* a byte: it shall end */
	int err;		/* what names__begin() gave it */
	char socket[NAMES_SOCKET], why[256], said[512];
};

struct answer {
	int err;
	char socket[NAMES_SOCKET], why[256], said[512];
};

static const char *in(const char *name)
{
	static char path[4][256];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", base, name);
	return path[n];
}

/* A process that is a guest until end_guest(). */
static struct guest begin_guest(const char *name, const char *kernel)
{
	struct answer answer = { .err = -EIO };
	struct guest guest;
	int go[2], tell[2];

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(tell), 0);
	guest.pid = fork();
	assert_true(guest.pid >= 0);
	if (!guest.pid) {
		char end;

		close(go[1]);
		capture__begin();
		answer.err = names__begin(name, kernel, answer.socket, answer.why);
		snprintf(answer.said, sizeof(answer.said), "%.500s", capture__end());
		if (write(tell[1], &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
		if (read(go[0], &end, 1) != 1)
			_exit(1);
		names__end();
		_exit(0);
	}
	close(go[0]);
	close(tell[1]);
	assert_int_equal(read(tell[0], &answer, sizeof(answer)), sizeof(answer));
	close(tell[0]);
	guest.go = go[1];
	guest.err = answer.err;
	memcpy(guest.socket, answer.socket, sizeof(guest.socket));
	memcpy(guest.why, answer.why, sizeof(guest.why));
	memcpy(guest.said, answer.said, sizeof(guest.said));
	return guest;
}

static void end_guest(struct guest *guest, int signo)
{
	int status;

	if (signo)
		kill(guest->pid, signo);
	else
		assert_int_equal(write(guest->go, "", 1), 1);
	close(guest->go);
	assert_int_equal(waitpid(guest->pid, &status, 0), guest->pid);
	assert_int_equal(status, signo);
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static bool contains(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	print_message("'%s' is not in '%s'\n", part, text);
	return false;
}

/* names__find(), and what it says when it finds nobody. */
static int find(const char *what, struct names_guest *guest, const char **said)
{
	int err;

	capture__begin();
	err = names__find(what, guest);
	*said = capture__end();
	return err;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	strcpy(base, "/tmp/kap-names.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	return setenv("XDG_RUNTIME_DIR", base, 1);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void valid(void **state)
{
	char longest[65];

	(void)state;
	memset(longest, 'x', 64);
	longest[64] = 0;
	assert_false(names__valid(longest));
	longest[63] = 0;
	assert_true(names__valid(longest));
	assert_true(names__valid("a"));
	assert_true(names__valid("Web-1_2.3"));
	assert_true(names__valid("1a"));
	assert_true(names__valid("..."));
	assert_false(names__valid(""));
	assert_false(names__valid("17"));
	assert_false(names__valid("a b"));
	assert_false(names__valid("a/b"));
	assert_false(names__valid("a\n"));
	assert_false(names__valid("\303\244"));
}

static void by_name_and_pid(void **state)
{
	struct guest web = begin_guest("web", "/proc/self/../version");
	struct guest plain = begin_guest(NULL, "no-such-file");
	struct names_guest found;
	const char *said;
	char pid[16];
	struct stat st;

	(void)state;
	assert_int_equal(web.err, 0);
	assert_string_equal(web.socket, in("kap/web.gdb"));
	assert_int_equal(stat(in("kap"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	make_file(web.socket);

	assert_int_equal(find("web", &found, &said), 0);
	assert_int_equal(found.pid, web.pid);
	assert_string_equal(found.name, "web");
	assert_string_equal(found.kernel, "/proc/version");
	assert_string_equal(found.socket, web.socket);
	snprintf(pid, sizeof(pid), "%d", web.pid);
	assert_int_equal(find(pid, &found, &said), 0);
	assert_string_equal(found.name, "web");
	assert_string_equal(found.socket, web.socket);

	assert_int_equal(plain.err, 0);
	snprintf(pid, sizeof(pid), "%d", plain.pid);
	assert_int_equal(find(pid, &found, &said), 0);
	assert_int_equal(found.pid, plain.pid);
	assert_string_equal(found.name, "");
	assert_string_equal(found.kernel, "");
	assert_string_equal(found.socket, plain.socket);

	assert_int_equal(find("wob", &found, &said), -ESRCH);
	assert_true(contains(said, "no guest is called 'wob'; there are: "));
	snprintf(pid, sizeof(pid), "web (pid %d)", web.pid);
	assert_true(contains(said, pid));
	snprintf(pid, sizeof(pid), "pid %d", plain.pid);
	assert_true(contains(said, pid));

	end_guest(&web, 0);
	assert_false(exists(in("kap/web.guest")));
	assert_false(exists(in("kap/web.gdb")));
	assert_int_equal(find("web", &found, &said), -ESRCH);
	end_guest(&plain, 0);
	assert_int_equal(find("web", &found, &said), -ESRCH);
	assert_true(contains(said, "no guest is called 'web'"));
	/* Guests of the same user that have nothing to do with this test may be told of. */
	assert_null(strstr(said, pid));
}

static void taken(void **state)
{
	struct guest first = begin_guest("web", "/");
	struct guest second = begin_guest("web", "/");
	struct names_guest found;
	const char *said;
	char pid[16];

	(void)state;
	assert_int_equal(first.err, 0);
	assert_int_equal(second.err, -EEXIST);
	snprintf(pid, sizeof(pid), "pid %d", first.pid);
	assert_true(contains(second.said, "--name: 'web' is taken"));
	assert_true(contains(second.said, pid));
	/* Whoever didn't get the name takes nothing away with it. */
	end_guest(&second, 0);
	assert_int_equal(find("web", &found, &said), 0);
	assert_int_equal(found.pid, first.pid);
	end_guest(&first, 0);
	second = begin_guest("web", "/");
	assert_int_equal(second.err, 0);
	end_guest(&second, 0);
}

/* As many as want it at the same time: one has it. */
static void race(void **state)
{
	enum { N = 16 };
	int go[2], done[2], winners = 0;
	char c;

	(void)state;
	for (int round = 0; round < 20; round++) {
		assert_int_equal(pipe(go), 0);
		assert_int_equal(pipe(done), 0);
		for (int i = 0; i < N; i++) {
			char socket[NAMES_SOCKET], why[256];
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (pid)
				continue;
			close(go[1]);
			capture__begin();
			if (read(go[0], &c, 1))
				_exit(2);
			c = names__begin("web", "/", socket, why) ? 'l' : 'w';
			if (write(done[1], &c, 1) != 1)
				_exit(2);
			/* Until all have tried; then without tidying up. */
			pause();
		}
		close(go[0]);
		close(go[1]);
		winners = 0;
		for (int i = 0; i < N; i++) {
			assert_int_equal(read(done[0], &c, 1), 1);
			winners += c == 'w';
		}
		close(done[0]);
		close(done[1]);
		assert_int_equal(winners, 1);
		signal(SIGTERM, SIG_IGN);
		kill(0, SIGTERM);
		signal(SIGTERM, SIG_DFL);
		while (wait(NULL) > 0)
			;
	}
}

static void killed(void **state)
{
	struct guest web = begin_guest("web", "/"), other;
	struct names_guest found;
	const char *said;

	(void)state;
	make_file(web.socket);
	end_guest(&web, SIGKILL);
	assert_true(exists(in("kap/web.guest")));
	assert_int_equal(find("web", &found, &said), -ESRCH);
	assert_false(exists(in("kap/web.guest")));
	assert_false(exists(in("kap/web.gdb")));

	/* Also tidied up by the next guest, whatever that is called. */
	web = begin_guest("web", "/");
	make_file(web.socket);
	end_guest(&web, SIGKILL);
	other = begin_guest("other", "/");
	assert_false(exists(in("kap/web.guest")));
	assert_false(exists(in("kap/web.gdb")));
	end_guest(&other, 0);

	/* The name is free at once, and an old socket is not in the way. */
	web = begin_guest("web", "/");
	make_file(web.socket);
	end_guest(&web, SIGKILL);
	web = begin_guest("web", "/");
	assert_int_equal(web.err, 0);
	assert_false(exists(web.socket));
	end_guest(&web, 0);
}

/* A file that names a process which lives, but is no guest. */
static void reused_pid(void **state)
{
	struct names_guest found;
	const char *said;
	char pid[16], file[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(file, sizeof(file), "kap/%d.guest", getpid());
	assert_int_equal(mkdir(in("kap"), 0700), 0);
	make_file(in(file));
	assert_int_equal(find(pid, &found, &said), -ESRCH);
	assert_false(exists(in(file)));
}

/* What the children of a guest inherit doesn't keep it alive. */
static void orphans(void **state)
{
	int tell[2], hold[2];
	struct names_guest found;
	const char *said;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(tell), 0);
	assert_int_equal(pipe(hold), 0);
	pid = fork();
	if (!pid) {
		char socket[NAMES_SOCKET], why[256];

		close(hold[1]);
		if (names__begin("web", "/", socket, why))
			_exit(1);
		if (!fork()) {
			if (write(tell[1], "x", 1) != 1)
				_exit(1);
			_exit(read(hold[0], &c, 1) != 0);
		}
		pause();
	}
	assert_int_equal(read(tell[0], &c, 1), 1);
	assert_int_equal(find("web", &found, &said), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(find("web", &found, &said), -ESRCH);
	close(hold[1]);
	close(tell[0]);
	close(tell[1]);
	close(hold[0]);
}

static void folder_in_the_way(void **state)
{
	struct guest guest;
	char name[32], file[64];

	(void)state;
	snprintf(name, sizeof(name), "test_names-%d", getpid());
	assert_int_equal(mkdir(in("elsewhere"), 0700), 0);
	assert_int_equal(symlink(in("elsewhere"), in("kap")), 0);
	guest = begin_guest(name, "/");
	/* It went to the folder in /tmp, if that is usable: never through the link. */
	snprintf(file, sizeof(file), "elsewhere/%s.guest", name);
	assert_false(exists(in(file)));
	assert_int_not_equal(strncmp(guest.socket, base, strlen(base)), 0);
	end_guest(&guest, 0);

	/* Nor to one that others may look into, or change. */
	assert_int_equal(unlink(in("kap")), 0);
	assert_int_equal(mkdir(in("kap"), 0700), 0);
	assert_int_equal(chmod(in("kap"), 0755), 0);
	guest = begin_guest(name, "/");
	snprintf(file, sizeof(file), "kap/%s.guest", name);
	assert_false(exists(in(file)));
	end_guest(&guest, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test_setup_teardown(by_name_and_pid, setup, teardown),
		cmocka_unit_test_setup_teardown(taken, setup, teardown),
		cmocka_unit_test_setup_teardown(race, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(reused_pid, setup, teardown),
		cmocka_unit_test_setup_teardown(orphans, setup, teardown),
		cmocka_unit_test_setup_teardown(folder_in_the_way, setup, teardown),
	};

	setpgid(0, 0);
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
