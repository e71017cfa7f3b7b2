// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF cores: what a reader finds in them, that they are sparse, and that a failure leaves
 * nothing behind.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture.h"
#include "fake_tables.h"
#include "debug/dump.h"

static char folder[] = "/tmp/kap-test-dump.XXXXXX";
static char path[64];

static int setup(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (fake_setup(state) || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/core", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	rmdir(folder);
	return fake_teardown(state);
}

static unsigned int count_files(void)
{
	DIR *dir = opendir(folder);
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* ---- a reader -------------------------------------------------------------- */

static int core = -1;
static Elf64_Ehdr eh;
static Elf64_Phdr *ph;
static uint8_t notes[65536 * 2];

static void open_core(void)
{
	struct stat st;

	core = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(core >= 0);
	assert_int_equal(fstat(core, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(pread(core, &eh, sizeof(eh), 0), sizeof(eh));
	assert_memory_equal(eh.e_ident, "\177ELF\2\1\1", 7);
	assert_int_equal(eh.e_type, ET_CORE);
	assert_int_equal(eh.e_machine, EM_X86_64);
	assert_int_equal(eh.e_phentsize, sizeof(*ph));
	ph = calloc(eh.e_phnum, sizeof(*ph));
	assert_int_equal(pread(core, ph, eh.e_phnum * sizeof(*ph), eh.e_phoff),
			 eh.e_phnum * sizeof(*ph));
	assert_int_equal(ph[0].p_type, PT_NOTE);
	assert_true(ph[0].p_filesz <= sizeof(notes));
	assert_int_equal(pread(core, notes, ph[0].p_filesz, ph[0].p_offset), ph[0].p_filesz);
	for (unsigned int i = 1; i < eh.e_phnum; i++) {
		assert_int_equal(ph[i].p_type, PT_LOAD);
		assert_int_equal(ph[i].p_offset % KAP_PAGE_SIZE, 0);
		assert_int_equal(ph[i].p_filesz, ph[i].p_memsz);
		assert_true(ph[i].p_offset + ph[i].p_filesz <= (uint64_t)st.st_size);
	}
}

static void close_core(void)
{
	free(ph);
	close(core);
}

/* The n-th note of that name and type; NULL when there are not so many. */
static const uint8_t *find_note(const char *name, uint32_t type, unsigned int n, size_t *size)
{
	size_t at = 0;

	while (at < ph[0].p_filesz) {
		Elf64_Nhdr nh;
		size_t desc;

		memcpy(&nh, notes + at, sizeof(nh));
		desc = at + sizeof(nh) + (nh.n_namesz + 3) / 4 * 4;
		if (nh.n_type == type && nh.n_namesz == strlen(name) + 1 &&
		    !memcmp(notes + at + sizeof(nh), name, nh.n_namesz) && !n--) {
			*size = nh.n_descsz;
			return notes + desc;
		}
		at = desc + (nh.n_descsz + 3) / 4 * 4;
	}
	assert_int_equal(at, ph[0].p_filesz);
	return NULL;
}

static bool registers_of(unsigned int n, struct elf_prstatus *status)
{
	size_t size;
	const uint8_t *desc = find_note("CORE", NT_PRSTATUS, n, &size);

	if (!desc)
		return false;
	assert_int_equal(size, sizeof(*status));
	memcpy(status, desc, size);
	return true;
}

/* A byte of the core by its virtual address; -1: not in it. */
static int byte_at(uint64_t addr)
{
	uint8_t byte;

	for (unsigned int i = 1; i < eh.e_phnum; i++) {
		if (addr - ph[i].p_vaddr >= ph[i].p_filesz)
			continue;
		assert_int_equal(pread(core, &byte, 1, ph[i].p_offset + addr - ph[i].p_vaddr), 1);
		return byte;
	}
	return -1;
}

/* ---- what is in it ---------------------------------------------------------- */

static void test_registers(void **state)
{
	struct elf_prstatus status;

	(void)state;
	vm.nr_cpus = 6;
	fake_task(0, "swapper/0", 0, 0);
	vm__vcpu(&vm, 0)->park.regs.ip = 100;
	fake_task(2, "sh", 17, 17);
	vm__vcpu(&vm, 2)->park.regs = (struct kap_regs){ .r15 = 15, .ip = 102, .gs = 27 };
	vm__vcpu(&vm, 2)->saved_valid = 1;
	/* crashed, not parked */
	vm__vcpu(&vm, 3)->state = KAP_VCPU_KERNEL;
	vm__vcpu(&vm, 3)->saved = (struct kap_regs){ .ip = 103, .sp = 7 };
	vm__vcpu(&vm, 3)->saved_valid = 1;
	/* on, and nothing is known of it */
	vm__vcpu(&vm, 4)->state = KAP_VCPU_USER;
	/* claims to run the same task as another */
	fake_task(5, "sh", 17, 17);
	vm__vcpu(&vm, 5)->park.regs.ip = 105;
	assert_int_equal(dump__write(&vm, path), 0);

	open_core();
	assert_true(registers_of(0, &status));
	assert_int_equal(status.pr_pid, 0);
	assert_int_equal(status.pr_reg[16], 100);
	assert_true(registers_of(1, &status));
	assert_int_equal(status.pr_pid, 17);
	assert_int_equal(status.pr_reg[0], 15);
	assert_int_equal(status.pr_reg[16], 102);
	assert_int_equal(status.pr_reg[26], 27);
	assert_true(registers_of(2, &status));
	assert_int_equal(status.pr_pid, 4194304 + 3);
	assert_int_equal(status.pr_reg[16], 103);
	assert_int_equal(status.pr_reg[19], 7);
	assert_true(registers_of(3, &status));
	assert_int_equal(status.pr_pid, 4194304 + 4);
	for (int i = 0; i < 27; i++)
		assert_int_equal(status.pr_reg[i], 0);
	assert_true(registers_of(4, &status));
	assert_int_equal(status.pr_pid, 4194304 + 5);
	assert_int_equal(status.pr_reg[16], 105);
	assert_false(registers_of(5, &status));
	close_core();
}

/* One idle vCPU keeps pid 0: the one that a panic has hit, else the first. */
static void test_idle(void **state)
{
	struct elf_prstatus status;

	(void)state;
	fake_task(0, "swapper/0", 0, 0);
	fake_task(1, "swapper/1", 0, 0);
	fake_task(2, "swapper/2", 0, 0);
	vm__vcpu(&vm, 1)->park.why = KAP_PARK_PANIC;
	assert_int_equal(dump__write(&vm, path), 0);
	open_core();
	assert_true(registers_of(0, &status));
	assert_int_equal(status.pr_pid, 4194304);
	assert_true(registers_of(1, &status));
	assert_int_equal(status.pr_pid, 0);
	assert_true(registers_of(2, &status));
	assert_int_equal(status.pr_pid, 4194304 + 2);
	close_core();
}

static void test_vmcoreinfo(void **state)
{
	static const char text[] = "OSRELEASE=6.12\nPAGESIZE=4096\n";
	struct kap_guest_info *told = &vm__ctl(&vm)->info;
	uint64_t at = fake_page() + 100;
	const uint64_t bad[][2] = {
		{ at, 0 },
		{ at, 65537 },
		{ at, ~0ull },
		{ KAP_PHYS_CTL, 16 },
		{ vm.mem_bytes, 16 },
		{ vm.mem_bytes - 8, 16 },
		{ ~0ull, 16 },
		{ ~0ull - 10, 0x1000 },
	};
	const uint8_t *desc;
	size_t size;

	(void)state;
	memcpy(vm.mem + at, text, sizeof(text));
	told->vmcoreinfo = at;
	told->vmcoreinfo_size = sizeof(text) - 1;
	assert_int_equal(dump__write(&vm, path), 0);
	open_core();
	desc = find_note("VMCOREINFO", 0, 0, &size);
	assert_non_null(desc);
	assert_int_equal(size, sizeof(text) - 1);
	assert_memory_equal(desc, text, size);
	assert_null(find_note("VMCOREINFO", 0, 1, &size));
	close_core();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		told->vmcoreinfo = bad[i][0];
		told->vmcoreinfo_size = bad[i][1];
		assert_int_equal(dump__write(&vm, path), 0);
		open_core();
		assert_null(find_note("VMCOREINFO", 0, 0, &size));
		close_core();
	}
}

static void test_memory(void **state)
{
	uint64_t root = fake_page(), a = fake_page(), b = fake_page();
	uint64_t last = vm.mem_bytes - 1, free_page = fake_page();

	(void)state;
	vm__ctl(&vm)->info.kernel_root = root;
	fake_map(root, KAP_VMALLOC_START + 0x5000, a);
	fake_map(root, KAP_VMALLOC_START + 0x6000, b);
	fake_map(root, KAP_VMALLOC_START + 0x7000, a);
	fake_map(root, KAP_MODULES_END - KAP_PAGE_SIZE, b);
	vm.mem[a] = 'a';
	vm.mem[b + 4095] = 'b';
	vm.mem[0] = '0';
	vm.mem[last] = 'z';
	vm__ctl(&vm)->message[0] = 'm';
	assert_int_equal(dump__write(&vm, path), 0);
	open_core();
	assert_int_equal(ph[1].p_vaddr, KAP_WINDOW);
	assert_int_equal(ph[1].p_paddr, 0);
	assert_int_equal(ph[1].p_memsz, vm.mem_bytes);
	/* the first two pages of vmalloc follow each other at both addresses */
	assert_int_equal(eh.e_phnum, 5);
	assert_int_equal(byte_at(KAP_WINDOW), '0');
	assert_int_equal(byte_at(KAP_WINDOW + last), 'z');
	assert_int_equal(byte_at(KAP_WINDOW + last + 1), -1);
	assert_int_equal(byte_at(KAP_WINDOW + a), 'a');
	assert_int_equal(byte_at(KAP_WINDOW + a + 1), 0);
	assert_int_equal(byte_at(KAP_WINDOW + b + 4095), 'b');
	assert_int_equal(byte_at(KAP_WINDOW + free_page), 0);
	assert_int_equal(byte_at(KAP_WINDOW + KAP_PHYS_CTL + offsetof(struct kap_ctl, message)),
			 'm');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 0x5000), 'a');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 0x6fff), 'b');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 0x7000), 'a');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 0x8000), -1);
	assert_int_equal(byte_at(KAP_MODULES_END - 1), 'b');
	assert_int_equal(byte_at(KAP_MODULES_END - KAP_PAGE_SIZE - 1), -1);
	for (unsigned int i = 2; i < eh.e_phnum; i++)
		assert_int_equal(ph[i].p_offset - ph[1].p_offset, ph[i].p_paddr);
	close_core();
}

