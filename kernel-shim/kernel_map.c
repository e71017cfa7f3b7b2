// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest kernel's own mappings, in the host process that it executes in.
 *
 * On the direct engine these are many, and a change is made in one: the others' are missing, or out
 * of date, until the kernel comes there. What has to be taken away is noted in a ring; a mapping
 * that is missing is filled in by the kernel when it faults.
 */
#include "engine/direct.h"
#include "lock.h"

/* KAP_PROT_* have the host's values. */
_Static_assert(KAP_PROT_READ == HOST_PROT_READ && KAP_PROT_WRITE == HOST_PROT_WRITE &&
		       KAP_PROT_EXEC == HOST_PROT_EXEC,
	       "protection bits");

#define NR_NOTES 32
#define NR_PROTECTS 8

struct note {
	kap_u64 va, len, prot;
};

static kap_u32 note_lock, nr_notes, nr_protects;
static struct note unmaps[NR_NOTES]; /* note n is at n modulo NR_NOTES */
static struct note protects[NR_PROTECTS]; /* of the linear window; they stay */

/* A new process has nothing of the kernel's but the window: only the protections matter. */
static void catch_up(struct kap_shell *shell)
{
	kap_u32 i;

	if (shell->map_seq == nr_notes)
		return;
	if (nr_notes - shell->map_seq <= NR_NOTES) {
		for (i = shell->map_seq; i != nr_notes; i++)
			if (unmaps[i % NR_NOTES].len)
				host_call(HOST_munmap, unmaps[i % NR_NOTES].va,
					  unmaps[i % NR_NOTES].len);
	} else {
		host_call(HOST_munmap, KAP_VMALLOC_START, KAP_VMALLOC_END - KAP_VMALLOC_START);
		host_call(HOST_munmap, KAP_MODULES_START, KAP_MODULES_END - KAP_MODULES_START);
	}
	for (i = shell->nr_protects; i < nr_protects; i++)
		host_call(HOST_mprotect, protects[i].va, protects[i].len, protects[i].prot);
	shell->nr_protects = nr_protects;
	shell->map_seq = nr_notes;
}

void kernel_map_catch_up(struct kap_shell *shell)
{
	if (likely(load_acquire(&nr_notes) == shell->map_seq))
		return;
	take_lock(&note_lock);
	catch_up(shell);
	drop_lock(&note_lock);
}

void kap_kernel_catch_up(void)
{
	if (direct())
		kernel_map_catch_up(direct_here[this_stack()->cpu]);
}

/* A change that the caller has made here, and that all other processes have to make. */
static void note(kap_u64 va, kap_u64 len)
{
	struct kap_shell *shell = direct_here[this_stack()->cpu];

	take_lock(&note_lock);
	catch_up(shell);
	unmaps[nr_notes % NR_NOTES] = (struct note){ va, len, 0 };
	store_release(&nr_notes, nr_notes + 1);
	shell->map_seq = nr_notes;
	drop_lock(&note_lock);
}

static long map_behind_key(kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot)
{
	long ret = host_call(HOST_mmap, va, len, HOST_PROT_NONE, HOST_MAP_SHARED | HOST_MAP_FIXED,
			     KAP_FD_RAM, phys);

	if (ret < 0 && ret > -4096)
		return ret;
	return host_call(HOST_pkey_mprotect, va, len, prot, DIRECT_KEY_KERNEL);
}

int kap_kernel_map(kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot)
{
	long ret;

	if (direct() && kap_boot_info()->keys)
		return map_behind_key(va, phys, len, prot);
	ret = host_call(HOST_mmap, va, len, prot,
			HOST_MAP_SHARED | HOST_MAP_FIXED | HOST_MAP_POPULATE, KAP_FD_RAM, phys);
	return ret < 0 && ret > -4096 ? ret : 0;
}

int kap_kernel_unmap(kap_u64 va, kap_u64 len)
{
	int err = host_call(HOST_munmap, va, len);

	if (direct())
		note(va, len);
	return err;
}

int kap_kernel_protect_here(kap_u64 va, kap_u64 len, kap_u32 prot)
{
	return host_call(HOST_mprotect, va, len, prot);
}

int kap_kernel_protect(kap_u64 va, kap_u64 len, kap_u32 prot)
{
	int err = kap_kernel_protect_here(va, len, prot);

	if (!err && direct()) {
		take_lock(&note_lock);
		if (nr_protects == NR_PROTECTS)
			kap_exit(KAP_EXIT_PANIC, 0, "too many protections of the window", NULL);
		protects[nr_protects++] = (struct note){ va, len, prot };
		direct_here[this_stack()->cpu]->nr_protects = nr_protects;
		drop_lock(&note_lock);
		/* Others see that there is something to do. */
		note(0, 0);
	}
	return err;
}
