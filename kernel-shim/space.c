// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces: a queue of changes in the control page of the space's shell. Neighbouring
 * changes are joined while they are queued, so that a run of pages is one host call.
 */
#include <kap/gate.h>
#include "engine/direct.h"
#include "lock.h"

#define MAP_FLAGS (HOST_MAP_SHARED | HOST_MAP_FIXED)

/* ---- all spaces, for a debugger ---- */

static kap_u32 list_lock, last_id;
static struct kap_space *first;

static void add_to_list(struct kap_space *space)
{
	take_lock(&list_lock);
	/* A number is not used again for long: who names a dead space must not get another. */
	space->info.id = ++last_id ? last_id : ++last_id;
	space->info.next = (kap_u64)first;
	space->prev = NULL;
	if (first)
		first->prev = space;
	first = space;
	kap_ctl()->info.spaces = (kap_u64)space;
	drop_lock(&list_lock);
}

static void remove_from_list(struct kap_space *space)
{
	struct kap_space *next;

	take_lock(&list_lock);
	next = (struct kap_space *)space->info.next;
	if (next)
		next->prev = space->prev;
	if (space->prev)
		space->prev->info.next = (kap_u64)next;
	else
		first = next;
	kap_ctl()->info.spaces = (kap_u64)first;
	drop_lock(&list_lock);
}

int kap_space_create(struct kap_space *space)
{
	long err = 0;

	space->shell = pool_take(&err);
	if (!space->shell)
		return err;
	space->shell->shown = 0;
	add_to_list(space);
	return 0;
}

void kap_space_destroy(struct kap_space *space)
{
	struct kap_shell *shell = space->shell;
	unsigned int i;

	if (!shell)
		return;
	/* Users that outlive their space, and will go on in another one. */
	for (i = 0; i < kap_boot_info()->nr_cpus; i++) {
		struct kap_fpu *fpu = load_acquire(&shell->runner[i].fpu);

		if (fpu)
			fpu_detach(fpu);
	}
	remove_from_list(space);
	space->shell = NULL;
	pool_give(shell);
}

void kap_space_begin(struct kap_space *space)
{
	take_lock(&space->shell->lock);
}

void kap_space_end(struct kap_space *space)
{
	drop_lock(&space->shell->lock);
}

static void fill_munmap(struct stub_op *op, kap_u64 start, kap_u64 end)
{
	op->nr = HOST_munmap;
	op->arg[0] = start;
	op->arg[1] = end - start;
}

/*
 * Pages that are only read are left to the host's own faults: one shows the host's pages around it
 * as well, for less than populating takes, and what is never read costs nothing. A write fault
 * shows one page, and so does the fault of a mapping that has one.
 */
static kap_u64 map_flags(kap_u64 len, kap_u32 prot)
{
	return (prot & KAP_PROT_WRITE) || len == KAP_PAGE_SIZE ? MAP_FLAGS | HOST_MAP_POPULATE :
								 MAP_FLAGS;
}

static void fill_mmap(struct stub_op *op, kap_u64 va, kap_u64 len, kap_u32 prot, kap_u64 phys)
{
	op->nr = HOST_mmap;
	op->arg[0] = va;
	op->arg[1] = len;
	op->arg[2] = prot;
	op->arg[3] = map_flags(len, prot);
	op->arg[4] = KAP_FD_RAM;
	op->arg[5] = phys;
}

/*
 * In place of everything queued: take all user mappings away, but the gates' table, which belongs
 * to the process. The queue is not empty at any moment of this: who finds it so, without the lock,
 * lets user code run.
 */
void shell_queue_empty(struct kap_shell *shell)
{
	struct stub_op *op = shell->ctl->op;
	kap_u64 low = 0;

	if (direct() && !shell->table_lost) {
		fill_munmap(op++, 0, KAP_GATE_TABLE);
		low = KAP_GATE_TABLE_END;
	}
	fill_munmap(op++, low, KAP_HOLE_START);
	fill_munmap(op++, KAP_HOLE_END, KAP_USER_END);
	store_release(&shell->nr_ops, (kap_u32)(op - shell->ctl->op));
}

