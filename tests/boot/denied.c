// SPDX-License-Identifier: GPL-2.0-only
/*
 * denied CALL PROGRAM [ARGS...]: runs a program under a seccomp filter that answers one
 * system call with EPERM, as the filters of containers do. Needs no privileges.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int nr;
} calls[] = {
	{ "ptrace", SYS_ptrace },
	{ "memfd_create", SYS_memfd_create },
	{ "io_uring_setup", SYS_io_uring_setup },
	{ "userfaultfd", SYS_userfaultfd },
	{ "unshare", SYS_unshare },
	{ "close_range", SYS_close_range },
	{ "rseq", SYS_rseq },
	{ "prlimit64", SYS_prlimit64 },
	{ "getrandom", SYS_getrandom },
	{ "seccomp", SYS_seccomp },
	{ "clone3", SYS_clone3 },
};

static int find(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].nr;
	return -1;
}

int main(int argc, char **argv)
{
	int nr = argc > 2 ? find(argv[1]) : -1;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (nr < 0) {
		fprintf(stderr, "usage: denied CALL PROGRAM [ARGS...]\n");
		return 98;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("denied: seccomp");
		return 98;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 98;
}
