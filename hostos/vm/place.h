/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Placement: which host CPU each vCPU runs on, and how long it waited for it.
 *
 * A vCPU and the user code that it waits for take turns, so they share one host CPU; the guest
 * binds them to the one that its vCPU page names. This names it, and another one when the first is
 * crowded while another has room, or may not be used any more.
 */
#ifndef HOSTOS_PLACE_H
#define HOSTOS_PLACE_H

#include <stdint.h>

struct vm;

/*
 * Gives every vCPU its first host CPU: of pins in turn, or those that the monitor may use, from the
 * one on that it runs on. Pinned vCPUs stay as long as their CPU may be used.
 * Returns how many host CPUs the VM has.
 */
unsigned int place__init(struct vm *vm, const uint16_t *pins, unsigned int nr_pins);

/* Starts to watch, from the event loop. 0 or -errno. */
int place__start(struct vm *vm);
void place__stop(void);

#endif
