/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Layout of the vDSO: one segment that is read and executed, linked at 0, with
 * the pages of <asm/vdso.h> at negative addresses before it.
 */
#include <asm/vdso.h>
#include <asm/page.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)

SECTIONS
{
	vvar_start = . - VVAR_PAGES * PAGE_SIZE;
	_vdso_data = vvar_start + VVAR_PAGE_DATA * PAGE_SIZE;
	_timens_data = vvar_start + VVAR_PAGE_TIMENS * PAGE_SIZE;
	_vdso_rng_data = _vdso_data + VVAR_RNG_OFFSET;
	kap_vvar_timens_rng = _timens_data + VVAR_RNG_OFFSET;
	kap_vvar_info = _vdso_data + VVAR_KAP_OFFSET;
	kap_vvar_timens_info = _timens_data + VVAR_KAP_OFFSET;
	kap_vvar_time = vvar_start + VVAR_PAGE_TIME * PAGE_SIZE;

	. = SIZEOF_HEADERS;

	.hash		: { *(.hash) }			:text
	.gnu.hash	: { *(.gnu.hash) }
	.dynsym		: { *(.dynsym) }
	.dynstr		: { *(.dynstr) }
	.gnu.version	: { *(.gnu.version) }
	.gnu.version_d	: { *(.gnu.version_d) }
	.gnu.version_r	: { *(.gnu.version_r) }
	.dynamic	: { *(.dynamic) }		:text :dynamic
	.rodata		: { *(.rodata*) *(.data*) *(.sdata*) *(.bss*) *(.got*) *(.gnu.linkonce.*) }	:text
	.eh_frame_hdr	: { *(.eh_frame_hdr) }		:text :eh_frame_hdr
	.eh_frame	: { KEEP(*(.eh_frame)) }	:text
	.note		: { *(.note.*) }		:text :note
	. = ALIGN(16);
	.text		: { *(.text*) }			:text = 0x90909090

	.comment	0 : { *(.comment) }
	.debug_info	0 : { *(.debug_info) }
	.debug_abbrev	0 : { *(.debug_abbrev) }
	.debug_line	0 : { *(.debug_line) }
	.debug_line_str	0 : { *(.debug_line_str) }
	.debug_str	0 : { *(.debug_str) }
	.debug_str_offsets 0 : { *(.debug_str_offsets) }
	.debug_addr	0 : { *(.debug_addr) }
	.debug_aranges	0 : { *(.debug_aranges) }
	.debug_frame	0 : { *(.debug_frame) }
	.debug_loc	0 : { *(.debug_loc) }
	.debug_loclists	0 : { *(.debug_loclists) }
	.debug_ranges	0 : { *(.debug_ranges) }
	.debug_rnglists	0 : { *(.debug_rnglists) }
	.symtab		0 : { *(.symtab) }
	.strtab		0 : { *(.strtab) }
	.shstrtab	0 : { *(.shstrtab) }

	/DISCARD/ : {
		*(.discard) *(.discard.*)
		*(__bug_table) *(__ex_table) *(__jump_table)
		*(.modinfo) *(.export_symbol)
	}
}

PHDRS
{
	text		PT_LOAD		FLAGS(5) FILEHDR PHDRS;	/* r-x */
	dynamic		PT_DYNAMIC	FLAGS(4);
	note		PT_NOTE		FLAGS(4);
	eh_frame_hdr	PT_GNU_EH_FRAME;
}

VERSION
{
	LINUX_2.6 {
	global:
		clock_gettime;
		__vdso_clock_gettime;
		gettimeofday;
		__vdso_gettimeofday;
		getcpu;
		__vdso_getcpu;
		time;
		__vdso_time;
		clock_getres;
		__vdso_clock_getres;
#ifdef CONFIG_VDSO_GETRANDOM
		getrandom;
		__vdso_getrandom;
#endif
	local: *;
	};
}
