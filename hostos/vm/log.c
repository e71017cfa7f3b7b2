// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log ring. The guest can write both counters, so the monitor trusts only its own copy of
 * tail, and of head only what makes sense.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/log.h"
#include "vm/msg.h"
#include "vm/vm.h"

#define KEPT_SIZE 65536

static char kept[KEPT_SIZE];
static uint64_t kept_total;
static uint32_t tail;

void log__drain(struct vm *vm)
{
	struct kap_log *log = vm__log(vm);
	uint32_t head = __atomic_load_n(&log->head, __ATOMIC_ACQUIRE);
	uint32_t n = head - tail;

	if (!n)
		return;
	if (n > KAP_LOG_SIZE) {
		tail = head - KAP_LOG_SIZE;
		n = KAP_LOG_SIZE;
	}
	while (n) {
		char copy[4096];
		uint32_t at = tail % KAP_LOG_SIZE;
		uint32_t part = n < sizeof(copy) ? n : sizeof(copy);

		if (part > KAP_LOG_SIZE - at)
			part = KAP_LOG_SIZE - at;
		memcpy(copy, log->data + at, part);
		log__add(copy, part);
		tail += part;
		n -= part;
	}
	__atomic_store_n(&log->tail, tail, __ATOMIC_RELEASE);
	syscall(SYS_futex, &log->tail, FUTEX_WAKE, KAP_MAX_VCPUS, NULL, NULL, 0);
}

void log__add(const char *data, size_t len)
{
	msg__guest_output(data, len);
	log__keep(data, len);
}

void log__keep(const char *data, size_t len)
{
	if (len > KEPT_SIZE) {
		kept_total += len - KEPT_SIZE;
		data += len - KEPT_SIZE;
		len = KEPT_SIZE;
	}
	while (len) {
		size_t at = kept_total % KEPT_SIZE;
		size_t part = len < KEPT_SIZE - at ? len : KEPT_SIZE - at;

		memcpy(kept + at, data, part);
		kept_total += part;
		data += part;
		len -= part;
	}
}

size_t log__kept(char *to, size_t len)
{
	uint64_t first;

	if (len > KEPT_SIZE)
		len = KEPT_SIZE;
	if (len > kept_total)
		len = kept_total;
	first = kept_total - len;
	for (size_t i = 0; i < len; i++)
		to[i] = kept[(first + i) % KEPT_SIZE];
	return len;
}

/*
 * Takes out what moves a cursor or sets colours ("\033[...m", as shells send), and hides other
 * control characters; returns the new end.
 */
static char *make_harmless(char *line, char *end)
{
	char *to = line;

	for (char *c = line; c < end; c++) {
		if (c[0] == '\033' && c + 1 < end && c[1] == '[') {
			for (c += 2; c < end && (*c < '@' || *c > '~'); c++)
				;
			continue;
		}
		if (*c == '\r')
			continue;
		if (((unsigned char)*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f)
			*to++ = '?';
		else
			*to++ = *c;
	}
	return to;
}

void log__last(unsigned int lines, void (*fn)(const char *line, void *arg), void *arg)
{
	static char text[KEPT_SIZE + 1];
	size_t len = log__kept(text, KEPT_SIZE);
	char *line = text, *end = text + len;

	while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	for (char *at = end; at > text && lines; at--) {
		if (at[-1] == '\n' && !--lines) {
			line = at;
			break;
		}
	}
	end = make_harmless(line, end);
	*end = 0;
	while (line && line < end) {
		char *nl = memchr(line, '\n', end - line);

		if (nl)
			*nl = 0;
		fn(line, arg);
		line = nl ? nl + 1 : NULL;
	}
}

static void report_line(const char *line, void *arg)
{
	(void)arg;
	msg__report("  | %s", line);
}

void log__print_last(unsigned int lines)
{
	log__last(lines, report_line, NULL);
}
