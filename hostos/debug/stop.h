/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holding all vCPUs and letting them go (the protocol is in kap/park.h). While they are held,
 * guest time stands still.
 */
#ifndef HOSTOS_STOP_H
#define HOSTOS_STOP_H

#include <stdbool.h>

#include "debug/rsp.h"

struct vm;

/*
 * fn is called from the event loop each time when all vCPUs stand, with the reason. A vCPU
 * that does not answer within a few seconds is not waited for (it has no registers then).
 */
int stop__start(struct vm *vm, void (*fn)(const struct rsp_stop *stop));
void stop__end(void);

/* Asks all to stand; fn follows. Nothing when they do already. */
void stop__ask(void);

/* The machine stands: fn was called, and nobody has let it go since. */
bool stop__standing(void);

/* One vCPU stands, with valid registers in its page. */
bool stop__parked(unsigned int cpu);

/* It is on: it runs or stands. */
bool stop__alive(unsigned int cpu);

/*
 * Lets vCPUs go, each as its action says; only while the machine stands. The one that has reported
 * goes first, the others may follow a little later. What another vCPU has to report since the last
 * stop comes before that: then fn is called at once.
 */
void stop__resume(const enum rsp_action actions[RSP_MAX_CPUS]);

/* All continue. */
void stop__release(void);

/* A vCPU has parked. */
void stop__doorbell(void);

#endif
