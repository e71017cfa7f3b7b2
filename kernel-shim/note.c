// SPDX-License-Identifier: GPL-2.0-only
/* The ELF note by which the monitor knows a guest kernel and its contract version. */
#include <kap/abi.h>

static const struct {
	kap_u32 name_size, desc_size, type;
	char name[4];
	struct kap_note desc;
} kap_note __attribute__((section(".note.kap"), used, aligned(4))) = {
	.name_size	= sizeof(KAP_NOTE_NAME),
	.desc_size	= sizeof(struct kap_note),
	.type		= KAP_NOTE_ABI,
	.name		= KAP_NOTE_NAME,
	.desc		= {
		.abi_version	= KAP_ABI_VERSION,
		.stack_size	= KAP_STACK_SIZE,
		.window		= KAP_WINDOW,
	},
};
