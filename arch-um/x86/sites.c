// SPDX-License-Identifier: GPL-2.0-only
/*
 * System call sites of programs that go through a gate instead (kap/gate.h).
 *
 * Text is patched in the patched form of its exec twin, which all mappings of a file share; the
 * file's own pages stay as they are. Only what is certain: two instructions that were just
 * executed, one after the other, as far as their bytes and registers tell.
 *
 *	b8 nr nr nr nr 0f 05	mov $nr,%eax; syscall		ff 24 25 LL LH 0f 05  jmp *table+n
 *	31 c0 0f 05		xor %eax,%eax; syscall		eb xx 0f 05  jmp to such a jump
 *
 * The second kind puts its long jump into padding behind the function. In both the last two bytes
 * are SYSCALL still, for who is between the instructions, and for a call that is restarted.
 *
 * A stub of a gate knows its site's place within a piece of text, and the address space
 * knows where that piece is: once and for all, so a second mapping of it gets the plain form.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <asm/insn.h>
#include <asm/tlbflush.h>
#include <asm/unistd.h>
#include <kap/gate.h>
#include <kap/machine.h>

#include "../mm/patched.h"
#include "sites.h"

#define MOV_LEN 7
#define XOR_LEN 4
#define SYSCALL_INSN 0x050f
#define REX(byte) (((byte)&0xf0) == 0x40)

/*
 * A site is worth its while when it has come this often, in whatever process; one that keeps
 * coming although all was tried, is left alone.
 */
#define SEEN_ENOUGH 3
#define TRIED_ENOUGH 200
#define SEEN_BITS 10

struct kap_bases {
	refcount_t users;
	struct rcu_head rcu;
	kap_u64 base[KAP_GATE_BASES];
};

/*
 * How often sites were seen, by where they are in their page: that is so in all processes. Two
 * sites may share a count, which only makes it less exact.
 */
static u8 seen[1 << SEEN_BITS];

static DEFINE_MUTEX(patch_mutex);

static struct kap_bases *bases_of(struct mm_struct *mm)
{
	const kap_u64 *base = READ_ONCE(mm->context.space.bases);

	return base ? container_of((void *)base, struct kap_bases, base[0]) : NULL;
}

static void put_bases(struct kap_bases *bases)
{
	if (bases && refcount_dec_and_test(&bases->users))
		kfree_rcu(bases, rcu);
}

/* One of its own, with what the old one says; other CPUs may be looking at that. */
static struct kap_bases *own_bases(struct mm_struct *mm)
{
	struct kap_bases *old = bases_of(mm), *new;

