// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader: loads a right kernel to the right place, refuses every wrong one with a message
 * that says why, and then has not touched guest memory.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <elf.h>
#include <errno.h>
#include <cmocka.h>

#include "capture.h"
#include "vm/loader.h"
#include "vm/ram.h"
#include "vm/vm.h"

#define BASE		(KAP_WINDOW + KAP_PHYS_RAM)
#define TEXT_BYTES	64
#define MEM		RAM_MIN

/* A kernel file of two segments; a test changes what it wants to be wrong. */
struct file {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	struct {
		Elf64_Nhdr nh;
		char name[4];
		struct kap_note note;
	} note;
	uint8_t text[TEXT_BYTES];
	uint8_t data[TEXT_BYTES];
};

static struct vm vm;

static struct file good_file(void)
{
	struct file f = {
		.eh = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_entry = BASE + 8, .e_phoff = offsetof(struct file, ph),
			.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.ph = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
			  .p_offset = offsetof(struct file, text), .p_vaddr = BASE,
			  .p_filesz = TEXT_BYTES, .p_memsz = TEXT_BYTES },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W,
			  .p_offset = offsetof(struct file, data), .p_vaddr = BASE + 0x2000,
			  .p_filesz = TEXT_BYTES, .p_memsz = 0x3000 },
			{ .p_type = PT_NOTE, .p_offset = offsetof(struct file, note),
			  .p_filesz = sizeof(f.note), .p_memsz = sizeof(f.note), .p_align = 4 },
		},
		.note = {
			.nh = { .n_namesz = 4, .n_descsz = sizeof(struct kap_note),
				.n_type = KAP_NOTE_ABI },
			.name = KAP_NOTE_NAME,
			.note = { .abi_version = KAP_ABI_VERSION, .stack_size = KAP_STACK_SIZE,
				  .window = KAP_WINDOW },
		},
	};

	memset(f.text, 0x90, sizeof(f.text));
	memset(f.data, 0xd1, sizeof(f.data));
	return f;
}

static int load_bytes(const void *bytes, size_t size, struct loader_kernel *kernel)
{
	char path[64];
	int fd = memfd_create("vmlinux", MFD_CLOEXEC);
	int err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = loader__kernel(&vm, path, kernel);
	close(fd);
	return err;
}

static bool memory_untouched(void)
{
	for (uint64_t at = 0; at < 0x8000; at++)
		if (vm.mem[KAP_PHYS_RAM + at])
			return false;
	return true;
}

static void refused(const void *bytes, size_t size, const char *why)
{
	struct loader_kernel kernel;
	const char *said;
	int err;

	capture__begin();
	err = load_bytes(bytes, size, &kernel);
	said = capture__end();
	if (!strstr(said, why))
		fail_msg("message is '%s', expected '%s' in it", said, why);
	assert_int_equal(err, -ENOEXEC);
	assert_true(memory_untouched());
}

#define REFUSED(change, why)				\
	do {						\
		struct file f = good_file();		\
							\
		change;					\
		refused(&f, sizeof(f), why);		\
	} while (0)

static int make_vm(void **state)
{
	(void)state;
	vm = (struct vm){ .ram_fd = -1, .doorbell_fd = -1, .nr_cpus = 1 };
	return ram__create(&vm, MEM);
}

static int free_vm(void **state)
{
	(void)state;
	ram__destroy(&vm);
	return 0;
}

static void loads(void **state)
{
	struct file f = good_file();
	struct loader_kernel kernel;

	(void)state;
	assert_int_equal(load_bytes(&f, sizeof(f), &kernel), 0);
	assert_true(kernel.entry == BASE + 8);
	assert_true(kernel.start == KAP_PHYS_RAM);
	assert_true(kernel.end == KAP_PHYS_RAM + 0x5000);
	assert_memory_equal(vm.mem + KAP_PHYS_RAM, f.text, TEXT_BYTES);
	assert_memory_equal(vm.mem + KAP_PHYS_RAM + 0x2000, f.data, TEXT_BYTES);
	assert_int_equal(vm.mem[KAP_PHYS_RAM + TEXT_BYTES], 0);
	assert_int_equal(vm.mem[KAP_PHYS_RAM + 0x2000 + TEXT_BYTES], 0);
}

static void note_among_others(void **state)
{
	struct {
		struct file f;
		struct {
			Elf64_Nhdr nh;
			char name[4];
			uint8_t desc[24];
		} other;
		struct {
			Elf64_Nhdr nh;
			char name[4];
			struct kap_note note;
		} mine;
	} all = { .f = good_file() };
	struct loader_kernel kernel;

	(void)state;
	all.other.nh = (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = 21, .n_type = NT_GNU_BUILD_ID };
	memcpy(all.other.name, "GNU", 4);
	memcpy(&all.mine, &all.f.note, sizeof(all.mine));
	memset(&all.f.note, 0, sizeof(all.f.note));
	all.f.ph[2].p_offset = offsetof(typeof(all), other);
	all.f.ph[2].p_filesz = sizeof(all) - offsetof(typeof(all), other);
	assert_int_equal(load_bytes(&all, sizeof(all), &kernel), 0);
}

