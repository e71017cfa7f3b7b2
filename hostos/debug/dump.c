// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ELF core of the guest: header, program headers, notes, then all of the guest's memory
 * once, at the offset where its physical addresses begin. The segments of vmalloc and modules
 * point into the same bytes.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "debug/dump.h"
#include "debug/info.h"
#include "debug/memory.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define MAX_SEGMENTS (PN_XNUM - 1) /* what the ELF header can count */
#define MAX_VMCOREINFO 65536
#define CHUNK (1u << 20)
#define FIRST_NEWS_NS 2000000000ull
#define NEWS_NS 10000000000ull

/*
 * Idle vCPUs all have pid 0, and gdb takes threads with the same number for one. drgn looks for
 * tasks by pid. So one of them keeps it, that of a panic if it was idle, and the others get numbers
 * above all that a Linux pid can be.
 */
#define IDLE_PID (4 << 20)

struct dump {
	struct vm *vm;
	const char *path; /* as the user wrote it */
	char temporary[PATH_MAX];
	int fd;
	Elf64_Phdr *ph;
	unsigned int nr_ph;
	uint8_t *notes;
	size_t notes_size;
	uint64_t memory; /* file offset of guest-physical address 0 */
	uint8_t *chunk;
	uint64_t next_news_ns, written;
};

static int failed(const struct dump *dump, const char *what, int err, const char *advice)
{
	msg__error("dump '%.300s': %s: %s; %s", dump->path, what, strerror(err), advice);
	return -err;
}

static int failed_write(const struct dump *dump, int err)
{
	const char *advice = "choose another place for it";

	if (err == ENOSPC || err == EDQUOT)
		advice = "make room there, or choose another place for it";
	else if (err == EFBIG)
		advice = "raise the file size limit (ulimit -f)";
	return failed(dump, "writing", err, advice);
}

