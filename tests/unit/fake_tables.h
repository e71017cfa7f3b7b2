/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For unit tests: a guest that is only memory, with page tables, spaces and tasks in it.
 */
#ifndef TESTS_FAKE_TABLES_H
#define TESTS_FAKE_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/ram.h"
#include "vm/vm.h"

#define FAKE_PRESENT 1ull
#define FAKE_NONE (1ull << 8) /* there, but no access for the guest's own users */
#define FAKE_LEAF (1ull << 7)
#define FAKE_2M (2ull << 20)
#define FAKE_1G (1ull << 30)

static struct vm vm;
static uint64_t fake_top; /* next free byte of RAM, guest-physical */

static inline int fake_setup(void **state)
{
	(void)state;
	alarm(60); /* a test that hangs has failed */
	memset(&vm, 0, sizeof(vm));
	vm.nr_cpus = 4;
	fake_top = KAP_PHYS_RAM + FAKE_2M;
	return ram__create(&vm, RAM_MIN);
}

static inline int fake_teardown(void **state)
{
	(void)state;
	ram__destroy(&vm);
	return 0;
}

static inline uint64_t fake_page(void)
{
	uint64_t at = fake_top;

	fake_top += KAP_PAGE_SIZE;
	assert_true(fake_top <= vm.mem_bytes);
	return at;
}

static inline uint64_t *fake_entries(uint64_t table)
{
	return (uint64_t *)(vm.mem + table);
}

/* The entry for addr in the table of `size` leaves; tables on the way are made. */
static inline uint64_t *fake_entry(uint64_t root, uint64_t addr, uint64_t size)
{
	uint64_t table = root;

	for (unsigned int shift = 39;; shift -= 9) {
		uint64_t *entry = &fake_entries(table)[(addr >> shift) & 511];

		if (1ull << shift == size)
			return entry;
		if (!*entry)
			*entry = fake_page() | FAKE_PRESENT;
		table = *entry & 0xfffffffff000;
	}
}

static inline void fake_map(uint64_t root, uint64_t addr, uint64_t phys)
{
	*fake_entry(root, addr, KAP_PAGE_SIZE) = phys | FAKE_PRESENT;
}

/* 16 bytes; a name that fills them has no end, which is for the reader to notice. */
static inline void fake_name(char *to, const char *name)
{
	for (int i = 0; i < 16 && name[i]; i++)
		to[i] = name[i];
}

/* Adds a space in front of the list; returns its root. */
static inline uint64_t fake_space(uint32_t id, int32_t pid, const char *name)
{
	uint64_t at = fake_page();
	struct kap_space_info *space = (struct kap_space_info *)(vm.mem + at);

	space->next = vm__ctl(&vm)->info.spaces;
	space->root = fake_page();
	space->id = id;
	space->pid = pid;
	fake_name(space->name, name);
	vm__ctl(&vm)->info.spaces = KAP_WINDOW + at;
	return space->root;
}

#define FAKE_TASK_OF_STACK 8
#define FAKE_TASK_NAME 0x100
#define FAKE_TASK_PID 0x200
#define FAKE_TASK_TGID 0x204

/* Parks the vCPU on the kernel stack of a task. */
static inline void fake_task(unsigned int cpu, const char *name, int32_t pid, int32_t tgid)
{
	struct kap_guest_info *info = &vm__ctl(&vm)->info;
	uint64_t stack, task = fake_page();

	fake_top = (fake_top + KAP_STACK_SIZE - 1) & -(uint64_t)KAP_STACK_SIZE;
	stack = fake_top;
	fake_top += KAP_STACK_SIZE;
	assert_true(fake_top <= vm.mem_bytes);
	info->task_of_stack = FAKE_TASK_OF_STACK;
	info->task_name = FAKE_TASK_NAME;
	info->task_pid = FAKE_TASK_PID;
	info->task_tgid = FAKE_TASK_TGID;
	*(uint64_t *)(vm.mem + stack + FAKE_TASK_OF_STACK) = KAP_WINDOW + task;
	fake_name((char *)vm.mem + task + FAKE_TASK_NAME, name);
	*(int32_t *)(vm.mem + task + FAKE_TASK_PID) = pid;
	*(int32_t *)(vm.mem + task + FAKE_TASK_TGID) = tgid;
	vm__vcpu(&vm, cpu)->state = KAP_VCPU_PARKED;
	vm__vcpu(&vm, cpu)->park.stack = KAP_WINDOW + stack + 0x3f00;
	vm__vcpu(&vm, cpu)->park.parked = 1;
}

#endif
