/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 2: what the monitor tells the guest kernel before
 * its first instruction (at KAP_PHYS_BOOT), and how both sides end a run.
 */
#ifndef KAP_BOOT_H
#define KAP_BOOT_H

#include <kap/abi.h>
#include <kap/park.h>

#define KAP_BOOT_MAGIC		0x31746f6f6270616bULL	/* "kapboot1", little endian */
#define KAP_CMDLINE_SIZE	4096

enum kap_engine {
	KAP_ENGINE_PTRACE	= 1,
	KAP_ENGINE_SECCOMP	= 2,
	KAP_ENGINE_DIRECT	= 3,
};

/* Written by the monitor, read once by the guest kernel. */
struct kap_boot {
	kap_u64 magic;
	kap_u32 abi_version;
	kap_u32 size;			/* sizeof(struct kap_boot) */
	kap_u64 mem_start;		/* bytes, guest-physical: KAP_PHYS_RAM */
	kap_u64 mem_size;		/* bytes, multiple of the page size */
	kap_u64 kernel_start;		/* guest-physical range of the image with its bss */
	kap_u64 kernel_end;
	kap_u64 initrd_start;		/* guest-physical, page aligned; size 0: none */
	kap_u64 initrd_size;
	kap_u32 engine;			/* enum kap_engine */
	kap_u32 nr_cpus;		/* 1..KAP_MAX_VCPUS */
	kap_u32 nr_devs;		/* slots 0..nr_devs-1 at KAP_PHYS_DEV are filled */
	kap_u32 max_map_count;		/* host limit on mappings of one process */
	kap_u64 mmap_min_addr;		/* host limit on low mappings, bytes */
	kap_u32 host_cpus;		/* CPUs of the host that the VM may use */
	kap_u32 keys;			/* direct engine: 1: kernel memory is behind a key */
	kap_u8 seed[64];		/* fresh entropy for this run */
	char cmdline[KAP_CMDLINE_SIZE];	/* NUL terminated */
};

/*
 * The control page (KAP_PHYS_CTL).
 *
 * dev_pending: doorbells to the monitor. The guest sets bit n (atomic OR, release)
 * for device slot n, KAP_CTL_LOG or KAP_CTL_PARK, and writes the eventfd KAP_FD_DOORBELL when the
 * word was 0 before. The monitor takes all bits with one atomic exchange (acquire).
 *
 * The end of a run: the guest fills exit_code and message, then stores
 * exit_reason (release), then ends the process of space 0. When space 0 is
 * gone and exit_reason is still KAP_EXIT_NONE, it was killed from outside or
 * crashed beyond repair.
 */
#define KAP_CTL_LOG		(1ULL << 63)
#define KAP_CTL_PARK		(1ULL << 62)	/* a vCPU has parked (park.h) */

enum kap_exit {
	KAP_EXIT_NONE		= 0,
	KAP_EXIT_POWEROFF	= 1,
	KAP_EXIT_REBOOT		= 2,
	KAP_EXIT_PANIC		= 3,	/* kap_vcpu.saved of exit_cpu holds the registers */
	KAP_EXIT_HOST		= 4,	/* the host refused something; message says what */
	KAP_EXIT_BAD_BOOT	= 5,	/* boot info not understood */
};

struct kap_ctl {
	kap_u64 dev_pending;
	kap_u32 exit_reason;		/* enum kap_exit */
	kap_u32 exit_cpu;
	kap_s32 exit_code;
	kap_s32 exit_errno;		/* for KAP_EXIT_HOST: host errno, positive */
	char message[256];		/* NUL terminated, if the guest means well */

	/* park.h */
	kap_u32 debug;			/* KAP_DEBUG_*, by the monitor */
	kap_u32 points_seq;		/* by the monitor: changes when points do */
	struct kap_point points[KAP_MAX_POINTS];
	struct kap_guest_info info;	/* by the guest kernel */
};

/*
 * The log ring (KAP_PHYS_LOG): console output before any driver exists. The
 * guest writes bytes and advances head (release); the monitor prints
 * and advances tail (release). Both count bytes ever written, modulo 2^32; the
 * index into data is the count modulo KAP_LOG_SIZE. A full ring makes the
 * guest wait on tail (futex, shared), which the monitor wakes.
 */
#define KAP_LOG_SIZE		0x20000

struct kap_log {
	kap_u32 head;
	kap_u32 pad0[15];
	kap_u32 tail;
	kap_u32 pad1[15];
	char data[KAP_LOG_SIZE];
};

#endif
