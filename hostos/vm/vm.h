/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine as the monitor sees it: guest memory and vCPUs.
 */
#ifndef HOSTOS_VM_H
#define HOSTOS_VM_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include <kap/abi.h>
#include <kap/boot.h>
#include <kap/vcpu.h>
#include <kap/time.h>
#include <kap/dev.h>

struct vm {
	int ram_fd;		/* ram memfd: shared area + RAM; owned */
	uint8_t *mem;		/* its mapping in the monitor, at any address; owned */
	uint64_t mem_bytes;	/* KAP_PHYS_RAM + RAM size */
	int doorbell_fd;	/* eventfd, guest to monitor; owned */
	int nr_cpus;
	pid_t space0;		/* host process of space 0; 0: not running */
	bool verbose, quiet;
};

/*
 * Bytes [phys, phys + len) of guest RAM, or NULL when any of them lies outside RAM (the shared
 * area counts as outside). The guest may change the bytes at any time: copy once, check,
 * then use.
 */
void *vm__ram(struct vm *vm, uint64_t phys, uint64_t len);

static inline struct kap_boot *vm__boot(struct vm *vm)
{
	return (struct kap_boot *)(vm->mem + KAP_PHYS_BOOT);
}

static inline struct kap_ctl *vm__ctl(struct vm *vm)
{
	return (struct kap_ctl *)(vm->mem + KAP_PHYS_CTL);
}

static inline struct kap_time *vm__time(struct vm *vm)
{
	return (struct kap_time *)(vm->mem + KAP_PHYS_TIME);
}

static inline struct kap_vcpu *vm__vcpu(struct vm *vm, unsigned int cpu)
{
	return (struct kap_vcpu *)(vm->mem + KAP_PHYS_VCPU + (uint64_t)cpu * KAP_VCPU_STRIDE);
}

static inline struct kap_dev *vm__dev(struct vm *vm, unsigned int slot)
{
	return (struct kap_dev *)(vm->mem + KAP_PHYS_DEV + (uint64_t)slot * KAP_PAGE_SIZE);
}

static inline struct kap_log *vm__log(struct vm *vm)
{
	return (struct kap_log *)(vm->mem + KAP_PHYS_LOG);
}

/* Signals the host thread of a vCPU, if it is one of this VM. */
void vm__signal(struct vm *vm, unsigned int cpu, int signo);

/* Sets bits in a vCPU's pending word and signals its thread when needed. */
void vm__ring(struct vm *vm, unsigned int cpu, uint32_t bells);

#endif
