// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads that do disk input and output. They touch guest memory only through
 * the iovecs of a job (system calls, which answer EFAULT where a program would get a
 * signal), and nothing of the monitor but the two lists below.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "dev/blk_io.h"
#include "vm/loop.h"

#define MAX_THREADS	4
#define THREAD_STACK	(64 * 1024)
#define ZERO_CHUNK	(64 * 1024)

static const uint8_t zeroes[ZERO_CHUNK];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_came = PTHREAD_COND_INITIALIZER;
static pthread_cond_t work_ended = PTHREAD_COND_INITIALIZER;
static struct blk_job *todo, **todo_end = &todo;
static struct blk_job *finished, **finished_end = &finished;
static pthread_t threads[MAX_THREADS];
static unsigned int nr_threads, nr_idle, nr_unfinished, nr_todo;
static bool ending;

static int event_fd = -1;
static unsigned int users;

static void append(struct blk_job ***end, struct blk_job *job)
{
	job->next = NULL;
	**end = job;
	*end = &job->next;
}

/* ---- what the threads do ----------------------------------------------- */

static void advance(struct blk_job *job, size_t bytes)
{
	job->offset += bytes;
	while (job->nr_iov && bytes >= job->iov->iov_len) {
		bytes -= job->iov->iov_len;
		job->iov++;
		job->nr_iov--;
	}
	if (bytes) {
		job->iov->iov_base = (uint8_t *)job->iov->iov_base + bytes;
		job->iov->iov_len -= bytes;
	}
}

static int transfer(struct blk_job *job)
{
	while (job->nr_iov) {
		ssize_t n = job->op == BLK_READ ?
			    preadv(job->fd, job->iov, job->nr_iov, job->offset) :
			    pwritev(job->fd, job->iov, job->nr_iov, job->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)	/* the image has become shorter */
			return EIO;
		advance(job, n);
	}
	return 0;
}

static int write_zeroes(int fd, uint64_t offset, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = pwrite(fd, zeroes, bytes < ZERO_CHUNK ? bytes : ZERO_CHUNK, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		offset += n;
		bytes -= n;
	}
	return 0;
}

static int try_fallocate(int fd, int mode, const struct blk_range *range)
{
	int err;

	do {
		err = fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, range->offset, range->bytes);
	} while (err && errno == EINTR);
	return err ? errno : 0;
}

static bool cannot(int err)
{
	return err == EOPNOTSUPP || err == ENOSYS || err == ENODEV || err == EINVAL;
}

static int clear(struct blk_job *job)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < job->nr_ranges && !err; i++) {
		const struct blk_range *range = &job->ranges[i];

		if (range->bytes == 0)
			continue;
		if (job->op == BLK_DISCARD) {
			err = try_fallocate(job->fd, FALLOC_FL_PUNCH_HOLE, range);
			if (cannot(err))
				err = 0;
			continue;
		}
		err = EOPNOTSUPP;
		if (range->may_unmap)
			err = try_fallocate(job->fd, FALLOC_FL_PUNCH_HOLE, range);
		if (cannot(err))
			err = try_fallocate(job->fd, FALLOC_FL_ZERO_RANGE, range);
		if (cannot(err))
			err = write_zeroes(job->fd, range->offset, range->bytes);
	}
	return err;
}

static void carry_out(struct blk_job *job)
{
	switch (job->op) {
	case BLK_READ:
	case BLK_WRITE:
		job->error = transfer(job);
		break;
	case BLK_FLUSH:
		job->error = fdatasync(job->fd) ? errno : 0;
		break;
	case BLK_DISCARD:
	case BLK_ZERO:
		job->error = clear(job);
		break;
	}
}

static void tell_loop(void)
{
	static const uint64_t one = 1;

	/* Fails only when the counter is full: then the loop will wake up anyway. */
	if (write(event_fd, &one, sizeof(one)) < 0)
		return;
}

static void *thread_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct blk_job *job = todo;

		if (!job) {
			if (ending)
				break;
			nr_idle++;
			pthread_cond_wait(&work_came, &lock);
			nr_idle--;
			continue;
		}
		todo = job->next;
		nr_todo--;
		if (!todo)
			todo_end = &todo;
		pthread_mutex_unlock(&lock);
		carry_out(job);
		pthread_mutex_lock(&lock);
		append(&finished_end, job);
		if (--nr_unfinished == 0)
			pthread_cond_broadcast(&work_ended);
		tell_loop();
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* ---- the event loop's side --------------------------------------------- */

/* Threads come with the first work: the monitor has only one while it starts the guest. */
static void start_thread(void)
{
	sigset_t all, old;
	pthread_attr_t attr;

	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (pthread_create(&threads[nr_threads], &attr, thread_main, NULL) == 0)
		nr_threads++;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void deliver(void)
{
	struct blk_job *job;

	pthread_mutex_lock(&lock);
	job = finished;
	finished = NULL;
	finished_end = &finished;
	pthread_mutex_unlock(&lock);

	while (job) {
		struct blk_job *next = job->next;

		job->done(job);
		job = next;
	}
}

static void event_came(int fd, uint32_t events, void *arg)
{
	uint64_t count;

	(void)events;
	(void)arg;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		deliver();
}

int blk_io__open(void)
{
	int err;

	if (users++)
		return 0;
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = event_fd < 0 ? -errno : loop__add_fd(event_fd, EPOLLIN, event_came, NULL);
	if (err) {
		if (event_fd >= 0)
			close(event_fd);
		event_fd = -1;
		users = 0;
	}
	return err;
}

void blk_io__close(void)
{
	unsigned int i;

	if (--users)
		return;
	pthread_mutex_lock(&lock);
	ending = true;
	pthread_cond_broadcast(&work_came);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	nr_threads = 0;
	ending = false;
	loop__del_fd(event_fd);
	close(event_fd);
	event_fd = -1;
}

bool blk_io__read_now(struct blk_job *job)
{
	ssize_t n = preadv2(job->fd, job->iov, job->nr_iov, job->offset, RWF_NOWAIT);

	/* Errors too: the thread will meet them again and report them. */
	if (n <= 0)
		return false;
	advance(job, n);
	if (job->nr_iov)
		return false;
	job->error = 0;
	return true;
}

void blk_io__submit(struct blk_job *job)
{
	bool none;

	pthread_mutex_lock(&lock);
	if (nr_todo >= nr_idle && nr_threads < MAX_THREADS)
		start_thread();
	none = nr_threads == 0;
	if (!none) {
		append(&todo_end, job);
		nr_todo++;
		nr_unfinished++;
		pthread_cond_signal(&work_came);
	}
	pthread_mutex_unlock(&lock);
	if (!none)
		return;

	/* The host allows no thread: slower, but it works. */
	carry_out(job);
	pthread_mutex_lock(&lock);
	append(&finished_end, job);
	pthread_mutex_unlock(&lock);
	tell_loop();
}

void blk_io__wait(void)
{
	pthread_mutex_lock(&lock);
	while (nr_unfinished)
		pthread_cond_wait(&work_ended, &lock);
	pthread_mutex_unlock(&lock);
	deliver();
}
