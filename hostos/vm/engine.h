/* SPDX-License-Identifier: GPL-2.0-only */
/* Which engine runs guest user code, and what of the host it needs. */
#ifndef KAP_VM_ENGINE_H
#define KAP_VM_ENGINE_H

#include <stdbool.h>
#include <kap/boot.h>

struct engine {
	enum kap_engine engine;
	bool keys;		/* direct: kernel memory is behind a protection key */
	bool chosen;		/* by auto */
	const char *lacks;	/* why auto has not chosen the direct engine; null: it has */
};

/*
 * What --engine names, for this host: 0, -EINVAL when there is no such engine, -ENOTSUP when the
 * host lacks what it needs; *why says then what, and what to do.
 */
int engine__choose(const char *name, struct engine *engine, const char **why);

/* For messages. */
const char *engine__name(const struct engine *engine);

#endif
