// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory by virtual address. The window is the ram memfd itself; everything else is found
 * in the guest's page tables (kap/park.h has their format), which may be nonsense: each entry is
 * loaded once and its address checked before it is used.
 */
#include <errno.h>
#include <string.h>

#include "debug/memory.h"
#include "vm/vm.h"

#define MAX_SPACES 65536
#define MAX_STEPS (1u << 26) /* of a walk through a whole range; a second or so */

#define ENTRY_THERE (1ull << 0 | 1ull << 8)
#define ENTRY_LEAF (1ull << 7)
#define ENTRY_PHYS 0xfffffffff000ull /* bits 47-12 */

#define PAGE_MASK (KAP_PAGE_SIZE - 1ull)

static uint32_t chosen;

void memory__choose(uint32_t space)
{
	chosen = space;
}

uint32_t memory__chosen(void)
{
	return chosen;
}

/* The page that holds phys, in the shared area or RAM; NULL when there is none. */
static uint8_t *page_at(struct vm *vm, uint64_t phys)
{
	phys &= ~PAGE_MASK;
	if (phys >= vm->mem_bytes || vm->mem_bytes - phys < KAP_PAGE_SIZE)
		return NULL;
	return vm->mem + phys;
}

/*
 * Looks addr up. 0 or -EFAULT; *size: bytes of the (aligned) part of the address space that the
 * answer holds for.
 */
static int walk(struct vm *vm, uint64_t root, uint64_t addr, uint64_t *phys, uint64_t *size)
{
	uint64_t table = root;

	for (unsigned int shift = 39;; shift -= 9) {
		const uint64_t *entries = NULL;
		uint64_t entry;

		*size = 1ull << shift;
		/* Page tables are RAM; the shared area holds none. */
		if (!(table & PAGE_MASK))
			entries = vm__ram(vm, table, KAP_PAGE_SIZE);
		if (!entries)
			return -EFAULT;
		entry = __atomic_load_n(&entries[(addr >> shift) & 511], __ATOMIC_RELAXED);
		if (!(entry & ENTRY_THERE))
			return -EFAULT;
		table = entry & ENTRY_PHYS;
		if (shift == 12 || (shift < 39 && (entry & ENTRY_LEAF))) {
			/* Of a large leaf the low bits are no part of the address. */
			*phys = (table & ~(*size - 1)) | (addr & (*size - 1));
			return page_at(vm, *phys) ? 0 : -EFAULT;
		}
	}
}

/* ---- spaces ------------------------------------------------------------ */

static bool read_space(struct vm *vm, uint64_t addr, struct kap_space_info *space)
{
	const void *from;

	if (addr < KAP_WINDOW || addr % sizeof(uint64_t))
		return false;
	from = vm__ram(vm, addr - KAP_WINDOW, sizeof(*space));
	if (!from)
		return false;
	memcpy(space, from, sizeof(*space));
	__asm__ volatile("" : "+m"(*space));
	space->name[sizeof(space->name) - 1] = 0;
	return true;
}

/* Goes through the list until fn returns true; whether it did. */
static bool find_space(struct vm *vm, bool (*fn)(const struct kap_space_info *space, void *arg),
		       void *arg)
{
	uint64_t at = __atomic_load_n(&vm__ctl(vm)->info.spaces, __ATOMIC_RELAXED);
	uint64_t mark = 0;
	unsigned int next_mark = 1;

	for (unsigned int n = 0; at && n < MAX_SPACES; n++) {
		struct kap_space_info space;

		if (!read_space(vm, at, &space))
			return false;
		if (fn(&space, arg))
			return true;
		/* A list that comes back to an earlier mark is a loop; marks grow further apart. */
		if (n == next_mark) {
			mark = at;
			next_mark *= 2;
		}
		at = space.next;
		if (at == mark)
			return false;
	}
	return false;
}

struct wanted_space {
	uint32_t id;
	int32_t pid;
	uint64_t root;
};

static bool has_id(const struct kap_space_info *space, void *arg)
{
	struct wanted_space *wanted = arg;

	if (space->id != wanted->id)
		return false;
	wanted->root = space->root;
	return true;
}

static bool has_pid(const struct kap_space_info *space, void *arg)
{
	struct wanted_space *wanted = arg;

	if (space->pid != wanted->pid)
		return false;
	wanted->id = space->id;
	return true;
}

uint32_t memory__space_of(struct vm *vm, int32_t pid)
{
	struct wanted_space wanted = { .pid = pid };

	return find_space(vm, has_pid, &wanted) ? wanted.id : 0;
}

struct each_space {
	void (*fn)(const struct kap_space_info *space, void *arg);
	void *arg;
};

static bool tell_space(const struct kap_space_info *space, void *arg)
{
	struct each_space *each = arg;

	each->fn(space, each->arg);
	return false;
}

