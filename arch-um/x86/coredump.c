// SPDX-License-Identifier: GPL-2.0-only
/*
 * A note in core files that says where in NT_X86_XSTATE each component lies, so
 * that a debugger on another processor can read it.
 */
#include <linux/coredump.h>
#include <linux/elf.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <asm/fpu.h>
#include <uapi/asm/elf.h>

static const char owner[] = "LINUX";

static unsigned int layout_size(void)
{
	return hweight64(fpu_user_mask() & ~XFEATURE_BITS_LEGACY) *
	       sizeof(struct x86_xfeat_component);
}

int elf_coredump_extra_notes_size(void)
{
	return sizeof(struct elf_note) + roundup(sizeof(owner), 4) + layout_size();
}

int elf_coredump_extra_notes_write(struct coredump_params *cprm)
{
	struct elf_note note = {
		.n_namesz	= sizeof(owner),
		.n_descsz	= layout_size(),
		.n_type		= NT_X86_XSAVE_LAYOUT,
	};
	int i;

	if (!dump_emit(cprm, &note, sizeof(note)) || !dump_emit(cprm, owner, sizeof(owner)) ||
	    !dump_align(cprm, 4))
		return 1;

	for (i = 2; i < 64; i++) {
		struct x86_xfeat_component component = { .type = i };

		if (!fpu_component(i, &component.offset, &component.size))
			continue;
		if (!dump_emit(cprm, &component, sizeof(component)))
			return 1;
	}
	return 0;
}
