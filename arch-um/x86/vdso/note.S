/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells the dynamic linker which kernel this is, and holds the build's number. */
#include <linux/build-salt.h>
#include <linux/elfnote.h>
#include <linux/version.h>

ELFNOTE_START(Linux, 0, "a")
	.long LINUX_VERSION_CODE
ELFNOTE_END

BUILD_SALT

	.section .note.GNU-stack, "", @progbits