static void foreign(void **state)
{
	static const char script[] = "#!/bin/sh\n";

	(void)state;
	refused("", 0, "not an ELF file");
	refused("\177EL", 3, "not an ELF file");
	refused(script, sizeof(script), "not an ELF file");
	REFUSED(f.eh.e_machine = EM_AARCH64, "not an x86-64 ELF file");
	REFUSED(f.eh.e_ident[EI_CLASS] = ELFCLASS32, "not an x86-64 ELF file");
	REFUSED(f.eh.e_type = ET_DYN, "not a static executable");
	REFUSED(f.eh.e_type = ET_REL, "not a static executable");
	REFUSED(f.ph[2].p_type = PT_NULL, "not a kernel for kap");
	REFUSED(f.note.name[0] = 'x', "not a kernel for kap");
	REFUSED(f.note.nh.n_type = 7, "not a kernel for kap");
	REFUSED((f.eh.e_phnum = 2, f.ph[1] = f.ph[2], f.ph[0].p_type = PT_NULL), "nothing to load");
	REFUSED((f.eh.e_phnum = 3, f.ph[1].p_type = PT_INTERP), "dynamically linked");
}

static void truncated(void **state)
{
	struct file f = good_file();

	(void)state;
	refused(&f, 32, "truncated (ELF header)");
	refused(&f, offsetof(struct file, ph) + 10, "truncated (program headers)");
	refused(&f, offsetof(struct file, note) + 10, "truncated (notes)");
	refused(&f, sizeof(f) - 1, "truncated (segments)");
	REFUSED(f.eh.e_phoff = UINT64_MAX - 8, "truncated (program headers)");
	REFUSED(f.ph[0].p_offset = UINT64_MAX - 8, "truncated (segments)");
	REFUSED(f.ph[2].p_offset = UINT64_MAX - 8, "truncated (notes)");
}

static void wrong_contract(void **state)
{
	(void)state;
	REFUSED(f.note.note.abi_version = KAP_ABI_VERSION + 1, "built for version");
	REFUSED(f.note.note.abi_version = 0, "built for version 0 ");
	REFUSED(f.note.note.window = KAP_WINDOW + 0x1000, "linked for a kernel window at");
	REFUSED(f.note.nh.n_descsz = 4, "not a kernel for kap");
	REFUSED(f.note.nh.n_descsz = 0xffffffff, "not a kernel for kap");
	REFUSED(f.note.nh.n_namesz = 0xffffffff, "not a kernel for kap");
}

static void bad_segments(void **state)
{
	(void)state;
	REFUSED(f.ph[1].p_vaddr = BASE + 8, "segments overlap");
	REFUSED(f.ph[1].p_vaddr = BASE, "segments overlap");
	REFUSED(f.ph[0].p_vaddr = BASE + 0x4fff, "segments overlap");
	REFUSED(f.ph[0].p_vaddr = BASE - 0x1000, "outside the kernel window");
	REFUSED(f.ph[1].p_vaddr = 0x400000, "outside the kernel window");
	REFUSED(f.ph[1].p_vaddr = UINT64_MAX - 0xfff, "outside the kernel window");
	REFUSED(f.ph[1].p_memsz = UINT64_MAX, "outside the kernel window");
	REFUSED(f.ph[1].p_memsz = MEM, "give a larger --mem");
	REFUSED(f.ph[1].p_vaddr = BASE + MEM - 0x2000, "give a larger --mem");
	REFUSED(f.ph[1].p_memsz = 8, "larger in the file than in memory");
	REFUSED(f.ph[0].p_flags = PF_R, "entry point lies outside");
	REFUSED(f.eh.e_entry = BASE + TEXT_BYTES, "entry point lies outside");
	REFUSED(f.eh.e_phnum = 0, "program header table");
	REFUSED(f.eh.e_phnum = 65535, "program header table");
	REFUSED(f.eh.e_phentsize = 32, "program header table");
}

static void bad_paths(void **state)
{
	struct loader_kernel kernel;
	const char *said;
	int err;

	(void)state;
	capture__begin();
	err = loader__kernel(&vm, "/nonexistent/vmlinux", &kernel);
	said = capture__end();
	assert_int_equal(err, -ENOENT);
	assert_non_null(strstr(said, "/nonexistent/vmlinux"));
	capture__begin();
	err = loader__kernel(&vm, "/", &kernel);
	said = capture__end();
	assert_int_equal(err, -EISDIR);
	assert_non_null(strstr(said, "not a regular file"));
}

static void ram_bounds(void **state)
{
	(void)state;
	assert_null(vm__ram(&vm, 0, 1));
	assert_null(vm__ram(&vm, KAP_PHYS_RAM - 1, 2));
	assert_ptr_equal(vm__ram(&vm, KAP_PHYS_RAM, 1), vm.mem + KAP_PHYS_RAM);
	assert_non_null(vm__ram(&vm, KAP_PHYS_RAM, MEM));
	assert_null(vm__ram(&vm, KAP_PHYS_RAM, MEM + 1));
	assert_null(vm__ram(&vm, KAP_PHYS_RAM + 1, MEM));
	assert_non_null(vm__ram(&vm, KAP_PHYS_RAM + MEM - 1, 1));
	assert_null(vm__ram(&vm, KAP_PHYS_RAM + MEM, 1));
	assert_null(vm__ram(&vm, UINT64_MAX, 1));
	assert_null(vm__ram(&vm, KAP_PHYS_RAM, UINT64_MAX));
}

static void ram_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(vm.ram_fd, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(vm.ram_fd, vm.mem_bytes + 4096), -1);
}

#define WITH_VM(test) cmocka_unit_test_setup_teardown(test, make_vm, free_vm)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_VM(loads),	    WITH_VM(note_among_others), WITH_VM(foreign),
		WITH_VM(truncated), WITH_VM(wrong_contract),	WITH_VM(bad_segments),
		WITH_VM(bad_paths), WITH_VM(ram_bounds),	WITH_VM(ram_is_sealed),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
