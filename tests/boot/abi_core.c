// SPDX-License-Identifier: GPL-2.0-only
/*
 * Core dumps: a program with two threads dies of a signal, and everything that a debugger wants
 * is in the file: registers of both, vector state, signal, files, memory.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/user.h>

#include "abi.h"

#define MARK	0x600dc0de12345678UL

static char pattern[8192] __attribute__((aligned(4096)));
static const uint64_t vector[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
static pthread_barrier_t barrier;

static void *other_thread(void *arg)
{
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return arg;
}

static void die(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_t thread;

	setrlimit(RLIMIT_CORE, &limit);
	memset(pattern, 0xa5, sizeof(pattern));
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, other_thread, NULL))
		_exit(1);
	pthread_barrier_wait(&barrier);
	asm volatile("movdqu %0, %%xmm9\n\tmov %1, %%r15\n\tmovl $0, 0x10" ::"m"(vector), "r"(MARK)
		     : "r15", "xmm9", "memory");
}

/* The core of the process in this folder: "core" or "core.PID". */
static const char *open_core(pid_t pid, size_t *size)
{
	char name[32];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "core.%d", pid);
	fd = open("core", O_RDONLY);
	if (fd < 0)
		fd = open(name, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	unlink("core");
	unlink(name);
	*size = st.st_size;
	return mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
}

struct notes {
	int threads, infos, fpregs, xstates;
	const struct elf_prstatus *first;
	const struct elf_prpsinfo *psinfo;
	const siginfo_t *siginfo;
	const struct user_fpregs_struct *fp;
	const char *xstate;
	size_t auxv, file, xstate_size;
};

static void collect(struct notes *n, const char *p, size_t size)
{
	const char *end = p + size;

	while (p + sizeof(Elf64_Nhdr) <= end) {
		const Elf64_Nhdr *note = (void *)p;
		const char *desc = p + sizeof(*note) + ((note->n_namesz + 3) & ~3U);

		p = desc + ((note->n_descsz + 3) & ~3U);
		switch (note->n_type) {
		case NT_PRSTATUS:
			if (!n->threads++)
				n->first = (void *)desc;
			break;
		case NT_FPREGSET:
			if (!n->fpregs++)
				n->fp = (void *)desc;
			break;
		case NT_X86_XSTATE:
			if (!n->xstates++) {
				n->xstate = desc;
				n->xstate_size = note->n_descsz;
			}
			break;
		case NT_PRPSINFO:
			n->psinfo = (void *)desc;
			break;
		case NT_SIGINFO:
			n->siginfo = (void *)desc;
			break;
		case NT_AUXV:
			n->auxv = note->n_descsz;
			break;
		case NT_FILE:
			n->file = note->n_descsz;
			break;
		}
	}
}

/* Memory of the dead process, from the file. */
static const char *memory(const char *core, size_t size, const void *addr, size_t len)
{
	const Elf64_Ehdr *ehdr = (void *)core;
	const Elf64_Phdr *phdr = (void *)(core + ehdr->e_phoff);
	uintptr_t at = (uintptr_t)addr;
	int i;

	for (i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD && at >= phdr[i].p_vaddr &&
		    at + len <= phdr[i].p_vaddr + phdr[i].p_filesz &&
		    phdr[i].p_offset + phdr[i].p_filesz <= size)
			return core + phdr[i].p_offset + (at - phdr[i].p_vaddr);
	}
	return NULL;
}

static void inspect(const char *core, size_t size, pid_t pid)
{
	const Elf64_Ehdr *ehdr = (void *)core;
	const Elf64_Phdr *phdr = (void *)(core + ehdr->e_phoff);
	const struct user_regs_struct *regs;
	const char *page, *stack;
	struct notes n = { 0 };
	int i;

	check(size > sizeof(*ehdr) && !memcmp(ehdr->e_ident, ELFMAG, SELFMAG) &&
		      ehdr->e_type == ET_CORE && ehdr->e_machine == EM_X86_64,
	      "it is an x86-64 core");
	for (i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_type == PT_NOTE)
			collect(&n, core + phdr[i].p_offset, phdr[i].p_filesz);
	check(n.threads == 2 && n.fpregs == 2 && n.xstates == 2, "it has both threads");
	if (!check(n.first && n.psinfo && n.siginfo && n.fp && n.xstate && n.auxv && n.file,
		   "it has all kinds of notes"))
		return;
	regs = (void *)&n.first->pr_reg;
	check(n.first->pr_pid == pid && n.first->pr_cursig == SIGSEGV, "thread and signal");
	check(regs->r15 == MARK && regs->cs == 0x33 && regs->ss == 0x2b, "registers");
	check(regs->fs_base != 0, "the thread pointer");
	check(!strncmp(n.psinfo->pr_fname, "abi_core", 8) && n.psinfo->pr_pid == pid &&
		      n.psinfo->pr_ppid == getpid(),
	      "name and parent");
	check(n.siginfo->si_signo == SIGSEGV && n.siginfo->si_code == SEGV_MAPERR &&
		      n.siginfo->si_addr == (void *)0x10,
	      "the signal's information");
	check(!memcmp((char *)n.fp->xmm_space + 9 * 16, vector, 16), "xmm registers");
	check(n.xstate_size >= 576 && !memcmp(n.xstate + 160 + 9 * 16, vector, 16) &&
		      (*(uint64_t *)(n.xstate + 464) & 3) == 3,
	      "xstate, with its features");
	page = memory(core, size, pattern, sizeof(pattern));
	check(page && page[0] == (char)0xa5 && page[sizeof(pattern) - 1] == (char)0xa5, "memory");
	stack = memory(core, size, (void *)regs->rsp, 64);
	check(stack != NULL, "the stack");
}

int main(void)
{
	char dir[] = "/tmp/core.XXXXXX", how[128] = "";
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
	const char *core;
	size_t size = 0;
	int status = -1;
	pid_t pid;

	if (!file || !fgets(how, sizeof(how), file) || strcmp(how, "core\n")) {
		printf("skip - core dumps: core_pattern is not \"core\"\n");
		return check_end();
	}
	if (!mkdtemp(dir) || chdir(dir)) {
		printf("skip - core dumps: no folder for them\n");
		return check_end();
	}
	pid = fork();
	if (!pid) {
		die();
		_exit(1);
	}
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && WCOREDUMP(status),
	      "the status tells of a core dump");
	core = open_core(pid, &size);
	if (check(core && core != MAP_FAILED, "the core is there"))
		inspect(core, size, pid);
	if (chdir("/") || rmdir(dir))
		note("%s: %s", dir, strerror(errno));
	return check_end();
}
