/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the options that is about debugging; for options.c.
 */
#ifndef HOSTOS_OPTIONS_DEBUG_H
#define HOSTOS_OPTIONS_DEBUG_H

struct run_options;

enum options_debug_id {
	OPT_NAME = 512,
	OPT_GDB,
	OPT_GDB_DEFAULT,	/* -s */
	OPT_STOPPED,		/* -S */
	OPT_ON_PANIC,
	OPT_DUMP,
	OPT_ATTACH,
	OPT_GDB_OPTION,
};

/* 0, or -EINVAL with a message printed (an id of another file: without one). */
int options_debug__set(struct run_options *o, int id, const char *value);

/* Whether they fit together, and the folder of --dump can be written to. The same. */
int options_debug__check(const struct run_options *o);

#endif
