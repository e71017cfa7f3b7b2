/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's first program, in three parts: init.c (the order of things),
 * init-mounts.c (file systems), init-stdio.c (console and ports).
 */
#ifndef KAP_INIT_H
#define KAP_INIT_H

#include <stdbool.h>

/* Longest wait for something that a device must bring; a loaded host is slow. */
#define INIT_DEVICE_MS	30000

/* /.kap/config, as the monitor wrote it. */
struct init_config {
	bool ports;		/* mode=ports: the command's stdio are virtio ports */
	unsigned int cols, rows;	/* 0: not known */
	char root[64];		/* "initrd" or a block device */
	char term[64];
};

/* A line for whoever looks at the console; errno is added when it isn't 0. */
void init__say(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* init-mounts.c */
void mounts__early(void);
/* Makes the disk the root of all; false with a line printed when that can't be done. */
bool mounts__switch_root(const char *device);
void mounts__finish(void);

/* init-stdio.c */
/*
 * Takes the descriptors 0, 1 and 2, where the kernel had no console to put there; true when
 * they are the kernel's log.
 */
bool stdio__hold(void);
void stdio__listen(void);
/* Waits until ready(arg) or ms have passed; tells which. */
bool stdio__wait(bool (*ready)(const void *arg), const void *arg, int ms);
/* Takes the terminal, or the ports, as fds 0, 1, 2 of the calling process. */
bool stdio__console(const struct init_config *config);
bool stdio__ports(void);
/* Tells the monitor the exit status, and lets the console finish. */
void stdio__report(int status);
void stdio__drain(void);

#endif
