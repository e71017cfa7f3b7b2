// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads a guest kernel: a static x86-64 ELF executable that is linked in the kernel window
 * and carries the note of the machine contract. The file is taken for hostile:
 * headers are read by pread into the monitor's own memory, and every number is checked.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/image.h"
#include "vm/loader.h"
#include "vm/msg.h"
#include "vm/ram.h"
#include "vm/vm.h"

#define MAX_PHDRS	64
#define MAX_NOTES	65536

struct plan {
	struct image image;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_PHDRS];
	struct kap_note note;
	struct loader_kernel kernel;
};

static int refuse(const struct plan *plan, const char *why)
{
	msg__error("kernel '%s': %s", plan->image.path, why);
	return -ENOEXEC;
}

static bool read_at(const struct plan *plan, void *to, uint64_t len, uint64_t offset)
{
	if (offset > plan->image.size || len > plan->image.size - offset)
		return false;
	return pread(plan->image.fd, to, len, offset) == (ssize_t)len;
}

static int check_header(struct plan *plan)
{
	Elf64_Ehdr *eh = &plan->eh;

	if (plan->image.size < SELFMAG || !read_at(plan, eh->e_ident, SELFMAG, 0) ||
	    memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return refuse(plan, "not an ELF file; give the uncompressed `vmlinux` of a kernel "
			      "built with `kap build`");
	if (!read_at(plan, eh, sizeof(*eh), 0))
		return refuse(plan, "the file is truncated (ELF header); build or copy it again");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_ident[EI_VERSION] != EV_CURRENT || eh->e_machine != EM_X86_64)
		return refuse(plan, "not an x86-64 ELF file; build it with `kap build`");
	if (eh->e_type != ET_EXEC)
		return refuse(plan, "not a static executable (ELF type is not EXEC); build it with "
			      "`kap build`");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > MAX_PHDRS)
		return refuse(plan, "unusable program header table; build it with `kap build`");
	if (!read_at(plan, plan->ph, eh->e_phnum * sizeof(Elf64_Phdr), eh->e_phoff))
		return refuse(plan,
			      "the file is truncated (program headers); build or copy it again");
	return 0;
}

/* Looks for the note of the machine contract in one PT_NOTE segment. */
static bool find_note(const uint8_t *data, uint64_t size, uint64_t align, struct kap_note *note)
{
	uint64_t pad = align == 8 ? 7 : 3;
	uint64_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;
		uint64_t name, desc, next;

		memcpy(&nh, data + at, sizeof(nh));
		name = at + sizeof(nh);
		desc = (name + nh.n_namesz + pad) & ~pad;
		next = (desc + nh.n_descsz + pad) & ~pad;
		if (desc > size || nh.n_descsz > size - desc)
			return false;
		if (nh.n_type == KAP_NOTE_ABI && nh.n_namesz == sizeof(KAP_NOTE_NAME) &&
		    !memcmp(data + name, KAP_NOTE_NAME, sizeof(KAP_NOTE_NAME)) &&
		    nh.n_descsz >= sizeof(*note)) {
			memcpy(note, data + desc, sizeof(*note));
			return true;
		}
		if (next >= size)
			return false;
		at = next;
	}
	return false;
}

static int check_note(struct plan *plan)
{
	bool found = false;

	for (int i = 0; i < plan->eh.e_phnum && !found; i++) {
		const Elf64_Phdr *ph = &plan->ph[i];
		uint8_t *data;

		if (ph->p_type != PT_NOTE || !ph->p_filesz || ph->p_filesz > MAX_NOTES)
			continue;
		data = malloc(ph->p_filesz);
		if (!data)
			return -ENOMEM;
		if (!read_at(plan, data, ph->p_filesz, ph->p_offset)) {
			free(data);
			return refuse(plan,
				      "the file is truncated (notes); build or copy it again");
		}
		found = find_note(data, ph->p_filesz, ph->p_align, &plan->note);
		free(data);
	}
	if (!found)
		return refuse(plan, "not a kernel for kap (no note \"kap\"); build it with "
			      "`make ARCH=kap` or `kap build`");
	if (plan->note.abi_version != KAP_ABI_VERSION) {
		msg__error("kernel '%s': built for version %u of the machine contract, this kap "
			   "speaks version %u; build kernel and kap from the same source",
			   plan->image.path, plan->note.abi_version, KAP_ABI_VERSION);
		return -ENOEXEC;
	}
	if (plan->note.window != KAP_WINDOW) {
		msg__error("kernel '%s': linked for a kernel window at %#llx, this kap has it at "
			   "%#llx; build kernel and kap from the same source",
			   plan->image.path, (unsigned long long)plan->note.window,
			   (unsigned long long)KAP_WINDOW);
		return -ENOEXEC;
	}
	return 0;
}