/*
 * A keeper and who waits for it take turns: they belong on one host CPU. It follows the vCPU that
 * asked twice in a row; one that several use at a time stays where it is.
 */
static void place_keeper(struct kap_shell *shell, kap_u32 cpu)
{
	if (unlikely(shell->last_cpu != cpu))
		shell->last_cpu = cpu;
	else
		place_thread(cpu, shell->pid, &shell->bound);
}

/*
 * The process is gone, or one of its runners is, which it can't do without. Whoever is told so goes
 * on as if nothing of it ran any more, so that must be true. And the keeper may have answered just
 * before its end: that word must not be taken for another keeper's.
 */
static void give_up(struct kap_shell *shell, kap_u32 cpu)
{
	static const kap_u64 look = STUB_LOOK;
	kap_u64 answer;

	shell_bury(shell);
	while (shell->pid && !host_call(HOST_tgkill, shell->pid, shell->pid, 0))
		kap_relax();
	/* With a word of our own in it the eventfd has something to read. */
	host_call(HOST_write, KAP_FD_REPLY + cpu, &look, sizeof(look));
	while (host_call(HOST_read, KAP_FD_REPLY + cpu, &answer, sizeof(answer)) == -HOST_EINTR)
		;
}

/* The kernel executes in that process: it needs no keeper. */
static kap_u64 do_here(struct kap_shell *shell, kap_u32 nr_ops)
{
	kap_u32 i;

	for (i = 0; i < nr_ops; i++) {
		const struct stub_op *op = &shell->ctl->op[i];
		long ret = host_call(op->nr, op->arg[0], op->arg[1], op->arg[2], op->arg[3],
				     op->arg[4], op->arg[5]);

		shell->scratch->result[i] = ret;
		if (unlikely(ret < 0 && ret > -4096))
			return STUB_ANSWER_FAILED;
	}
	return STUB_ANSWER_OK;
}

/*
 * Sends what is in the control page and waits for the keeper's word on the vCPU's eventfd.
 * 0 when the process is gone.
 */
kap_u64 shell_request(struct kap_shell *shell, kap_u32 nr_ops)
{
	kap_u32 cpu = this_stack()->cpu;
	kap_u32 deaths = load_acquire(&host_deaths);
	static const kap_u64 look = STUB_LOOK;
	static kap_u32 never_changes;
	struct host_timespec soon = { 0, 1000000 };
	kap_u32 looks = 0;
	kap_u64 answer;
	long ret;

	if (direct() && direct_here[cpu] == shell)
		return do_here(shell, nr_ops);

	/* The word about it may long have been read, by one who waited for another keeper. */
	if (unlikely(shell->deaths != deaths)) {
		if (!shell_alive(shell)) {
			give_up(shell, cpu);
			return 0;
		}
		shell->deaths = deaths;
	}
	place_keeper(shell, cpu);
	shell->ctl->nr_ops = nr_ops;
	shell->ctl->reply_fd = KAP_FD_REPLY + cpu;
	store_release(&shell->ctl->seq, ++shell->seq);
	futex_wake(&shell->ctl->seq);
	for (;;) {
		answer = 0;
		ret = host_call(HOST_read, KAP_FD_REPLY + cpu, &answer, sizeof(answer));
		if (unlikely(ret != sizeof(answer) && ret != -HOST_EINTR))
			host_failed("read of a keeper's answer", ret);
		if (likely(answer & STUB_ANSWER))
			return answer & STUB_ANSWER;
		if (answer && !shell_alive(shell)) {
			give_up(shell, cpu);
			return 0;
		}
		/* The host may tell of an end before the process is gone: look again. */
		if (answer && direct() && looks++ < 200) {
			futex_wait(&never_changes, 0, &soon);
			host_call(HOST_write, KAP_FD_REPLY + cpu, &look, sizeof(look));
		}
	}
}

