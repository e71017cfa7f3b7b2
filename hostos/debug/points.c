// SPDX-License-Identifier: GPL-2.0-only
/* Breakpoints and watchpoints. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "debug/memory.h"
#include "debug/points.h"
#include "debug/stop.h"
#include "debug/watch.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define INT3 0xcc
#define MAX_BREAKS 1024

/* int3 bytes in kernel code. */
static struct kernel_break {
	uint64_t addr, phys;
	uint8_t byte; /* what was there */
} breaks[MAX_BREAKS];
static unsigned int nr_breaks;

/* A debug register. A watchpoint that is not of an aligned size takes several. */
struct reg {
	bool used;
	enum rsp_point kind;
	uint64_t point; /* what the debugger calls it */
	uint64_t addr;
	unsigned int len; /* 1, 2, 4 or 8 */
	uint32_t space; /* user code: number of the space, 0: all */
};

static struct reg kernel_regs[WATCH_REGS], user_regs[KAP_MAX_POINTS];
static bool user_changed, kernel_changed;

static bool is_user(uint64_t addr)
{
	return addr < KAP_HOLE_START || (addr >= KAP_HOLE_END && addr < KAP_USER_END);
}

/* ---- int3 ---- */

static struct kernel_break *find_break(uint64_t addr)
{
	for (unsigned int i = 0; i < nr_breaks; i++)
		if (breaks[i].addr == addr)
			return &breaks[i];
	return NULL;
}

bool points__has_break(uint64_t addr)
{
	return find_break(addr);
}

static int insert_break(struct vm *vm, uint64_t addr, const char **error)
{
	const struct kap_guest_info *info = &vm__ctl(vm)->info;
	struct kernel_break *new = &breaks[nr_breaks];

	if (find_break(addr))
		return 0;
	if (addr >= info->no_break_start && addr < info->no_break_end) {
		*error = "this code reports breakpoints itself; none is possible here";
		return -EPERM;
	}
	if (nr_breaks == MAX_BREAKS) {
		*error = "too many breakpoints (1024); delete some";
		return -ENOSPC;
	}
	new->addr = addr;
	if (memory__physical(vm, 0, addr, &new->phys, NULL)) {
		*error = "nothing is mapped at this kernel address";
		return -EFAULT;
	}
	if (new->phys < KAP_PHYS_RAM || new->phys >= vm->mem_bytes) {
		*error = "no kernel code is at this address";
		return -EFAULT;
	}
	new->byte = vm->mem[new->phys];
	__atomic_store_n(&vm->mem[new->phys], INT3, __ATOMIC_RELEASE);
	nr_breaks++;
	return 0;
}

/*
 * The code may be gone: a module's page that was freed has other contents by now, and the same
 * address may be another page.
 */
static void remove_break(struct vm *vm, struct kernel_break *gone)
{
	uint64_t phys;

	if (vm->mem[gone->phys] == INT3 && !memory__physical(vm, 0, gone->addr, &phys, NULL) &&
	    phys == gone->phys)
		__atomic_store_n(&vm->mem[gone->phys], gone->byte, __ATOMIC_RELEASE);
	*gone = breaks[--nr_breaks];
}

void points__hide(uint64_t addr, uint8_t *bytes, size_t len)
{
	for (unsigned int i = 0; i < nr_breaks; i++)
		if (breaks[i].addr - addr < len)
			bytes[breaks[i].addr - addr] = breaks[i].byte;
}

void points__rewrite(uint64_t addr, uint8_t *bytes, size_t len)
{
	for (unsigned int i = 0; i < nr_breaks; i++) {
		uint64_t at = breaks[i].addr - addr;

		if (at >= len)
			continue;
		breaks[i].byte = bytes[at];
		bytes[at] = INT3;
	}
}

/* ---- debug registers ---- */

static unsigned int chunk(uint64_t addr, uint64_t len)
{
	unsigned int size = 8;

	while (size > 1 && (addr % size || size > len))
		size /= 2;
	return size;
}

/* There the kernel and user code have a thread together, and so its registers. */
static bool is_direct(struct vm *vm)
{
	return vm__boot(vm)->engine == KAP_ENGINE_DIRECT;
}

static bool taken(struct vm *vm, const struct reg *regs, unsigned int n)
{
	return is_direct(vm) ? kernel_regs[n].used || user_regs[n].used : regs[n].used;
}

