/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests that run, by name and by pid: who there is, and where a debugger reaches each.
 *
 * They are found in a folder that only their user can read, $XDG_RUNTIME_DIR/kap or /tmp/kap-UID.
 * A guest X (its name, or its pid when it has none) has two files there: X.guest, which its
 * monitor holds a lock on as long as it lives, and the socket X.gdb.
 */
#ifndef HOSTOS_NAMES_H
#define HOSTOS_NAMES_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define NAMES_MAX	63
#define NAMES_SOCKET	108	/* what fits into struct sockaddr_un */

struct names_guest {
	pid_t pid;
	char name[NAMES_MAX + 1];	/* empty: none */
	char kernel[PATH_MAX];		/* empty: not known */
	char socket[NAMES_SOCKET];
};

/* 1 to 63 letters, digits, '-', '_' and '.'; a number is a pid, not a name. */
bool names__valid(const char *name);

/*
 * This process is a guest from here on, called name (NULL: no name). kernel: its vmlinux. socket is
 * where a debugger shall be awaited: nothing is there yet.
 * 0; -EEXIST: the name is taken, told. Any other -errno: the folder can't be used, and why gets
 * a text for the user.
 */
int names__begin(const char *name, const char *kernel, char socket[NAMES_SOCKET], char why[256]);

/* The end of it; also when names__begin() was not called or failed. */
void names__end(void);

/* The guest with this name or pid. 0; or -errno, told, and with it who does run. */
int names__find(const char *name_or_pid, struct names_guest *guest);

#endif
