// SPDX-License-Identifier: GPL-2.0-only
/* Turns jump labels from no-operation to jump and back. */
#include <linux/bug.h>
#include <linux/jump_label.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/nops.h>
#include <asm/patch.h>

struct site {
	u8 bytes[JUMP_LABEL_NOP_SIZE];
};

static struct site site_text(const struct jump_entry *entry, enum jump_label_type type)
{
	struct site site = { { BYTES_NOP5 } };
	s32 distance;

	if (type == JUMP_LABEL_JMP) {
		distance = jump_entry_target(entry) - jump_entry_code(entry) - sizeof(site);
		site.bytes[0] = 0xe9;
		memcpy(site.bytes + 1, &distance, sizeof(distance));
	}
	return site;
}

void arch_jump_label_transform(struct jump_entry *entry, enum jump_label_type type)
{
	enum jump_label_type before = type == JUMP_LABEL_JMP ? JUMP_LABEL_NOP : JUMP_LABEL_JMP;
	struct site expected = site_text(entry, before);
	struct site wanted = site_text(entry, type);
	void *code = (void *)jump_entry_code(entry);

	if (!memcmp(code, &wanted, sizeof(wanted)))
		return;
	/* Text that is neither was overwritten by somebody: leave it, and say so. */
	if (WARN(memcmp(code, &expected, sizeof(expected)),
		 "jump label at %pS: unexpected text %5ph\n", code, code))
		return;

	/* With one CPU the lock is for others that patch; at boot there are none. */
	if (system_state == SYSTEM_BOOTING) {
		kap_text_patch(code, &wanted, sizeof(wanted));
		return;
	}
	mutex_lock(&text_mutex);
	kap_text_patch(code, &wanted, sizeof(wanted));
	mutex_unlock(&text_mutex);
}