static int check_segment(struct plan *plan, const struct vm *vm, const Elf64_Phdr *ph)
{
	const uint64_t first = KAP_WINDOW + KAP_PHYS_RAM;
	const uint64_t ram = vm->mem_bytes - KAP_PHYS_RAM;

	if (ph->p_filesz > ph->p_memsz)
		return refuse(plan,
			      "a segment is larger in the file than in memory; build it again");
	if (ph->p_offset > plan->image.size || ph->p_filesz > plan->image.size - ph->p_offset)
		return refuse(plan, "the file is truncated (segments); build or copy it again");
	if (ph->p_vaddr < first || ph->p_vaddr - first > KAP_WINDOW_MAX ||
	    ph->p_memsz > KAP_WINDOW_MAX)
		return refuse(plan, "a segment lies outside the kernel window; build it with "
			      "`kap build`");
	if (ph->p_vaddr - first > ram || ph->p_memsz > ram - (ph->p_vaddr - first)) {
		msg__error("kernel '%s': needs %llu MiB of guest memory for itself, there are "
			   "%llu; give a larger --mem",
			   plan->image.path,
			   (unsigned long long)((ph->p_vaddr - first + ph->p_memsz) >> 20) + 1,
			   (unsigned long long)(ram >> 20));
		return -ENOEXEC;
	}
	return 0;
}

static bool overlap(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return a->p_vaddr < b->p_vaddr + b->p_memsz && b->p_vaddr < a->p_vaddr + a->p_memsz;
}

static int check_segments(struct plan *plan, const struct vm *vm)
{
	bool entry_ok = false;
	uint64_t start = UINT64_MAX, end = 0;

	for (int i = 0; i < plan->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &plan->ph[i];
		int err;

		if (ph->p_type == PT_INTERP)
			return refuse(plan, "dynamically linked; build it with `kap build`");
		if (ph->p_type != PT_LOAD || !ph->p_memsz)
			continue;
		err = check_segment(plan, vm, ph);
		if (err)
			return err;
		for (int j = 0; j < i; j++)
			if (plan->ph[j].p_type == PT_LOAD && plan->ph[j].p_memsz &&
			    overlap(ph, &plan->ph[j]))
				return refuse(plan, "segments overlap; build it again");
		if ((ph->p_flags & PF_X) && plan->eh.e_entry >= ph->p_vaddr &&
		    plan->eh.e_entry - ph->p_vaddr < ph->p_filesz)
			entry_ok = true;
		if (ph->p_vaddr < start)
			start = ph->p_vaddr;
		if (ph->p_vaddr + ph->p_memsz > end)
			end = ph->p_vaddr + ph->p_memsz;
	}
	if (!end)
		return refuse(plan, "nothing to load in it; build it with `kap build`");
	if (!entry_ok)
		return refuse(plan, "its entry point lies outside its code; build it again");
	plan->kernel = (struct loader_kernel){
		.entry = plan->eh.e_entry,
		.start = start - KAP_WINDOW,
		.end = end - KAP_WINDOW,
	};
	return 0;
}

static int load_segments(struct plan *plan, struct vm *vm)
{
	for (int i = 0; i < plan->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &plan->ph[i];
		int err;

		if (ph->p_type != PT_LOAD || !ph->p_filesz)
			continue;
		err = ram__write(vm, ph->p_vaddr - KAP_WINDOW, plan->image.data + ph->p_offset,
				 ph->p_filesz);
		if (err) {
			msg__error("kernel '%s': loading it: %s; check the file and the host's "
				   "free memory",
				   plan->image.path, strerror(-err));
			return err;
		}
	}
	return 0;
}

int loader__kernel(struct vm *vm, const char *path, struct loader_kernel *kernel)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int err;

	if (!plan)
		return -ENOMEM;
	err = image__open(&plan->image, path, "kernel", "--kernel FILE");
	if (err) {
		free(plan);
		return err;
	}
	err = check_header(plan);
	if (!err)
		err = check_note(plan);
	if (!err)
		err = check_segments(plan, vm);
	if (!err)
		err = load_segments(plan, vm);
	if (!err)
		*kernel = plan->kernel;
	image__close(&plan->image);
	free(plan);
	return err;
}
