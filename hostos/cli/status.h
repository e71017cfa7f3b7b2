/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit statuses of kap that are not the guest command's. Documented in help.c and docs/kap.1.
 */
#ifndef HOSTOS_STATUS_H
#define HOSTOS_STATUS_H

enum {
	STATUS_OK	= 0,
	STATUS_USAGE	= 121,	/* bad option, or an input file that can't be used */
	STATUS_HOST	= 122,	/* the host can't do it */
	STATUS_PANIC	= 123,	/* the guest kernel crashed */
	STATUS_TIMEOUT	= 124,
	STATUS_KILLED	= 125,	/* the VM was killed from outside, or ended without an answer */
	STATUS_SIGNAL	= 128,	/* + number of the signal that ended kap */
};

#endif
