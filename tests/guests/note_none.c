// SPDX-License-Identifier: GPL-2.0-only
/* A note that is not kap's: some other system's kernel. */
#include <kap/abi.h>

static const struct {
	kap_u32 name_size, desc_size, type;
	char name[4];
	struct kap_note desc;
} kap_note __attribute__((section(".note.kap"), used, aligned(4))) = {
	.name_size	= 4,
	.desc_size	= sizeof(struct kap_note),
	.type		= KAP_NOTE_ABI,
	.name		= "xen",
	.desc		= { KAP_ABI_VERSION, KAP_STACK_SIZE, KAP_WINDOW },
};