static uint64_t blocks_of_memory(void)
{
	struct stat st;

	assert_int_equal(fstat(vm.ram_fd, &st), 0);
	return st.st_blocks;
}

static void test_sparse(void **state)
{
	uint64_t before;
	struct stat st;

	(void)state;
	/* zeroes that the guest has written, and pages that it has never touched */
	memset(vm.mem + KAP_PHYS_RAM, 0, FAKE_2M);
	vm.mem[vm.mem_bytes - FAKE_2M] = 1;
	/* what every guest has: its control page and its vCPUs' */
	vm__ctl(&vm)->exit_cpu = 0;
	for (int cpu = 0; cpu < vm.nr_cpus; cpu++)
		vm__vcpu(&vm, cpu)->state = KAP_VCPU_OFF;
	before = blocks_of_memory();
	assert_int_equal(dump__write(&vm, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size > vm.mem_bytes);
	assert_in_range(st.st_blocks, 1, 64 << 1);
	/* and looking did not make the guest larger */
	assert_int_equal(blocks_of_memory(), before);
}

/* More pieces than an ELF header can count: as many as go, and the user is told. */
static void test_too_many_segments(void **state)
{
	uint64_t root = fake_page(), a = fake_page();
	const char *said;

	(void)state;
	vm__ctl(&vm)->info.kernel_root = root;
	vm.mem[a] = 'a';
	for (uint64_t i = 0; i < 66000; i++)
		fake_map(root, KAP_VMALLOC_START + i * KAP_PAGE_SIZE, a);
	capture__begin();
	assert_int_equal(dump__write(&vm, path), 0);
	said = capture__end();
	assert_non_null(strstr(said, "too many pieces"));
	open_core();
	assert_int_equal(eh.e_phnum, 65534);
	assert_int_equal(byte_at(KAP_WINDOW + a), 'a');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 65531 * KAP_PAGE_SIZE), 'a');
	assert_int_equal(byte_at(KAP_VMALLOC_START + 65532 * KAP_PAGE_SIZE), -1);
	close_core();
}

