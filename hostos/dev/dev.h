/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices as the rest of the monitor sees them. Slots are given in the order of
 * creation. Every function that returns int gives 0, or -errno with a message printed that says
 * what, where and the next step.
 */
#ifndef HOSTOS_DEV_H
#define HOSTOS_DEV_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/*
 * virtio-console. Port 0 is hvc0 (a terminal); further ports are named and used
 * for a command's stdin, stdout, stderr and for the init's control line.
 */
struct console_port_config {
	const char *name;	/* NULL for port 0 */
	int in_fd;		/* data to the guest; -1: none. Its end closes the guest's port */
	int out_fd;		/* data from the guest; -1: none */
	/* when set: gets data from the guest in place of out_fd */
	void (*sink)(const void *data, uint32_t len, void *arg);
	/* when set: sees what is written to out_fd, or was to be and got lost */
	void (*tee)(const void *data, uint32_t len, void *arg);
	/*
	 * when set (port 0): sees input first; may drop or change bytes; returns the new length.
	 * Called with len 0 at the end of input and from time to time after it, when it may put
	 * up to 8 bytes into data.
	 */
	uint32_t (*filter)(uint8_t *data, uint32_t len, void *arg);
	void *arg;
};
int console__create(struct vm *vm, const struct console_port_config *ports, unsigned int nr_ports);
void console__resize(unsigned int cols, unsigned int rows);
/* Writes out what the guest has sent and the host has not yet taken; waits at most timeout_ms. */
void console__drain(unsigned int timeout_ms);
/*
 * The first errno with which writing a port's output failed, or 0. It was reported; what
 * the guest sends to that port since then is lost. A reader that went away (EPIPE) is no error.
 */
int console__output_error(void);

/* virtio-blk on a raw image; locks the image (exclusive; shared when read-only). */
int blk__create(struct vm *vm, const char *path, bool read_only);

/* virtio-rng, fed by getrandom(2). */
int rng__create(struct vm *vm);

/* Number of slots in use, for kap_boot.nr_devs. */
unsigned int dev__count(void);

/* Doorbell from the guest: bits taken from kap_ctl.dev_pending, one per slot. */
void dev__doorbell(struct vm *vm, uint64_t slots);

/*
 * While held, no input from the host reaches guest memory; requests in flight still end. Letting go
 * looks at every device once, when any of them has asked dev__held() meanwhile.
 */
void dev__hold(struct vm *vm, bool hold);
bool dev__held(void);

/* Stops all devices: finishes requests in flight (after the guest has ended), unlocks images. */
void dev__shutdown(struct vm *vm);

#endif
