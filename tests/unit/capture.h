/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For unit tests: what the monitor prints on stderr while a call runs.
 */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int capture_fd = -1, capture_saved = -1;

/* From here on stderr goes to a buffer. */
static inline void capture__begin(void)
{
	capture_fd = memfd_create("stderr", MFD_CLOEXEC);
	capture_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(capture_fd, STDERR_FILENO);
}

/* stderr is as before; gives the text since capture__begin. */
static inline const char *capture__end(void)
{
	static char text[8192];
	ssize_t n = pread(capture_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	dup2(capture_saved, STDERR_FILENO);
	close(capture_saved);
	close(capture_fd);
	return text;
}

#endif