static int insert_regs(struct vm *vm, struct reg *regs, enum rsp_point kind, uint64_t addr,
		       uint64_t len, uint32_t space, const char **error)
{
	uint64_t point = addr;
	unsigned int wanted = 0, free = 0;

	for (unsigned int n = 0; n < WATCH_REGS; n++) {
		if (regs[n].used && regs[n].kind == kind && regs[n].point == point)
			return 0;
		free += !taken(vm, regs, n);
	}
	if (kind <= RSP_HBREAK)
		len = 1;
	if (!len || len > 8 * WATCH_REGS) {
		*error = "a watchpoint covers 1 to 32 bytes";
		return -EINVAL;
	}
	for (uint64_t at = addr; at < addr + len; at += chunk(at, addr + len - at))
		wanted++;
	if (wanted > free) {
		*error = "the processor's four debug registers are in use; delete a hardware "
			 "breakpoint or watchpoint";
		return -ENOSPC;
	}
	for (unsigned int n = 0; n < WATCH_REGS && len; n++) {
		unsigned int size = chunk(addr, len);

		if (taken(vm, regs, n))
			continue;
		regs[n] = (struct reg){ .used = true,
					.kind = kind,
					.point = point,
					.addr = addr,
					.len = size,
					.space = space };
		addr += size;
		len -= size;
	}
	return 0;
}

static bool remove_regs(struct reg *regs, enum rsp_point kind, uint64_t addr)
{
	bool found = false;

	for (unsigned int n = 0; n < WATCH_REGS; n++) {
		if (!regs[n].used || regs[n].kind != kind || regs[n].point != addr)
			continue;
		regs[n].used = false;
		found = true;
	}
	return found;
}

/* R/W and LEN of DR7 (Intel SDM vol. 3, 17.2.4). */
static uint32_t control_of(const struct reg *reg)
{
	uint32_t rw = reg->kind <= RSP_HBREAK ? 0 : reg->kind == RSP_WATCH ? 1 : 3;
	uint32_t len = reg->len == 8 ? 2 : reg->len - 1;

	return rw | len << 2;
}

static void apply_user(struct vm *vm)
{
	struct kap_ctl *ctl = vm__ctl(vm);

	if (!user_changed && !(kernel_changed && is_direct(vm)))
		return;
	for (unsigned int n = 0; n < KAP_MAX_POINTS; n++) {
		const struct reg *reg = &user_regs[n];

		/* The kernel executes in all of the runners. */
		if (is_direct(vm) && kernel_regs[n].used)
			reg = &kernel_regs[n];
		ctl->points[n] = (struct kap_point){ .addr = reg->addr,
						     .space = reg->space,
						     .control = control_of(reg),
						     .used = reg->used };
	}
	ctl->points_seq++;
	if (!ctl->points_seq)
		ctl->points_seq = 1;
	user_changed = kernel_changed = false;
}

/* What the debug registers of each vCPU's thread of space 0 hold. */
static struct {
	pid_t tid;
	struct watch_regs regs;
} applied[KAP_MAX_VCPUS];

/* Where its kernel executes now; process 0: in none of this machine's. */
static pid_t thread_of(struct vm *vm, unsigned int cpu, pid_t *process)
{
	uint64_t thread = __atomic_load_n(&vm__vcpu(vm, cpu)->host_thread, __ATOMIC_ACQUIRE);

	*process = (pid_t)thread;
	/* The guest wrote these numbers. */
	if (*process <= 0 || (*process != vm->space0 && getpgid(*process) != vm->space0))
		*process = 0;
	return thread >> 32;
}

/*
 * On the direct engine the vCPU may be in some runner's thread: that one gets them, too. All other
 * runners get them from the shim, before the kernel executes there.
 */
static int set_threads(struct vm *vm, unsigned int cpu, pid_t home, const struct watch_regs *want)
{
	int err = watch__set(vm->space0, home, want);
	pid_t process, tid = thread_of(vm, cpu, &process);

	if (!err && process != vm->space0)
		err = watch__set(process, tid, want);
	return err;
}

