// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that take another one's place: what is executed is what the file has now, also where the
 * kernel kept something of the one before.
 */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define BASE 0x400000
#define ROUNDS 25
#define RUNS 4

/* Calls getpid() often enough to be noticed, then ends with the status. */
static const unsigned char code[] = {
	0xbb, 20,   0, 0, 0, /* mov $20,%ebx */
	0xb8, 39,   0, 0, 0, 0x0f, 0x05, /* 1: mov $39,%eax; syscall */
	0xff, 0xcb, /* dec %ebx */
	0x75, 0xf5, /* jnz 1b */
	0xb8, 60,   0, 0, 0, /* mov $60,%eax */
	0xbf, 0,    0, 0, 0, 0x0f, 0x05, /* mov $status,%edi; syscall */
};
#define STATUS_AT 22

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned char code[sizeof(code)];
};

static void make(struct image *image, int status)
{
	memset(image, 0, sizeof(*image));
	memcpy(image->header.e_ident, ELFMAG, SELFMAG);
	image->header.e_ident[EI_CLASS] = ELFCLASS64;
	image->header.e_ident[EI_DATA] = ELFDATA2LSB;
	image->header.e_ident[EI_VERSION] = EV_CURRENT;
	image->header.e_type = ET_EXEC;
	image->header.e_machine = EM_X86_64;
	image->header.e_version = EV_CURRENT;
	image->header.e_entry = BASE + offsetof(struct image, code);
	image->header.e_phoff = offsetof(struct image, segment);
	image->header.e_ehsize = sizeof(image->header);
	image->header.e_phentsize = sizeof(image->segment);
	image->header.e_phnum = 1;
	image->segment.p_type = PT_LOAD;
	image->segment.p_flags = PF_R | PF_X;
	image->segment.p_vaddr = BASE;
	image->segment.p_filesz = sizeof(*image);
	image->segment.p_memsz = sizeof(*image);
	image->segment.p_align = 4096;
	memcpy(image->code, code, sizeof(code));
	image->code[STATUS_AT] = status;
}

static bool put(const char *path, int flags, int status)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0700);
	struct image image;
	bool done;

	make(&image, status);
	done = fd >= 0 && write(fd, &image, sizeof(image)) == sizeof(image);
	if (fd >= 0)
		close(fd);
	return done;
}

static int run(const char *path)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How many runs did not end as the file says. */
static int wrong_runs(const char *path, bool anew, int flags)
{
	int wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int status = round + 1;

		if (anew)
			unlink(path);
		if (!put(path, flags, status))
			return -1;
		for (int i = 0; i < RUNS; i++)
			wrong += run(path) != status;
	}
	unlink(path);
	return wrong;
}

int main(void)
{
	char path[] = "/tmp/kap-exec.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0) {
		perror(path);
		return 1;
	}
	close(fd);
	check(!wrong_runs(path, true, O_EXCL), "a new file in the place of an old one");
	check(!wrong_runs(path, false, O_TRUNC), "a file that is written anew");
	check(!wrong_runs(path, false, 0), "a file that is written over");
	return check_end();
}
