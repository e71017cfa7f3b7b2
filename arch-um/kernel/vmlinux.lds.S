/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image: one contiguous range of the kernel window, from the first byte
 * of RAM on. Addresses are those at which it runs; the monitor subtracts KAP_WINDOW.
 */
#include <asm/thread_info.h>
#include <asm/page.h>
#include <asm/cache.h>

#define EMITS_PT_NOTE
#define RO_EXCEPTION_TABLE_ALIGN 16

#include <asm-generic/vmlinux.lds.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(kap_entry)

jiffies = jiffies_64;

PHDRS {
	text PT_LOAD FLAGS(5);
	data PT_LOAD FLAGS(7);
	note PT_NOTE FLAGS(4);
}

SECTIONS
{
	. = KAP_WINDOW + KAP_PHYS_RAM;
	_text = .;
	.text : {
		_stext = .;
		HEAD_TEXT
		TEXT_TEXT
		SCHED_TEXT
		LOCK_TEXT
		KPROBES_TEXT
		IRQENTRY_TEXT
		SOFTIRQENTRY_TEXT
		STATIC_CALL_TEXT
		*(.text.*)
		__start_kap_handlers = .;
		*(kap_handlers)
		__stop_kap_handlers = .;
		. = ALIGN(PAGE_SIZE);
		kap_stub_start = .;
		KEEP(*(.kap.stub))
		. = ALIGN(PAGE_SIZE);
		kap_stub_end = .;
		_etext = .;
	} :text = 0xcccc

	RO_DATA(PAGE_SIZE)

	. = ALIGN(PAGE_SIZE);
	_sdata = .;
	RW_DATA(L1_CACHE_BYTES, PAGE_SIZE, THREAD_SIZE)
	.got : { *(.got) *(.got.plt) *(.igot.*) }
	_edata = .;

	. = ALIGN(PAGE_SIZE);
	__init_begin = .;
	INIT_TEXT_SECTION(PAGE_SIZE) :data
	INIT_DATA_SECTION(16)
	.exit.text : { EXIT_TEXT }
	.exit.data : { EXIT_DATA }
	PERCPU_SECTION(L1_CACHE_BYTES)
	. = ALIGN(PAGE_SIZE);
	__init_end = .;

	BSS_SECTION(0, PAGE_SIZE, PAGE_SIZE)
	_end = .;

	kap_boot_stack_base = init_stack;

	STABS_DEBUG
	DWARF_DEBUG
	ELF_DETAILS
	DISCARDS
	/DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.note.GNU-stack) *(.note.gnu.property) }
}