static void apply_vcpu(struct vm *vm, unsigned int cpu, const struct watch_regs *want)
{
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
	pid_t tid = __atomic_load_n(&vcpu->home_tid, __ATOMIC_ACQUIRE);
	static bool told;
	int err;

	/* One that has been taken away keeps its thread, and what is in its registers. */
	if (!stop__parked(cpu) && stop__alive(cpu))
		return;
	if (applied[cpu].tid != tid)
		applied[cpu].regs = (struct watch_regs){ 0 };
	applied[cpu].tid = tid;
	if (!memcmp(want, &applied[cpu].regs, sizeof(*want)) || tid <= 0)
		return;
	err = set_threads(vm, cpu, tid, want);
	if (err && !told) {
		msg__note("watchpoints and hardware breakpoints of the kernel don't work: ptrace "
			  "of the vCPU: %s; allow ptrace of own children",
			  strerror(-err));
		told = true;
	}
	applied[cpu].regs = *want;
}

void points__apply(struct vm *vm)
{
	struct watch_regs want = { 0 };

	apply_user(vm);
	for (unsigned int n = 0; n < WATCH_REGS; n++) {
		if (!kernel_regs[n].used)
			continue;
		want.addr[n] = kernel_regs[n].addr;
		want.control |= 1ull << 2 * n | (uint64_t)control_of(&kernel_regs[n])
							<< (16 + 4 * n);
	}
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++)
		apply_vcpu(vm, cpu, &want);
}

static bool explain_reg(const struct reg *reg, struct rsp_stop *stop)
{
	if (!reg->used)
		return false;
	stop->why = reg->kind <= RSP_HBREAK ? RSP_WHY_HBREAK : RSP_WHY_WATCH;
	if (reg->kind == RSP_BREAK)
		stop->why = RSP_WHY_BREAK;
	stop->kind = reg->kind;
	stop->addr = reg->point;
	return true;
}

bool points__hit(struct vm *vm, unsigned int cpu, struct rsp_stop *stop)
{
	const struct kap_park *park = &vm__vcpu(vm, cpu)->park;
	const struct reg *regs = park->user ? user_regs : kernel_regs;
	const struct reg *others = park->user ? kernel_regs : user_regs;
	uint64_t status = park->status;
	pid_t process, tid = thread_of(vm, cpu, &process);

	if (!park->user && watch__hit(process, tid, &status))
		return false;
	for (unsigned int n = 0; n < WATCH_REGS; n++)
		if (status >> n & 1 && (explain_reg(&regs[n], stop) ||
					(is_direct(vm) && explain_reg(&others[n], stop))))
			return true;
	return false;
}

/* ---- for the protocol ---- */

int points__insert(struct vm *vm, enum rsp_point kind, uint64_t addr, uint64_t len,
		   const char **error)
{
	if (is_user(addr)) {
		user_changed = true;
		return insert_regs(vm, user_regs, kind, addr, len, memory__chosen(), error);
	}
	if (kind == RSP_BREAK)
		return insert_break(vm, addr, error);
	/* The handlers that would report it use that memory themselves. */
	if (kind != RSP_HBREAK && addr >= KAP_WINDOW && addr < KAP_WINDOW + KAP_PHYS_RAM) {
		*error = "memory that is shared with kap can't be watched";
		return -EPERM;
	}
	if (kind == RSP_HBREAK && addr >= vm__ctl(vm)->info.no_break_start &&
	    addr < vm__ctl(vm)->info.no_break_end) {
		*error = "this code reports breakpoints itself; none is possible here";
		return -EPERM;
	}
	kernel_changed = true;
	return insert_regs(vm, kernel_regs, kind, addr, len, 0, error);
}

int points__remove(struct vm *vm, enum rsp_point kind, uint64_t addr, uint64_t len)
{
	struct kernel_break *gone;

	(void)len;
	if (is_user(addr)) {
		user_changed = true;
		return remove_regs(user_regs, kind, addr) ? 0 : -ENOENT;
	}
	if (kind != RSP_BREAK) {
		kernel_changed = true;
		return remove_regs(kernel_regs, kind, addr) ? 0 : -ENOENT;
	}
	gone = find_break(addr);
	if (!gone)
		return -ENOENT;
	remove_break(vm, gone);
	return 0;
}

void points__remove_all(struct vm *vm)
{
	while (nr_breaks)
		remove_break(vm, &breaks[nr_breaks - 1]);
	memset(kernel_regs, 0, sizeof(kernel_regs));
	kernel_changed = true;
	for (unsigned int n = 0; n < KAP_MAX_POINTS; n++)
		user_changed |= user_regs[n].used;
	memset(user_regs, 0, sizeof(user_regs));
}