/* ---- the file --------------------------------------------------------------- */

static void test_replaces(void **state)
{
	char link[80];
	struct stat st;
	int old;

	(void)state;
	old = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(old >= 0);
	assert_int_equal(write(old, "old", 3), 3);
	assert_int_equal(dump__write(&vm, path), 0);
	assert_int_equal(count_files(), 1);
	/* who has the old one open still sees it whole */
	assert_int_equal(fstat(old, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_nlink, 0);
	close(old);
	open_core();
	close_core();
	/* a link stays one */
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink("core", link), 0);
	assert_int_equal(truncate(path, 1), 0);
	assert_int_equal(dump__write(&vm, link), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	open_core();
	close_core();
	unlink(link);
	assert_int_equal(count_files(), 1);
}

static void fails(const char *to, int err, const char *why)
{
	const char *said;
	int ret;

	capture__begin();
	ret = dump__write(&vm, to);
	said = capture__end();
	assert_int_equal(ret, -err);
	if (!strstr(said, why) || strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("expected one line with '%s', got: %s", why, said);
}

static void test_bad_places(void **state)
{
	char name[300], *long_name = malloc(10000);
	struct stat st;

	(void)state;
	fails(folder, EISDIR, "it is there and is no file");
	fails("/dev/null", EINVAL, "it is there and is no file");
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	snprintf(name, sizeof(name), "%s/no/core", folder);
	fails(name, ENOENT, "a folder that exists");
	fails("", ENOENT, "");
	memset(long_name, 'x', 9999);
	long_name[9999] = 0;
	fails(long_name, ENAMETOOLONG, "a new file");
	free(long_name);
	memset(name, 'x', 299);
	name[299] = 0;
	fails(name, ENAMETOOLONG, "a new file");
	assert_int_equal(count_files(), 0);
}

/* A limit stands for a disk that becomes full on the way. */
static void test_no_room(void **state)
{
	struct rlimit old, small = { 1 << 20, RLIM_INFINITY };
	int fd;

	(void)state;
	memset(vm.mem + KAP_PHYS_RAM, 1, FAKE_2M);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	fails(path, EFBIG, "ulimit -f");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(count_files(), 1);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3);
	close(fd);
}

static void test_signal(void **state)
{
	sigset_t set, old;
	int signo;

	(void)state;
	vm.mem[KAP_PHYS_RAM] = 1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGTERM);
	fails(path, EINTR, "stopped by a signal");
	/* the event loop still finds it */
	assert_int_equal(sigwait(&set, &signo), 0);
	assert_int_equal(signo, SIGTERM);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(count_files(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_registers), TEST(test_idle),	     TEST(test_vmcoreinfo),
		TEST(test_memory),    TEST(test_sparse),     TEST(test_too_many_segments),
		TEST(test_replaces),  TEST(test_bad_places), TEST(test_no_room),
		TEST(test_signal),
	};

	/* As the monitor does it. */
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