static int write_at(const struct dump *dump, const void *data, size_t len, uint64_t offset)
{
	const uint8_t *from = data;

	while (len) {
		ssize_t n = pwrite(dump->fd, from, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return failed_write(dump, n < 0 ? errno : EIO);
		from += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* ---- notes --------------------------------------------------------------- */

static int add_note(struct dump *dump, const char *name, uint32_t type, const void *desc,
		    size_t size)
{
	Elf64_Nhdr nh = { .n_namesz = strlen(name) + 1, .n_descsz = size, .n_type = type };
	size_t desc_at = sizeof(nh) + ((nh.n_namesz + 3) & ~3u);
	size_t bytes = desc_at + ((size + 3) & ~(size_t)3);
	uint8_t *notes = realloc(dump->notes, dump->notes_size + bytes);

	if (!notes)
		return failed(dump, "preparing", ENOMEM, "free some memory");
	dump->notes = notes;
	notes += dump->notes_size;
	memset(notes, 0, bytes);
	memcpy(notes, &nh, sizeof(nh));
	memcpy(notes + sizeof(nh), name, nh.n_namesz);
	memcpy(notes + desc_at, desc, size);
	dump->notes_size += bytes;
	return 0;
}

static void read_registers(struct vm *vm, unsigned int cpu, struct kap_regs *regs)
{
	const struct kap_vcpu *vcpu = vm__vcpu(vm, cpu);

	if (__atomic_load_n(&vcpu->park.parked, __ATOMIC_ACQUIRE))
		*regs = vcpu->park.regs;
	else if (__atomic_load_n(&vcpu->saved_valid, __ATOMIC_ACQUIRE))
		*regs = vcpu->saved;
	else
		memset(regs, 0, sizeof(*regs));
}

static bool is_on(struct vm *vm, unsigned int cpu)
{
	return __atomic_load_n(&vm__vcpu(vm, cpu)->state, __ATOMIC_RELAXED) != KAP_VCPU_OFF;
}

/* The number of each vCPU's thread; -1: the vCPU is off. */
static void number_vcpus(struct vm *vm, int32_t numbers[KAP_MAX_VCPUS])
{
	unsigned int nr = vm->nr_cpus, idle = nr;

	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		int32_t pid = info__pid(vm, cpu);

		numbers[cpu] = -1;
		if (!is_on(vm, cpu))
			continue;
		if (!pid && (idle == nr || vm__vcpu(vm, cpu)->park.why == KAP_PARK_PANIC))
			idle = cpu;
		for (unsigned int other = 0; other < cpu; other++)
			if (numbers[other] == pid)
				pid = -1;
		numbers[cpu] = pid > 0 ? pid : IDLE_PID + (int32_t)cpu;
	}
	if (idle < nr)
		numbers[idle] = 0;
}

static int add_registers(struct dump *dump)
{
	struct vm *vm = dump->vm;
	int32_t numbers[KAP_MAX_VCPUS];
	int err = 0;

	number_vcpus(vm, numbers);
	for (unsigned int cpu = 0; cpu < (unsigned int)vm->nr_cpus && !err; cpu++) {
		struct elf_prstatus status = { .pr_pid = numbers[cpu] };
		struct kap_regs regs;

		_Static_assert(sizeof(status.pr_reg) == sizeof(regs), "same registers");
		if (numbers[cpu] < 0)
			continue;
		read_registers(vm, cpu, &regs);
		memcpy(&status.pr_reg, &regs, sizeof(regs));
		err = add_note(dump, "CORE", NT_PRSTATUS, &status, sizeof(status));
	}
	return err;
}

static int add_vmcoreinfo(struct dump *dump)
{
	const struct kap_guest_info *told = &vm__ctl(dump->vm)->info;
	uint64_t size = __atomic_load_n(&told->vmcoreinfo_size, __ATOMIC_RELAXED);
	uint64_t phys = __atomic_load_n(&told->vmcoreinfo, __ATOMIC_RELAXED);
	const void *text;

	if (!size || size > MAX_VMCOREINFO)
		return 0;
	text = vm__ram(dump->vm, phys, size);
	return text ? add_note(dump, "VMCOREINFO", 0, text, size) : 0;
}

/* ---- segments ------------------------------------------------------------ */

/* p_offset counts from guest-physical 0 until everything is placed. */
static bool add_segment(uint64_t addr, uint64_t phys, uint64_t len, void *arg)
{
	struct dump *dump = arg;

	if (dump->nr_ph == MAX_SEGMENTS)
		return false;
	dump->ph[dump->nr_ph++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = phys,
		.p_vaddr = addr,
		.p_paddr = phys,
		.p_filesz = len,
		.p_memsz = len,
		.p_align = KAP_PAGE_SIZE,
	};
	return true;
}

static int plan(struct dump *dump)
{
	struct vm *vm = dump->vm;
	uint64_t headers;
	int err;

	dump->ph = calloc(MAX_SEGMENTS, sizeof(*dump->ph));
	dump->chunk = malloc(CHUNK);
	if (!dump->ph || !dump->chunk)
		return failed(dump, "preparing", ENOMEM, "free some memory");
	err = add_registers(dump);
	if (!err)
		err = add_vmcoreinfo(dump);
	if (err)
		return err;

	dump->ph[dump->nr_ph++].p_type = PT_NOTE;
	add_segment(KAP_WINDOW, 0, vm->mem_bytes, dump);
	if (!memory__kernel_runs(vm, KAP_MODULES_START, KAP_MODULES_END, add_segment, dump) ||
	    !memory__kernel_runs(vm, KAP_VMALLOC_START, KAP_VMALLOC_END, add_segment, dump))
		msg__note("dump '%.300s': the guest's vmalloc area is in too many pieces: those "
			  "behind the first %u are missing from it",
			  dump->path, dump->nr_ph - 2);

	headers = sizeof(Elf64_Ehdr) + dump->nr_ph * sizeof(Elf64_Phdr);
	dump->ph[0].p_offset = headers;
	dump->ph[0].p_filesz = dump->notes_size;
	dump->ph[0].p_align = 4;
	dump->memory = (headers + dump->notes_size + KAP_PAGE_SIZE - 1) & -(uint64_t)KAP_PAGE_SIZE;
	for (unsigned int i = 1; i < dump->nr_ph; i++)
		dump->ph[i].p_offset += dump->memory;
	return 0;
}

static int write_headers(struct dump *dump)
{
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT, ELFOSABI_NONE },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = dump->nr_ph,
	};
	int err = write_at(dump, &eh, sizeof(eh), 0);

	if (!err)
		err = write_at(dump, dump->ph, dump->nr_ph * sizeof(*dump->ph), sizeof(eh));
	if (!err)
		err = write_at(dump, dump->notes, dump->notes_size, dump->ph[0].p_offset);
	return err;
}

/* ---- memory -------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Tells how far it is, and whether the user wants it no more: the event loop stands meanwhile. */
static int look_up(struct dump *dump, uint64_t done)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	uint64_t now = now_ns();
	sigset_t pending;

	if (now >= dump->next_news_ns) {
		msg__note("dump '%.300s': %llu of %llu MiB of guest memory looked at, %llu MiB "
			  "written",
			  dump->path, (unsigned long long)(done >> 20),
			  (unsigned long long)(dump->vm->mem_bytes >> 20),
			  (unsigned long long)(dump->written >> 20));
		dump->next_news_ns = now + NEWS_NS;
	}
	if (sigpending(&pending) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigismember(&pending, ends[i]) == 1)
			return failed(dump, "stopped by a signal", EINTR, "nothing was written");
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, KAP_PAGE_SIZE - 1);
}

