// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of guests. Who wants to change the folder, or to look at all of it, holds an flock on
 * it, so nobody sees anything half-made. That a guest lives is told by a POSIX lock on its file,
 * not by the file: it ends with its process however that ends, children don't inherit it, and
 * asking for it gives the pid, which therefore can't be another process's by now.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/names.h"
#include "vm/msg.h"

#define SUFFIX		".guest"
#define SOCKET_SUFFIX	".gdb"
#define LISTED		16
#define NR_FOLDERS	2

static int own_folder = -1, own_file = -1;
static char own_name[NAMES_MAX + 1];

bool names__valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-_.");

	return len && len <= NAMES_MAX && !name[len] && strspn(name, "0123456789") < len;
}

/* The places for the folder, best first; false: there are no more. */
static bool folder_path(int n, char path[PATH_MAX])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	*path = 0;
	if (n == 0) {
		/* After su it may still be the one of somebody else. */
		if (!xdg || *xdg != '/' || stat(xdg, &st) || st.st_uid != geteuid())
			return true;
		if (snprintf(path, PATH_MAX, "%s/kap", xdg) >= PATH_MAX)
			*path = 0;
	} else if (n == 1) {
		snprintf(path, PATH_MAX, "/tmp/kap-%u", (unsigned int)geteuid());
	}
	return n < NR_FOLDERS;
}

/* In /tmp anybody may have put something there first. */
static const char *wrong_folder(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return strerror(errno);
	if (st.st_uid != geteuid())
		return "it belongs to somebody else; remove it, or set XDG_RUNTIME_DIR";
	if (st.st_mode & 077)
		return "others have access to it; chmod 700 it";
	return NULL;
}

/* A locked folder, or -errno and why. */
static int open_folder(const char *path, bool make, char why[256])
{
	const char *wrong;
	int fd, err;

	if (make && mkdir(path, 0700) && errno != EEXIST) {
		err = errno;
		snprintf(why, 256, "'%.100s': %s; set XDG_RUNTIME_DIR to a folder of your own",
			 path, strerror(err));
		return -err;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		err = errno;
		wrong = err == ELOOP || err == ENOTDIR ?
				"it is no folder; remove it, or set XDG_RUNTIME_DIR" :
				strerror(err);
	} else {
		err = EPERM;
		wrong = wrong_folder(fd);
	}
	while (!wrong && flock(fd, LOCK_EX)) {
		err = errno;
		if (err != EINTR)
			wrong = strerror(err);
	}
	if (!wrong)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(why, 256, "'%.100s': %s", path, wrong);
	return -err;
}

static void file_name(char file[NAME_MAX + 1], const char *name, const char *suffix)
{
	snprintf(file, NAME_MAX + 1, "%s%s", name, suffix);
}

static bool socket_path(char path[NAMES_SOCKET], const char *folder, const char *name)
{
	int n = snprintf(path, NAMES_SOCKET, "%s/%s" SOCKET_SUFFIX, folder, name);

	if (n < NAMES_SOCKET)
		return true;
	*path = 0;
	return false;
}

/* Who holds the lock on a guest's file: 0 nobody. */
static pid_t holder(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	/* Of another pid namespace, it has no number here: alive all the same. */
	return lock.l_pid > 0 ? lock.l_pid : -1;
}

static void remove_guest(int folder, const char *name)
{
	char file[NAME_MAX + 1];

	file_name(file, name, SOCKET_SUFFIX);
	unlinkat(folder, file, 0);
	file_name(file, name, SUFFIX);
	unlinkat(folder, file, 0);
}

/* The folder is locked. The guest's pid; 0: there is no such guest. */
static pid_t look(int folder, const char *name, char kernel[PATH_MAX])
{
	char file[NAME_MAX + 1];
	pid_t pid = 0;
	ssize_t n;
	int fd;

	file_name(file, name, SUFFIX);
	fd = openat(folder, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	pid = holder(fd);
	n = read(fd, kernel, PATH_MAX - 1);
	kernel[n > 0 ? n : 0] = 0;
	close(fd);
	if (!pid)
		remove_guest(folder, name);
	return pid;
}

/* "X.guest" becomes "X". */
static bool strip(const char *file, char name[NAMES_MAX + 1])
{
	size_t len = strlen(file), suffix = strlen(SUFFIX);

	if (len <= suffix || len - suffix > NAMES_MAX || strcmp(file + len - suffix, SUFFIX))
		return false;
	memcpy(name, file, len - suffix);
	name[len - suffix] = 0;
	return true;
}

/*
 * fn for each guest, until it gives true; those that have died without tidying up are removed on
 * the way. The folder is locked.
 */
static bool each_guest(int folder, bool (*fn)(const struct names_guest *guest, void *arg),
		       void *arg)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct names_guest guest;
	struct dirent *entry;
	bool found = false;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(dir))) {
		if (!strip(entry->d_name, guest.name))
			continue;
		/* Closing any descriptor of our own file would give up our lock on it. */
		if (own_file >= 0 && !strcmp(guest.name, own_name))
			continue;
		guest.pid = look(folder, guest.name, guest.kernel);
		if (guest.pid)
			found = fn && fn(&guest, arg);
	}
	closedir(dir);
	return found;
}

