/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers as gdb sees them: the target description (i386:x86-64 with SSE, segment bases and,
 * where the machine has it, AVX), and where each one is in struct rsp_regs. Vector state is in
 * XSAVE's standard format, its header included: a component whose bit in XSTATE_BV is clear has
 * its initial value whatever its bytes say (Intel SDM vol. 1, 13.4 and 13.6).
 */
#ifndef HOSTOS_TDESC_H
#define HOSTOS_TDESC_H

#include "debug/rsp.h"

/* gdb's numbers, in the order of a g packet. */
#define TDESC_BP		6
#define TDESC_SP		7
#define TDESC_IP		16
#define TDESC_BASE_REGS		59
#define TDESC_AVX_REGS		75

#define TDESC_REG_MAX		16	/* bytes of the largest */
#define TDESC_XML_MAX		12288

static inline unsigned int tdesc__count(bool avx)
{
	return avx ? TDESC_AVX_REGS : TDESC_BASE_REGS;
}

/* Bytes of a register; 0 when there is none of this number. */
unsigned int tdesc__size(unsigned int reg);

/* Its value, little endian; false (and zeroes) when regs doesn't have it. */
bool tdesc__get(const struct rsp_regs *regs, unsigned int reg, uint8_t value[TDESC_REG_MAX]);

/* 0, or -errno with *error said and regs unchanged. */
int tdesc__set(struct rsp_regs *regs, unsigned int reg, const uint8_t *value, const char **error);

/* The description; returns its length without the NUL. */
size_t tdesc__xml(bool avx, char text[TDESC_XML_MAX]);

#endif