/* For the message only: user code of the space may have put anything there. */
static long first_error(const struct kap_shell *shell, kap_u32 nr_ops)
{
	kap_u32 i;

	for (i = 0; i < nr_ops; i++)
		if (shell->scratch->result[i] < 0 && shell->scratch->result[i] > -4096)
			return shell->scratch->result[i];
	return -HOST_ENOMEM;
}

/*
 * The host has no room for another mapping (vm.max_map_count): the space gives
 * all of its mappings back, which may always be missing, and starts anew.
 */
static void evict_and_retry(struct kap_shell *shell, kap_u32 nr_ops)
{
	struct stub_op saved[3];
	kap_u64 answer;

	copy(saved, shell->ctl->op, sizeof(saved));
	shell_queue_empty(shell);
	answer = shell_request(shell, shell->nr_ops);
	if (answer == STUB_ANSWER_FAILED)
		host_failed("munmap of a whole space", first_error(shell, shell->nr_ops));
	copy(shell->ctl->op, saved, sizeof(saved));
	if (answer)
		answer = shell_request(shell, nr_ops);
	if (answer == STUB_ANSWER_FAILED)
		host_failed("mapping of guest memory in a space", first_error(shell, nr_ops));
}

/* The queue counts as full until it is in force: who finds it empty needs no lock. */
void shell_sync(struct kap_shell *shell)
{
	kap_u32 nr_ops = shell->nr_ops;

	if (!nr_ops)
		return;
	/* A dead process maps nothing: kap_run_user() will say so. */
	if (unlikely(shell_request(shell, nr_ops) == STUB_ANSWER_FAILED))
		evict_and_retry(shell, nr_ops);
	store_release(&shell->nr_ops, 0u);
}

static struct stub_op *last_op(struct kap_shell *shell, kap_u64 nr)
{
	struct stub_op *op;

	if (!shell->nr_ops)
		return NULL;
	op = &shell->ctl->op[shell->nr_ops - 1];
	return op->nr == nr ? op : NULL;
}

static int touches_table(kap_u64 va, kap_u64 len)
{
	return direct() && va < KAP_GATE_TABLE_END && va + len > KAP_GATE_TABLE;
}

/*
 * The last mapping is new or has grown. It may now do what the unmapping before it does, or have
 * come up to the mapping before it: who faults maps what is around it, too.
 */
static void join_two(struct kap_shell *shell)
{
	struct stub_op *last = &shell->ctl->op[shell->nr_ops - 1], *op = last - 1;
	kap_u64 va = last->arg[0], len = last->arg[1];

	if (shell->nr_ops < 2)
		return;
	if (op->nr == HOST_munmap && op->arg[0] == va && op->arg[1] == len)
		fill_mmap(op, va, len, last->arg[2], last->arg[5]);
	else if (op->nr == HOST_mmap && op->arg[2] == last->arg[2] && op->arg[0] == va + len &&
		 op->arg[5] == last->arg[5] + len)
		fill_mmap(op, va, len + op->arg[1], op->arg[2], last->arg[5]);
	else
		return;
	shell->nr_ops--;
}

/*
 * What is queued already: the same mapping again, as the generic code of Linux tells of some
 * changes twice; or an unmapping of just this place, which mapping does on its way. If the host
 * has no room for the mapping, all of the space is taken away.
 */
static int joins_last(struct kap_shell *shell, kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot)
{
	struct stub_op *op;

	if (!shell->nr_ops)
		return 0;
	op = &shell->ctl->op[shell->nr_ops - 1];
	if (op->nr == HOST_munmap && op->arg[0] == va && op->arg[1] == len) {
		fill_mmap(op, va, len, prot, phys);
		return 1;
	}
	if (op->nr != HOST_mmap || op->arg[2] != prot || va < op->arg[0] ||
	    va > op->arg[0] + op->arg[1] || op->arg[5] + (va - op->arg[0]) != phys)
		return 0;
	if (va + len > op->arg[0] + op->arg[1]) {
		op->arg[1] = va + len - op->arg[0];
		op->arg[3] = map_flags(op->arg[1], prot);
		join_two(shell);
	}
	return 1;
}