void memory__spaces(struct vm *vm, void (*fn)(const struct kap_space_info *space, void *arg),
		    void *arg)
{
	struct each_space each = { fn, arg };

	find_space(vm, tell_space, &each);
}

/* ---- addresses --------------------------------------------------------- */

static bool in_kernel_range(uint64_t addr)
{
	return (addr >= KAP_VMALLOC_START && addr < KAP_VMALLOC_END) ||
	       (addr >= KAP_MODULES_START && addr < KAP_MODULES_END);
}

static uint64_t kernel_root(struct vm *vm)
{
	return __atomic_load_n(&vm__ctl(vm)->info.kernel_root, __ATOMIC_RELAXED);
}

static int user_root(struct vm *vm, unsigned int cpu, uint64_t *root)
{
	struct wanted_space wanted = { .id = chosen };

	if (!wanted.id && cpu < (unsigned int)vm->nr_cpus)
		wanted.id = __atomic_load_n(&vm__vcpu(vm, cpu)->space, __ATOMIC_RELAXED);
	if (!wanted.id || !find_space(vm, has_id, &wanted))
		return -EFAULT;
	*root = wanted.root;
	return 0;
}

int memory__physical(struct vm *vm, unsigned int cpu, uint64_t addr, uint64_t *phys, uint64_t *len)
{
	uint64_t root, size;

	if (len)
		*len = KAP_PAGE_SIZE - (addr & PAGE_MASK);
	if (addr >= KAP_WINDOW && addr - KAP_WINDOW < vm->mem_bytes) {
		*phys = addr - KAP_WINDOW;
		return page_at(vm, *phys) ? 0 : -EFAULT;
	}
	if (in_kernel_range(addr))
		return walk(vm, kernel_root(vm), addr, phys, &size);
	if (addr >= KAP_USER_END || (addr >= KAP_HOLE_START && addr < KAP_HOLE_END) ||
	    user_root(vm, cpu, &root))
		return -EFAULT;
	return walk(vm, root, addr, phys, &size);
}

/* Bytes of the monitor's memory that show [addr, addr + *part); *part is at most len. */
static uint8_t *part_at(struct vm *vm, unsigned int cpu, uint64_t addr, uint64_t len,
			uint64_t *part)
{
	uint64_t phys;

	if (memory__physical(vm, cpu, addr, &phys, part))
		return NULL;
	if (*part > len)
		*part = len;
	return vm->mem + phys;
}

size_t memory__read(struct vm *vm, unsigned int cpu, uint64_t addr, void *to, size_t len)
{
	size_t done = 0;

	/* The last page below 2^64 is not mapped, so addr + done does not wrap. */
	while (done < len) {
		uint64_t part;
		const uint8_t *from = part_at(vm, cpu, addr + done, len - done, &part);

		if (!from)
			break;
		memcpy((uint8_t *)to + done, from, part);
		done += part;
	}
	__asm__ volatile("" : : "r"(to) : "memory");
	return done;
}

int memory__write(struct vm *vm, unsigned int cpu, uint64_t addr, const void *from, size_t len)
{
	uint64_t part;

	for (size_t done = 0; done < len; done += part)
		if (!part_at(vm, cpu, addr + done, len - done, &part))
			return -EFAULT;
	for (size_t done = 0; done < len; done += part) {
		uint8_t *to = part_at(vm, cpu, addr + done, len - done, &part);

		if (!to)
			return -EFAULT;
		memcpy(to, (const uint8_t *)from + done, part);
	}
	return 0;
}

/* ---- whole ranges ------------------------------------------------------ */

bool memory__kernel_runs(struct vm *vm, uint64_t start, uint64_t end,
			 bool (*fn)(uint64_t addr, uint64_t phys, uint64_t len, void *arg),
			 void *arg)
{
	uint64_t root = kernel_root(vm), size;
	uint64_t run = 0, run_phys = 0, run_len = 0;
	unsigned int steps = 0;
	uint64_t addr;

	for (addr = start; addr < end && steps < MAX_STEPS; steps++, addr += size) {
		uint64_t phys;
		bool there = !walk(vm, root, addr, &phys, &size);

		size -= addr & (size - 1);
		if (there && size > vm->mem_bytes - phys)
			size = (vm->mem_bytes - phys) & ~PAGE_MASK;
		if (size > end - addr)
			size = end - addr;
		if (there && run_len && addr == run + run_len && phys == run_phys + run_len) {
			run_len += size;
			continue;
		}
		if (run_len && !fn(run, run_phys, run_len, arg))
			return false;
		run = addr;
		run_phys = phys;
		run_len = there ? size : 0;
	}
	if (run_len && !fn(run, run_phys, run_len, arg))
		return false;
	return addr >= end;
}
