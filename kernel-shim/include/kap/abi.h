/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 1: version, address-space layout, shared area.
 *
 * Both sides include the headers in this folder: the guest kernel (through
 * kernel-shim) and the monitor. They use nothing of libc and nothing of Linux.
 * Whoever changes the meaning or the offset of anything here raises
 * KAP_ABI_VERSION; the monitor refuses a kernel that was built for another one
 * before it runs anything of it.
 */
#ifndef KAP_ABI_H
#define KAP_ABI_H

#define KAP_ABI_VERSION		4

/*
 * User addresses that a guest program can never use: the hole. It holds the
 * kernel window and the stub pages, at the same addresses in every process of
 * the VM. The place is free in the fixed layouts of ASan, TSan, MSan, Go and
 * the JVMs.
 */
#define KAP_HOLE_START		0x660000000000
#define KAP_HOLE_END		0x6b0000000000

/* Stub pages of a space: keeper code (r-x), control (r--), scratch (rw-). */
#define KAP_STUB_CODE		0x660000000000
#define KAP_STUB_CTL		0x660000001000
#define KAP_STUB_SCRATCH	0x660000002000
#define KAP_STUB_END		0x660000003000

/*
 * The direct engine's pages in each process: for each vCPU a block of KAP_DIRECT_BLOCK bytes and a
 * stack for signals. Within 2 GiB of the kernel's text, which addresses them relative to itself.
 */
#define KAP_DIRECT_BLOCKS	0x66ffbff00000
#define KAP_DIRECT_BLOCK	0x100
#define KAP_DIRECT_STACKS	0x66ffbf000000
#define KAP_DIRECT_STACKS_END	0x66ffbff00000

/* The guest kernel's loadable modules: within 2 GiB of its image. */
#define KAP_MODULES_START	0x66ffc0000000
#define KAP_MODULES_END		0x670000000000

/*
 * The kernel window. Guest-physical address p (which is also the offset in the
 * ram memfd) is seen at KAP_WINDOW + p.
 */
#define KAP_WINDOW		0x670000000000
#define KAP_WINDOW_MAX		0x010000000000	/* bytes: 1 TiB */

/* The guest kernel's vmalloc area. */
#define KAP_VMALLOC_START	0x690000000000
#define KAP_VMALLOC_END		0x6a0000000000

/* Highest user address + 1, as on x86-64 with four levels. */
#define KAP_USER_END		0x7ffffffff000

/*
 * Guest-physical layout. The first 4 MiB are the shared area, which is never
 * the guest kernel's free memory; RAM starts behind it, with the kernel image.
 */
#define KAP_PHYS_BOOT		0x001000	/* struct kap_boot, 3 pages */
#define KAP_PHYS_TIME		0x008000	/* struct kap_time, 1 page; users may read it */
#define KAP_PHYS_CTL		0x009000	/* struct kap_ctl, 1 page */
#define KAP_PHYS_VCPU		0x100000	/* struct kap_vcpu, KAP_VCPU_STRIDE each */
#define KAP_PHYS_DEV		0x200000	/* struct kap_dev, 1 page each */
#define KAP_PHYS_LOG		0x280000	/* struct kap_log */
#define KAP_PHYS_LOG_END	0x2c0000
#define KAP_PHYS_RAM		0x400000	/* first byte of RAM; the kernel is linked here */

#define KAP_MAX_VCPUS		64
#define KAP_VCPU_STRIDE		0x4000
#define KAP_MAX_DEVS		62	/* bits 62 and 63 of a doorbell are others' */

#define KAP_PAGE_SIZE		4096

/*
 * Every guest kernel stack is KAP_STACK_SIZE bytes, aligned to its size, and
 * begins with struct kap_stack: so both the kernel and the signal entry find
 * the vCPU and its interrupt flag from the stack pointer, without fs or gs.
 */
#ifndef KAP_STACK_SIZE
#define KAP_STACK_SIZE		0x4000
#endif

/*
 * File descriptors that the monitor hands to space 0; all spaces inherit them.
 * KAP_FD_REPLY + n is vCPU n's eventfd for keepers' answers.
 */
#define KAP_FD_RAM		3
#define KAP_FD_DOORBELL		4
#define KAP_FD_REPLY		5

/*
 * ELF note of a guest kernel: name "kap", type KAP_NOTE_ABI,
 * descriptor struct kap_note. Must lie in a PT_NOTE segment.
 */
#define KAP_NOTE_NAME		"kap"
#define KAP_NOTE_ABI		1

#ifndef __ASSEMBLER__

typedef unsigned char		kap_u8;
typedef unsigned short		kap_u16;
typedef unsigned int		kap_u32;
typedef int			kap_s32;
typedef __UINT64_TYPE__		kap_u64;
typedef __INT64_TYPE__		kap_s64;

struct kap_note {
	kap_u32 abi_version;
	kap_u32 stack_size;	/* KAP_STACK_SIZE it was built with */
	kap_u64 window;		/* KAP_WINDOW it was linked for */
};

struct kap_stack {
	kap_u32 irqs_off;	/* 1: doorbells stay pending */
	kap_u32 cpu;		/* vCPU that runs on this stack now */
};

#endif
#endif