void kap_space_map(struct kap_space *space, kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot)
{
	struct kap_shell *shell = space->shell;

	/* Whatever the kernel's tables say: the stub pages stay what they are. */
	if (va < KAP_HOLE_END && va + len > KAP_HOLE_START)
		return;
	shell->shown = 1;
	/* A program that wants the place has it, and no patched sites. */
	if (unlikely(touches_table(va, len)))
		shell->table_lost = 1;
	if (joins_last(shell, va, phys, len, prot))
		return;
	if (shell->nr_ops == STUB_MAX_OPS)
		shell_sync(shell);
	shell_op(shell, HOST_mmap, va, len, prot, map_flags(len, prot), KAP_FD_RAM, phys);
	join_two(shell);
}

static void queue_unmap(struct kap_shell *shell, kap_u64 va, kap_u64 len)
{
	struct stub_op *op = last_op(shell, HOST_munmap);

	if (op && va <= op->arg[0] + op->arg[1] && op->arg[0] <= va + len) {
		kap_u64 start = va < op->arg[0] ? va : op->arg[0];
		kap_u64 end = va + len > op->arg[0] + op->arg[1] ? va + len :
								   op->arg[0] + op->arg[1];
		op->arg[0] = start;
		op->arg[1] = end - start;
		return;
	}
	if (shell->nr_ops == STUB_MAX_OPS) {
		/* Emptying the space does what is queued and more, in a few calls. */
		shell_queue_empty(shell);
		return;
	}
	shell_op(shell, HOST_munmap, va, len, 0, 0, 0, 0);
}

void kap_space_unmap(struct kap_space *space, kap_u64 va, kap_u64 len)
{
	struct kap_shell *shell = space->shell;

	/* A new program's stack moves before there is anything to take away. */
	if (!shell->shown && !touches_table(va, len))
		return;
	if (likely(!touches_table(va, len) || shell->table_lost)) {
		queue_unmap(shell, va, len);
		return;
	}
	if (va >= KAP_GATE_TABLE && va + len <= KAP_GATE_TABLE_END) {
		/* No less and no more: the program wants the place. */
		shell->table_lost = 1;
		queue_unmap(shell, KAP_GATE_TABLE, KAP_GATE_TABLE_END - KAP_GATE_TABLE);
		return;
	}
	if (va < KAP_GATE_TABLE)
		queue_unmap(shell, va, KAP_GATE_TABLE - va);
	if (va + len > KAP_GATE_TABLE_END)
		queue_unmap(shell, KAP_GATE_TABLE_END, va + len - KAP_GATE_TABLE_END);
}

void kap_space_protect(struct kap_space *space, kap_u64 va, kap_u64 len, kap_u32 prot)
{
	struct kap_shell *shell = space->shell;
	struct stub_op *op = last_op(shell, HOST_mprotect);

	if (op && op->arg[0] + op->arg[1] == va && op->arg[2] == prot) {
		op->arg[1] += len;
		return;
	}
	if (shell->nr_ops == STUB_MAX_OPS)
		shell_sync(shell);
	shell_op(shell, HOST_mprotect, va, len, prot, 0, 0, 0);
}

void kap_space_sync(struct kap_space *space)
{
	struct kap_shell *shell = space->shell;

	if (!load_acquire(&shell->nr_ops))
		return;
	take_lock(&shell->lock);
	shell_sync(shell);
	drop_lock(&shell->lock);
}

/*
 * The queue was filled before this looks at nr_users; kap_run_user() counts itself before it looks
 * at the queue. Both barriers are full: one of them sees the other.
 */
void kap_space_flush(struct kap_space *space)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&space->shell->nr_users, __ATOMIC_RELAXED))
		shell_sync(space->shell);
}
