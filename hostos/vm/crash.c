// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash report: message, registers, a backtrace with names, the last console lines.
 * All of it comes from guest memory, so it may be nonsense; it must not be harmful.
 */
#include <string.h>

#include "vm/crash.h"
#include "vm/log.h"
#include "vm/msg.h"
#include "vm/symbols.h"
#include "vm/vm.h"

#define MAX_FRAMES 48
#define LAST_LINES 30

static bool window_read(struct vm *vm, uint64_t addr, void *to, uint64_t len)
{
	const void *from;

	if (addr < KAP_WINDOW)
		return false;
	from = vm__ram(vm, addr - KAP_WINDOW, len);
	if (!from)
		return false;
	memcpy(to, from, len);
	return true;
}

static void print_registers(const struct kap_regs *r, const struct kap_trap *trap,
			    const struct symbols *symbols)
{
	char where[256];

	symbols__format(symbols, r->ip, where, sizeof(where));
	msg__report("  rip %016llx  %s", (unsigned long long)r->ip, where);
#define ROW(n1, v1, n2, v2, n3, v3, n4, v4)                                             \
	msg__report("  " n1 " %016llx  " n2 " %016llx  " n3 " %016llx  " n4 " %016llx", \
		    (unsigned long long)r->v1, (unsigned long long)r->v2,               \
		    (unsigned long long)r->v3, (unsigned long long)r->v4)
	ROW("rax", ax, "rbx", bx, "rcx", cx, "rdx", dx);
	ROW("rsi", si, "rdi", di, "rbp", bp, "rsp", sp);
	ROW("r8 ", r8, "r9 ", r9, "r10", r10, "r11", r11);
	ROW("r12", r12, "r13", r13, "r14", r14, "r15", r15);
#undef ROW
	msg__report("  flags %08llx  trap %u nr %u error %#llx address %#llx",
		    (unsigned long long)r->flags, trap->kind, trap->nr,
		    (unsigned long long)trap->error, (unsigned long long)trap->addr);
}

static void print_backtrace(struct vm *vm, const struct kap_regs *regs,
			    const struct symbols *symbols)
{
	uint64_t frame = regs->bp, low = regs->sp, link[2];
	char where[256];

	msg__report("backtrace:");
	symbols__format(symbols, regs->ip, where, sizeof(where));
	msg__report("  #0  %016llx  %s", (unsigned long long)regs->ip, where);
	for (int i = 1; i < MAX_FRAMES; i++) {
		/* Frames lie one above the other; anything else is no frame. */
		if (frame % 8 || frame < low || !window_read(vm, frame, link, sizeof(link)) ||
		    !link[1])
			return;
		/* A return address may be the first byte of the next function. */
		symbols__format(symbols, link[1] - 1, where, sizeof(where));
		msg__report("  #%-2d %016llx  %s", i, (unsigned long long)link[1], where);
		low = frame + sizeof(link);
		frame = link[0];
	}
}

/* What the other vCPUs did; each in its own words, like all else here. */
static void print_others(struct vm *vm, unsigned int but, const char *kernel)
{
	struct symbols *symbols = symbols__load(kernel);
	char where[256];

	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus; cpu++) {
		const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);
		uint32_t state = __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED);
		unsigned long long traps = vcpu->nr_traps;

		if (cpu == but)
			continue;
		/* The panic has stopped it: where it was then. */
		if (__atomic_load_n(&vcpu->saved_valid, __ATOMIC_ACQUIRE)) {
			uint64_t ip = vcpu->saved.ip;

			symbols__format(symbols, ip, where, sizeof(where));
			msg__report("  vCPU %u: was at %016llx  %s (%llu traps)", cpu,
				    (unsigned long long)ip,
				    ip >= KAP_HOLE_START && ip < KAP_HOLE_END ? where :
										"in user code",
				    traps);
			continue;
		}
		if (state == KAP_VCPU_USER)
			msg__report("  vCPU %u: ran user code of space %u (%llu traps)", cpu,
				    vcpu->space, traps);
		else
			msg__report("  vCPU %u: %s (%llu traps)", cpu,
				    state == KAP_VCPU_OFF    ? "was off" :
				    state == KAP_VCPU_KERNEL ? "was in the kernel" :
				    state == KAP_VCPU_IDLE   ? "was idle" :
				    state == KAP_VCPU_PARKED ? "was parked" :
							       "is in no state that kap knows",
				    traps);
	}
	symbols__free(symbols);
}

void crash__report(struct vm *vm, unsigned int cpu, const char *message, const char *kernel)
{
	struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);

	msg__error("guest kernel panic on vCPU %u: %s", cpu, message);
	if (__atomic_load_n(&vcpu->saved_valid, __ATOMIC_ACQUIRE)) {
		struct symbols *symbols = symbols__load(kernel);
		struct kap_regs regs = vcpu->saved;
		struct kap_trap trap = vcpu->saved_trap;

		if (!symbols)
			msg__report("  (no symbols in '%s': addresses only)", kernel);
		print_registers(&regs, &trap, symbols);
		print_backtrace(vm, &regs, symbols);
		symbols__free(symbols);
	}
	if (vm->nr_cpus > 1) {
		msg__report("the other vCPUs:");
		print_others(vm, cpu, kernel);
	}
	msg__report("last console lines:");
	log__print_last(LAST_LINES);
}