static int write_guest(int folder, const char *name, const char *kernel)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char file[NAME_MAX + 1], path[PATH_MAX];
	int fd, err;

	if (!realpath(kernel, path))
		*path = 0;
	file_name(file, name, SUFFIX);
	fd = openat(folder, file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? -EPERM : -errno;
	if (fcntl(fd, F_SETLK, &lock) || write(fd, path, strlen(path)) != (ssize_t)strlen(path)) {
		err = errno ? errno : ENOSPC;
		unlinkat(folder, file, 0);
		close(fd);
		return -err;
	}
	own_file = fd;
	return 0;
}

static int begin_in(const char *path, const char *name, const char *kernel,
		    char socket[NAMES_SOCKET], char why[256])
{
	char old[PATH_MAX], file[NAME_MAX + 1];
	int err, folder;
	pid_t pid;

	if (!socket_path(socket, path, name)) {
		snprintf(why, 256,
			 "'%.100s...': too long for a socket; set XDG_RUNTIME_DIR to a shorter one",
			 path);
		return -ENAMETOOLONG;
	}
	folder = open_folder(path, true, why);
	if (folder < 0)
		return folder;
	each_guest(folder, NULL, NULL);
	pid = look(folder, name, old);
	if (pid) {
		close(folder);
		if (!names__valid(name)) {
			snprintf(why, 256, "'%.100s' is shared with another container", path);
			return -EBUSY;
		}
		msg__error("--name: '%s' is taken, by the guest with pid %d; give another name, or "
			   "end that guest",
			   name, (int)pid);
		return -EEXIST;
	}
	file_name(file, name, SOCKET_SUFFIX);
	unlinkat(folder, file, 0);
	err = write_guest(folder, name, kernel);
	if (err) {
		snprintf(why, 256, "'%.100s/%.80s" SUFFIX "': %s", path, name, strerror(-err));
		close(folder);
		return err;
	}
	flock(folder, LOCK_UN);
	own_folder = folder;
	return 0;
}

int names__begin(const char *name, const char *kernel, char socket[NAMES_SOCKET], char why[256])
{
	char path[PATH_MAX];
	int err = -ENOENT;

	if (name)
		snprintf(own_name, sizeof(own_name), "%s", name);
	else
		snprintf(own_name, sizeof(own_name), "%d", (int)getpid());
	for (int i = 0; err && err != -EEXIST && folder_path(i, path); i++)
		if (*path)
			err = begin_in(path, own_name, kernel, socket, why);
	return err;
}

void names__end(void)
{
	if (own_file < 0)
		return;
	while (flock(own_folder, LOCK_EX) && errno == EINTR)
		;
	remove_guest(own_folder, own_name);
	close(own_file);
	close(own_folder);
	own_file = own_folder = -1;
}

struct search {
	const char *what;
	pid_t pid;			/* of a number */
	struct names_guest *found;
	char list[1024];		/* who runs */
	unsigned int count;
};

static bool matches(const struct names_guest *guest, void *arg)
{
	struct search *search = arg;
	size_t used = strlen(search->list);

	if (!strcmp(guest->name, search->what) || (search->pid && guest->pid == search->pid)) {
		*search->found = *guest;
		return true;
	}
	if (search->count++ >= LISTED)
		return false;
	if (names__valid(guest->name))
		snprintf(search->list + used, sizeof(search->list) - used, "%s%s (pid %d)",
			 used ? ", " : "", guest->name, (int)guest->pid);
	else
		snprintf(search->list + used, sizeof(search->list) - used, "%spid %s",
			 used ? ", " : "", guest->name);
	return false;
}

int names__find(const char *name_or_pid, struct names_guest *guest)
{
	struct search search = { .what = name_or_pid, .found = guest };
	char path[PATH_MAX], why[256] = "";
	char *end;
	long pid = strtol(name_or_pid, &end, 10);

	if (*name_or_pid >= '0' && *name_or_pid <= '9' && !*end && pid > 0 && pid <= INT_MAX)
		search.pid = pid;
	for (int i = 0; folder_path(i, path); i++) {
		char problem[256];
		int folder = *path ? open_folder(path, false, problem) : -ENOENT;
		bool found;

		if (folder < 0) {
			if (folder != -ENOENT)
				memcpy(why, problem, sizeof(why));
			continue;
		}
		found = each_guest(folder, matches, &search);
		close(folder);
		if (found) {
			socket_path(guest->socket, path, guest->name);
			if (!names__valid(guest->name))
				*guest->name = 0;
			return 0;
		}
	}
	if (*search.list)
		msg__error("no guest is called '%s'; there are: %s%s", name_or_pid, search.list,
			   search.count > LISTED ? ", and more" : "");
	else if (*why)
		msg__error("no guest '%s' can be found: %s", name_or_pid, why);
	else
		msg__error("no guest is called '%s': none runs here that belongs to you; start one "
			   "with `kap run --name=NAME`",
			   name_or_pid);
	return -ESRCH;
}
