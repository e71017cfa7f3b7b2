// SPDX-License-Identifier: GPL-2.0-only
/* The note of a kernel for a later version of the machine contract. */
#include <kap/abi.h>

static const struct {
	kap_u32 name_size, desc_size, type;
	char name[4];
	struct kap_note desc;
} kap_note __attribute__((section(".note.kap"), used, aligned(4))) = {
	.name_size	= 4,
	.desc_size	= sizeof(struct kap_note),
	.type		= KAP_NOTE_ABI,
	.name		= "kap",
	.desc		= { KAP_ABI_VERSION + 1, KAP_STACK_SIZE, KAP_WINDOW },
};
