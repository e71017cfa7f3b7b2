// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool of shells. A shell is a host process with a keeper, one runner and
 * the stub pages, and nothing else. The zygote forks them, on its own time:
 * a guest that forks or execs takes one from the pool and asks for the next.
 */
#include "engine/direct.h"
#include "lock.h"

#define POOL_LOW 3 /* below this many, the zygote makes one more */
#define POOL_HIGH 16 /* above this many, a shell that comes back is ended */

static struct kap_shell *zygote;
static struct kap_shell *ready; /* come up, empty or being emptied */
static unsigned int nr_ready;
static struct kap_shell *coming; /* being made by the zygote; at most one */
static struct kap_shell *unused; /* memory of shells that were ended */
static struct kap_shell *condemned; /* to be ended when no kernel executes there */
static kap_u32 pool_lock;

/* One block: control page, scratch page, struct kap_shell. */
static struct kap_shell *new_shell(void)
{
	struct kap_shell **link = &unused, *shell;
	struct direct_process *process = NULL;
	char *block;

	while ((shell = *link) && shell->pid && !host_call(HOST_kill, shell->pid, 0))
		link = &shell->next;
	if (shell) {
		*link = shell->next;
		block = (char *)shell->ctl;
		process = shell->direct;
		zero(block, 4 * KAP_PAGE_SIZE);
	} else {
		block = kap_kernel_alloc(2);
		if (!block)
			return NULL;
	}
	_Static_assert(sizeof(*shell) <= 2 * KAP_PAGE_SIZE, "fits the block");
	shell = (struct kap_shell *)(block + 2 * KAP_PAGE_SIZE);
	shell->ctl = (struct stub_ctl *)block;
	shell->scratch = (struct stub_scratch *)(block + KAP_PAGE_SIZE);
	shell->ctl->ok = STUB_ANSWER_OK;
	shell->ctl->failed = STUB_ANSWER_FAILED;
	shell->direct = process;
	if (direct() && !direct_new_process(shell)) {
		shell->next = unused;
		unused = shell;
		return NULL;
	}
	return shell;
}

void shell_start(struct kap_shell *shell)
{
	shell->scratch->failed = 0;
	shell->ctl->nr_ops = shell->nr_ops;
	shell->ctl->reply_fd = -1;
	shell->nr_ops = 0;
	store_release(&shell->ctl->seq, ++shell->seq);
	futex_wake(&shell->ctl->seq);
}

int shell_alive(struct kap_shell *shell)
{
	unsigned int i;

	/*
	 * A traced runner keeps the process in the host's table until it is waited for. This only
	 * looks: another vCPU may be waiting for it. The host tells of stops, too, without
	 * being asked, when it is about a tracee.
	 */
	for (i = 0; !direct() && i < kap_boot_info()->nr_cpus; i++) {
		struct runner *runner = &shell->runner[i];
		struct host_siginfo info = { 0 };
		long ret;

		if (runner->state == RUNNER_STOPPED) {
			ret = host_call(HOST_waitid, HOST_P_PID, runner->tid, &info,
					HOST_WEXITED | HOST_WNOHANG | HOST_WNOWAIT | HOST_WALL);
			if (ret == -HOST_ECHILD ||
			    (!ret && info.signo && info.code <= HOST_CLD_DUMPED))
				runner->state = RUNNER_DEAD;
		}
		if (runner->state == RUNNER_DEAD)
			return 0;
	}
	return !host_call(HOST_kill, shell->pid, 0);
}

/*
 * Traced threads keep the process in the host's table until they are waited for, whoever's runners
 * they are: a vCPU that waits for one of them itself is told that there is none.
 */
void shell_bury(struct kap_shell *shell)
{
	kap_u32 i;
	int status;
	long ret;

	if (!shell->pid)
		return;
	host_call(HOST_kill, shell->pid, HOST_SIGKILL);
	for (i = 0; i < kap_boot_info()->nr_cpus; i++) {
		struct runner *runner = &shell->runner[i];

		if (!runner->tid || runner->state == RUNNER_NONE)
			continue;
		if (direct()) {
			runner->state = RUNNER_DEAD;
			continue;
		}
		do {
			status = 0;
			ret = host_call(HOST_wait4, runner->tid, &status, HOST_WALL);
		} while (ret == -HOST_EINTR || (ret > 0 && stopped(status)));
		runner->state = RUNNER_DEAD;
	}
}

