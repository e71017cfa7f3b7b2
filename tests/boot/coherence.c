// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: coherence SECONDS [THREADS [SEED]]
 *
 * A torture of address translation: threads map, unmap, protect and fork at random, and check every
 * byte that they see. What a thread may see of a slot is said by the slot's state; a thread
 * that finds the state unchanged after its access must have seen just that. So an
 * old mapping that another CPU still uses shows as memory that should not be there, as a write that
 * should have failed, or as bytes of somebody else. The first of those ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096
#define SLOTS		24
#define SLOT_PAGES	8
#define SLOT_SIZE	(SLOT_PAGES * PAGE)
#define MAX_THREADS	64

enum state { ABSENT, READ_ONLY, WRITABLE };

/* Even: settled. Who changes a slot makes seq odd first. */
static struct slot {
	_Atomic uint32_t seq;
	_Atomic uint32_t state;
	_Atomic uint32_t pattern;
} slots[SLOTS];

static uint8_t *base;
static atomic_bool over;
static _Atomic uint64_t looks, changes, forks, failures;
static sem_t failed;
static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t armed;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!armed) {
		fprintf(stderr, "unexpected signal %d at %p\n", sig, info->si_addr);
		_exit(3);
	}
	siglongjmp(back, 1);
}

static uint32_t pick(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static uint8_t *slot_at(int n)
{
	/* A gap between slots, so that they don't become one mapping. */
	return base + (size_t)n * (SLOT_SIZE + 4 * PAGE);
}

static void fail(const char *what, int n, uint32_t want, uint32_t got)
{
	if (atomic_fetch_add(&failures, 1) < 10)
		fprintf(stderr, "FAIL %s: slot %d, wanted %x, got %x\n", what, n, want, got);
	sem_post(&failed);
}

/* All words of a slot's first to last page; true when nothing faulted. */
static bool read_slot(int n, uint32_t pattern, bool *equal, uint32_t *got)
{
	volatile uint32_t *p = (volatile uint32_t *)slot_at(n);

	*equal = true;
	if (sigsetjmp(back, 1)) {
		armed = 0;
		return false;
	}
	armed = 1;
	for (int i = 0; i < SLOT_SIZE / 4; i += 64) {
		uint32_t word = p[i];

		if (word != pattern) {
			*equal = false;
			*got = word;
		}
	}
	armed = 0;
	return true;
}

static bool write_slot(int n, uint32_t value)
{
	volatile uint32_t *p = (volatile uint32_t *)slot_at(n);

	if (sigsetjmp(back, 1)) {
		armed = 0;
		return false;
	}
	armed = 1;
	/* Words that nobody compares. */
	for (int i = 1; i < SLOT_SIZE / 4; i += PAGE / 4)
		p[i] = value;
	armed = 0;
	return true;
}

static void look(uint32_t *seed)
{
	int n = pick(seed) % SLOTS;
	struct slot *slot = &slots[n];
	uint32_t seq = atomic_load(&slot->seq);
	uint32_t state = atomic_load(&slot->state);
	uint32_t pattern = atomic_load(&slot->pattern);
	uint32_t got = 0;
	bool equal, there, written, write = pick(seed) & 1;

	if (seq & 1)
		return;
	if (write)
		written = write_slot(n, *seed);
	else
		there = read_slot(n, pattern, &equal, &got);
	if (atomic_load(&slot->seq) != seq)
		return;
	atomic_fetch_add(&looks, 1);
	if (write && written != (state == WRITABLE))
		fail("write", n, state == WRITABLE, written);
	if (!write && there != (state != ABSENT))
		fail("presence", n, state != ABSENT, there);
	if (!write && there && !equal)
		fail("content", n, pattern, got);
}

static void fill(int n, uint32_t pattern)
{
	uint32_t *p = (uint32_t *)slot_at(n);

	for (int i = 0; i < SLOT_SIZE / 4; i++)
		p[i] = pattern;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(4);
}

static void change(uint32_t *seed)
{
	int n = pick(seed) % SLOTS;
	struct slot *slot = &slots[n];
	uint32_t seq = atomic_load(&slot->seq), state = pick(seed) % 3, pattern;

	if ((seq & 1) || !atomic_compare_exchange_strong(&slot->seq, &seq, seq + 1))
		return;
	pattern = atomic_load(&slot->pattern);
	if (state == ABSENT) {
		if (pick(seed) & 1)
			must(!munmap(slot_at(n), SLOT_SIZE), "munmap");
		else
			must(mmap(slot_at(n), SLOT_SIZE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
			     "mmap PROT_NONE");
	} else if (atomic_load(&slot->state) == ABSENT || (pick(seed) & 1)) {
		pattern = pick(seed);
		must(mmap(slot_at(n), SLOT_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
		     "mmap");
		fill(n, pattern);
		if (state == READ_ONLY)
			must(!mprotect(slot_at(n), SLOT_SIZE, PROT_READ), "mprotect");
	} else {
		must(!mprotect(slot_at(n), SLOT_SIZE,
			       PROT_READ | (state == WRITABLE ? PROT_WRITE : 0)),
		     "mprotect");
	}
	atomic_store(&slot->pattern, pattern);
	atomic_store(&slot->state, state);
	atomic_store(&slot->seq, seq + 2);
	atomic_fetch_add(&changes, 1);
}

/*
 * The child must see the page as it was at one moment: while the parent's other threads
 * write into it, it must not change any more.
 */
static _Atomic uint64_t *scribble;

static void *scribbler(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		for (int i = 0; i < 8; i++)
			atomic_fetch_add(&scribble[i * PAGE / 8], 1);
	return NULL;
}

static int child(void)
{
	uint64_t first[8];

	for (int i = 0; i < 8; i++)
		first[i] = scribble[i * PAGE / 8];
	for (int round = 0; round < 2000; round++)
		for (int i = 0; i < 8; i++)
			if (scribble[i * PAGE / 8] != first[i])
				return 1;
	for (int i = 0; i < 8; i++)
		scribble[i * PAGE / 8] = 0;
	for (int i = 0; i < 8; i++)
		if (scribble[i * PAGE / 8])
			return 1;
	return 0;
}

static void fork_once(void)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (!pid)
		_exit(child());
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status)
		fail("child of a fork sees its parent's writes", -1, 0, status);
	atomic_fetch_add(&forks, 1);
}

static void *worker(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (!atomic_load(&over)) {
		uint32_t what = pick(&seed) % 512;

		if (!what)
			fork_once();
		else if (what < 100)
			change(&seed);
		else
			look(&seed);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	int seconds = argc > 1 ? atoi(argv[1]) : 10;
	int nr = argc > 2 ? atoi(argv[2]) : 4;
	uint32_t seed = argc > 3 ? (uint32_t)atol(argv[3]) : (uint32_t)time(NULL);
	pthread_t threads[MAX_THREADS + 1];
	struct timespec end;

	if (nr < 1 || nr > MAX_THREADS)
		return 2;
	sem_init(&failed, 0, 0);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	base = mmap(NULL, SLOTS * (SLOT_SIZE + 4 * PAGE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	must(base != MAP_FAILED, "mmap");
	scribble = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(scribble != MAP_FAILED, "mmap");
	printf("# %d threads, seed %u\n", nr, seed);
	for (int i = 0; i < nr; i++)
		must(!pthread_create(&threads[i], NULL, worker,
				     (void *)(uintptr_t)(seed + i * 7919 + 1)),
		     "thread");
	must(!pthread_create(&threads[nr], NULL, scribbler, NULL), "thread");
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += seconds;
	while (sem_timedwait(&failed, &end) && errno == EINTR)
		;
	atomic_store(&over, true);
	for (int i = 0; i <= nr; i++)
		pthread_join(threads[i], NULL);
	printf("looks %lu changes %lu forks %lu failures %lu\n", looks, changes, forks, failures);
	return failures || !looks || !changes;
}