/* Writes the pages of the chunk that are not all zeroes; the others stay holes. */
static int write_chunk(struct dump *dump, uint64_t phys, size_t len)
{
	size_t at = 0, end;
	int err = 0;

	while (at < len && !err) {
		if (is_zero(dump->chunk + at)) {
			at += KAP_PAGE_SIZE;
			continue;
		}
		for (end = at + KAP_PAGE_SIZE; end < len && !is_zero(dump->chunk + end);)
			end += KAP_PAGE_SIZE;
		err = write_at(dump, dump->chunk + at, end - at, dump->memory + phys + at);
		dump->written += end - at;
		at = end;
	}
	return err;
}

/* Reading by the file takes no memory for pages that the guest has never touched. */
static int read_chunk(struct dump *dump, uint64_t phys, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(dump->vm->ram_fd, dump->chunk + done, len - done, phys + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return failed(dump, "reading guest memory", n < 0 ? errno : EIO,
				      "free some memory of the host");
		done += n;
	}
	return 0;
}

static int write_memory(struct dump *dump)
{
	uint64_t bytes = dump->vm->mem_bytes, phys = 0;
	int err = 0;

	while (phys < bytes && !err) {
		off_t data = lseek(dump->vm->ram_fd, phys, SEEK_DATA);
		size_t len = CHUNK;

		if (data < 0 && errno == ENXIO)
			break;
		/* Data may begin in the middle of a large page of the host. */
		if (data > 0 && (uint64_t)data > phys)
			phys = (uint64_t)data & -(uint64_t)KAP_PAGE_SIZE;
		if (len > bytes - phys)
			len = bytes - phys;
		err = read_chunk(dump, phys, len);
		if (!err)
			err = write_chunk(dump, phys, len);
		if (!err)
			err = look_up(dump, phys + len);
		phys += len;
	}
	return err;
}

/* ---- the file ------------------------------------------------------------ */

/* Beside the file that it becomes; where that is a link, beside what it shows to. */
static int open_temporary(struct dump *dump, char *target)
{
	struct stat st;

	if (!realpath(dump->path, target)) {
		if (errno != ENOENT || strlen(dump->path) >= PATH_MAX)
			return failed(dump, "opening", errno, "give the name of a new file");
		strcpy(target, dump->path);
	} else if (!stat(target, &st) && !S_ISREG(st.st_mode)) {
		return failed(dump, "it is there and is no file",
			      S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "give the name of a new file");
	}
	if (snprintf(dump->temporary, sizeof(dump->temporary), "%s.XXXXXX", target) >=
	    (int)sizeof(dump->temporary))
		return failed(dump, "opening", ENAMETOOLONG, "give a shorter name");
	dump->fd = mkostemp(dump->temporary, O_CLOEXEC);
	if (dump->fd < 0)
		return failed(dump, "creating it", errno,
			      "give a file in a folder that exists and that you may write to");
	return 0;
}

/* A name is on disk when its folder is. File systems that can't say are believed. */
static int sync_folder(const struct dump *dump, const char *target)
{
	char copy[PATH_MAX];
	int fd, err = 0;

	strcpy(copy, target);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fsync(fd) < 0 && errno != EINVAL)
		err = failed_write(dump, errno);
	close(fd);
	return err;
}

static int write_file(struct dump *dump)
{
	int err = write_headers(dump);

	if (!err)
		err = write_memory(dump);
	if (!err && ftruncate(dump->fd, dump->memory + dump->vm->mem_bytes) < 0)
		err = failed_write(dump, errno);
	if (!err && fsync(dump->fd) < 0)
		err = failed_write(dump, errno);
	return err;
}

int dump__write(struct vm *vm, const char *path)
{
	struct dump dump = { .vm = vm, .path = path, .fd = -1 };
	char target[PATH_MAX];
	int err = open_temporary(&dump, target);

	if (err)
		return err;
	dump.next_news_ns = now_ns() + FIRST_NEWS_NS;
	err = plan(&dump);
	if (!err)
		err = write_file(&dump);
	if (close(dump.fd) < 0 && !err)
		err = failed_write(&dump, errno);
	if (!err && rename(dump.temporary, target) < 0)
		err = failed(&dump, "giving it its name", errno, "choose another place for it");
	if (err)
		unlink(dump.temporary);
	else
		err = sync_folder(&dump, target);
	free(dump.ph);
	free(dump.notes);
	free(dump.chunk);
	return err;
}