/* Ends a shell; its memory is used again when the host has no such process any more. */
static void shell_end(struct kap_shell *shell)
{
	shell_bury(shell);
	shell->next = unused;
	unused = shell;
}

/* Only while no user code can have touched the scratch page. */
int shell_finish(struct kap_shell *shell)
{
	struct host_timespec ts = { 0, 100000000 };
	kap_u32 done;

	while ((done = load_acquire(&shell->scratch->done)) != shell->seq) {
		futex_wait(&shell->scratch->done, done, &ts);
		if (shell->pid && !shell_alive(shell))
			return -1;
	}
	return shell->scratch->failed == shell->seq ? -1 : 0;
}

static long start_zygote(void)
{
	long pid;

	/* It is to have nothing of a program's. */
	direct_go_home();
	zero(zygote->ctl, KAP_PAGE_SIZE);
	zero(zygote->scratch, KAP_PAGE_SIZE);
	zygote->ctl->ok = STUB_ANSWER_OK;
	zygote->ctl->failed = STUB_ANSWER_FAILED;
	zygote->seq = 0;
	zygote->nr_ops = 0;
	pid = stub_make_zygote(kap_phys(zygote->ctl), kap_phys(zygote->scratch),
			       kap_phys(kap_stub_start), direct());
	if (pid < 0)
		return pid;
	zygote->pid = pid;
	zygote->bound = place_of(this_stack()->cpu);
	shell_op(zygote, HOST_prctl, HOST_PR_SET_PDEATHSIG, HOST_SIGKILL, 0, 0, 0, 0);
	shell_op(zygote, HOST_prctl, HOST_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	shell_op(zygote, HOST_seccomp, HOST_SECCOMP_SET_MODE_FILTER, 0,
		 KAP_STUB_CODE + (stub_filter_prog - kap_stub_start), 0, 0, 0);
	shell_start(zygote);
	return shell_finish(zygote) ? -HOST_EAGAIN : 0;
}

/*
 * Asks the zygote for a shell. The new process finds its first request in its
 * control page: map the scratch page, die with its parent, say its pid, make
 * the first runner.
 */
static void ask_zygote(void)
{
	struct kap_shell *shell;

	if (coming)
		return;
	/* Somebody may have killed it. */
	if (unlikely(!shell_alive(zygote)) && start_zygote())
		return;
	shell = new_shell();
	if (!shell)
		return;
	shell_op(shell, HOST_mmap, KAP_STUB_SCRATCH, KAP_PAGE_SIZE,
		 HOST_PROT_READ | HOST_PROT_WRITE, HOST_MAP_SHARED | HOST_MAP_FIXED, KAP_FD_RAM,
		 kap_phys(shell->scratch));
	shell_op(shell, HOST_prctl, HOST_PR_SET_PDEATHSIG, HOST_SIGKILL, 0, 0, 0, 0);
	shell_op(shell, HOST_getppid, 0, 0, 0, 0, 0, 0);
	shell_op(shell, HOST_getpid, 0, 0, 0, 0, 0, 0);
	if (direct())
		direct_first_ops(shell);
	else
		shell_op(shell, HOST_clone, KEEPER_RUNNER_FLAGS, 0, 0, 0, 0, 0);
	shell->ctl->nr_ops = shell->nr_ops;
	shell->ctl->reply_fd = -1;
	shell->nr_ops = 0;
	shell->ctl->seq = shell->seq = 1;

	zygote->ctl->child_ctl = kap_phys(shell->ctl);
	shell_op(zygote, HOST_clone, HOST_CLONE_PARENT | HOST_SIGCHLD, 0, 0, 0, 0, 0);
	coming = shell;
	shell_start(zygote);
}

/* The shell that the zygote was asked for, once it has come up. */
static struct kap_shell *arrived(int wait, long *err)
{
	struct kap_shell *shell = coming;

	if (!shell)
		return NULL;
	if (!wait && (load_acquire(&zygote->scratch->done) != zygote->seq ||
		      load_acquire(&shell->scratch->done) != 1))
		return NULL;
	coming = NULL;
	if (shell_finish(zygote)) {
		*err = zygote->scratch->result[0] < 0 ? zygote->scratch->result[0] : -HOST_EAGAIN;
		shell->next = unused;
		unused = shell;
		return NULL;
	}
	shell->pid = zygote->scratch->result[0];
	if (shell_finish(shell) || !shell_alive(shell)) {
		*err = -HOST_EAGAIN;
		shell_end(shell);
		return NULL;
	}
	shell->spare_tid = direct() ? 0 : shell->scratch->result[4];
	/* It has the zygote's host CPU, which is none of this vCPU's any more. */
	shell->bound = zygote->bound;
	return shell;
}

/* The one that was used last, which is warm, of those that have been emptied already. */
static struct kap_shell *take_ready(void)
{
	struct kap_shell **link = &ready, *shell;

	while (*link && load_acquire(&(*link)->scratch->done) != (*link)->seq)
		link = &(*link)->next;
	if (!*link)
		link = &ready;
	shell = *link;
	*link = shell->next;
	nr_ready--;
	return shell;
}

struct kap_shell *pool_take(long *err)
{
	struct kap_shell *shell = NULL;
	int tries;

	*err = -HOST_EAGAIN;
	take_lock(&pool_lock);
	while (!shell && ready) {
		shell = take_ready();
		/* Somebody may have killed it while nobody looked. */
		if (shell_finish(shell) || !shell_alive(shell)) {
			shell_end(shell);
			shell = NULL;
		}
	}
	/* Twice, because what was under way may have been killed as well. */
	for (tries = 0; !shell && tries < 2; tries++) {
		ask_zygote();
		shell = arrived(1, err);
	}
	if (nr_ready < POOL_LOW) {
		long ignored;
		struct kap_shell *more = arrived(0, &ignored);

		if (more) {
			more->next = ready;
			ready = more;
			nr_ready++;
		}
		ask_zygote();
	}
	drop_lock(&pool_lock);
	return shell;
}

/* The kernel may still execute in a process that is of no use any more. */
static void bury_condemned(void)
{
	struct kap_shell **link = &condemned, *shell;

	while ((shell = *link)) {
		if (direct_inhabited(shell)) {
			link = &shell->next;
			continue;
		}
		*link = shell->next;
		shell_end(shell);
	}
}

void pool_give(struct kap_shell *shell)
{
	/* Nothing runs there any more: the scratch page can be believed again. */
	shell->scratch->done = shell->seq;
	shell->nr_ops = 0;
	take_lock(&pool_lock);
	bury_condemned();
	if (nr_ready >= POOL_HIGH || shell->retired || !shell_alive(shell)) {
		if (direct() && direct_inhabited(shell)) {
			shell->next = condemned;
			condemned = shell;
		} else {
			shell_end(shell);
		}
	} else {
		shell_queue_empty(shell);
		if (unlikely(shell->table_lost))
			gate_first_ops(shell);
		shell->table_lost = 0;
		shell_start(shell);
		shell->next = ready;
		ready = shell;
		nr_ready++;
	}
	drop_lock(&pool_lock);
}

void pool_setup(void)
{
	static char block[3 * KAP_PAGE_SIZE + sizeof(struct kap_shell)]
		__attribute__((aligned(KAP_PAGE_SIZE)));
	long err;

	/* The kernel's allocator is not up yet: the zygote's block is our own. */
	zygote = (struct kap_shell *)(block + 2 * KAP_PAGE_SIZE);
	zygote->ctl = (struct stub_ctl *)block;
	zygote->scratch = (struct stub_scratch *)(block + KAP_PAGE_SIZE);
	err = start_zygote();
	if (err)
		host_failed("start of the first space", err);
}