	if (old && refcount_read(&old->users) == 1)
		return old;
	new = kzalloc(sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return NULL;
	refcount_set(&new->users, 1);
	if (old)
		memcpy(new->base, old->base, sizeof(new->base));
	smp_store_release(&mm->context.space.bases, new->base);
	put_bases(old);
	return new;
}

bool kap_sites_allow(struct mm_struct *mm, unsigned int base, unsigned long addr)
{
	struct kap_bases *bases = bases_of(mm);

	if (!mm->context.gates)
		return false;
	if (bases && bases->base[base])
		return bases->base[base] == addr;
	bases = own_bases(mm);
	if (!bases)
		return false;
	WRITE_ONCE(bases->base[base], addr);
	return true;
}

void kap_sites_fork(struct mm_struct *mm, struct mm_struct *parent)
{
	struct kap_bases *bases;

	/* Both have just these mappings, so both may go on with the one. */
	mm->context.gates = parent->context.gates;
	bases = bases_of(parent);
	if (bases && refcount_inc_not_zero(&bases->users))
		mm->context.space.bases = bases->base;
}

void kap_sites_drop(struct mm_struct *mm)
{
	put_bases(bases_of(mm));
	mm->context.space.bases = NULL;
}

void kap_sites_leave(struct mm_struct *mm)
{
	WRITE_ONCE(mm->context.gates, false);
	/* No patched text any more, then no table. */
	kap_flush_mm_range(mm, 0, TASK_SIZE_MAX);
	kap_flush_mm_range(mm, KAP_GATE_TABLE, KAP_GATE_TABLE_END);
}

/* What is shown from here on is plain; so is all, once what was shown before is taken away. */
void kap_sites_switch(struct mm_struct *mm)
{
	bool plain = kap_sites_hidden();

	if (plain && mm->context.gates)
		kap_flush_mm_range(mm, 0, TASK_SIZE_MAX);
	WRITE_ONCE(mm->context.plain, plain);
}

void kap_sites_exec(struct mm_struct *mm)
{
	mmap_assert_write_locked(mm);
	if (!kap_gate_usable())
		return;
	if (find_vma_intersection(mm, KAP_GATE_TABLE, KAP_GATE_TABLE_END))
		kap_sites_leave(mm);
	else
		mm->context.gates = true;
}

/* ---- finding ---- */

struct site {
	unsigned long start, end; /* end: where user code goes on */
	u32 nr;
	bool is_xor;
};

/* The bytes before regs->ip, and what the registers say. */
static bool read_site(const struct pt_regs *regs, struct site *site)
{
	u8 code[MOV_LEN + 1];

	if (offset_in_page(regs->ip) < sizeof(code) || regs->cs != __USER_CS)
		return false;
	pagefault_disable();
	if (__copy_from_user_inatomic(code, (void __user *)(regs->ip - sizeof(code)), sizeof(code)))
		code[MOV_LEN] = 0;
	pagefault_enable();
	if (code[MOV_LEN - 1] != 0x0f || code[MOV_LEN] != 0x05)
		return false;
	site->end = regs->ip;
	site->nr = regs->orig_ax;
	site->is_xor = false;
	/* A prefix before it would make something else of the first instruction. */
	if (code[1] == 0xb8 && !REX(code[0]) && get_unaligned((u32 *)&code[2]) == regs->orig_ax &&
	    regs->orig_ax < NR_syscalls) {
		site->start = regs->ip - MOV_LEN;
		return true;
	}
	site->is_xor = code[4] == 0x31 && code[5] == 0xc0 && !REX(code[3]) && !regs->orig_ax;
	site->start = regs->ip - XOR_LEN;
	return site->is_xor;
}

/* Length of the padding instruction at p, 0: it is none. */
static int padding_len(const struct insn *insn)
{
	const u8 *opcode = insn->opcode.bytes;

	if (insn->opcode.nbytes == 1 && opcode[0] == 0x90 && !insn->rex_prefix.nbytes)
		return insn->length;
	if (insn->opcode.nbytes == 2 && opcode[0] == 0x0f && opcode[1] == 0x1f)
		return insn->length;
	return 0;
}

static bool never_goes_on(const struct insn *insn)
{
	u8 opcode = insn->opcode.bytes[0];

	return insn->opcode.nbytes == 1 && (opcode == 0xc3 || opcode == 0xe9 || opcode == 0xeb);
}

/*
 * Room for a long jump that nobody can come to: padding up to a 16-byte boundary behind a RET or
 * JMP, found by decoding from the site on. Offset in the page; 0: there is none.
 */
static unsigned int find_padding(const u8 *page, unsigned int from)
{
	unsigned int at = from, start = 0;
	bool ended = false;
	struct insn insn;

	while (at < PAGE_SIZE && at < from + 100) {
		if (insn_decode(&insn, page + at, PAGE_SIZE - at, INSN_MODE_64) < 0)
			return 0;
		if (ended && padding_len(&insn)) {
			start = start ? start : at;
			at += insn.length;
			if (at % 16 == 0 && at - start >= MOV_LEN)
				return start - from <= 127 ? start : 0;
			continue;
		}
		start = 0;
		ended = never_goes_on(&insn);
		at += insn.length;
	}
	return 0;
}

/* ---- patching ---- */

struct patch {
	u8 *page;
	unsigned int jump; /* offset of the long jump */
	unsigned int site; /* number in the gates' table */
	unsigned int hop; /* offset of a short jump to it; 0: none */
};

static int write_patch(void *arg)
{
	const struct patch *p = arg;
	u8 *jump = p->page + p->jump;
	u32 entry = KAP_GATE_TABLE + p->site * 8;

	jump[0] = 0xff;
	jump[1] = 0x24;
	jump[2] = 0x25;
	put_unaligned(entry, (u32 *)(jump + 3));
	if (p->hop) {
		p->page[p->hop] = 0xeb;
		p->page[p->hop + 1] = p->jump - p->hop - 2;
	}
	return 0;
}

static u8 *times_seen(const struct site *site)
{
	return &seen[hash_32(offset_in_page(site->end) << 16 | site->nr, SEEN_BITS)];
}

static bool worth_it(const struct site *site)
{
	u8 *n = times_seen(site);

	if (*n <= TRIED_ENOUGH)
		++*n;
	return *n > SEEN_ENOUGH && *n <= TRIED_ENOUGH;
}

enum plan { PATCH, PATCHED, NEVER };

static enum plan plan(struct patch *p, const struct site *site)
{
	unsigned int at = offset_in_page(site->start);
	const u8 *code = p->page + at;

	if (code[0] == (site->is_xor ? 0xeb : 0xff))
		return PATCHED;
	p->hop = 0;
	p->jump = at;
	if (!site->is_xor)
		return code[0] == 0xb8 && get_unaligned((u32 *)(code + 1)) == site->nr &&
				       get_unaligned((u16 *)(code + 5)) == SYSCALL_INSN ?
			       PATCH :
			       NEVER;
	if (code[0] != 0x31 || code[1] != 0xc0 || get_unaligned((u16 *)(code + 2)) != SYSCALL_INSN)
		return NEVER;
	p->hop = at;
	p->jump = find_padding(p->page, at + 2);
	return p->jump ? PATCH : NEVER;
}

static void patch(struct mm_struct *mm, const struct site *site)
{
	struct kap_patched_page text;
	struct patch p;
	int nr;

	mmap_assert_locked(mm);
	lockdep_assert_held(&patch_mutex);
	if (!kap_patched_get(mm, site->start, &text))
		return;
	p.page = text.bytes;
	switch (plan(&p, site)) {
	case PATCH:
		nr = kap_gate_add(text.base, text.offset + offset_in_page(site->end), site->nr);
		if (nr >= 0) {
			p.site = nr;
			stop_machine(write_patch, &p, NULL);
			*times_seen(site) = SEEN_ENOUGH;
			kap_patched_show(mm, site->start);
			break;
		}
		fallthrough;
	case NEVER:
		*times_seen(site) = TRIED_ENOUGH + 1;
		break;
	case PATCHED:
		/* By others: this address space only has to see it. */
		kap_patched_show(mm, site->start);
		break;
	}
}

void kap_site_seen(struct pt_regs *regs)
{
	struct mm_struct *mm = current->mm;
	struct site site;

	if (!mm->context.gates || !read_site(regs, &site) || !worth_it(&site))
		return;
	/* One at a time; who comes in between finds it done the next time. */
	if (!mutex_trylock(&patch_mutex))
		return;
	if (mmap_read_trylock(mm)) {
		patch(mm, &site);
		mmap_read_unlock(mm);
		kap_patched_read();
	}
	mutex_unlock(&patch_mutex);
}
