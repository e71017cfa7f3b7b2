/* SPDX-License-Identifier: GPL-2.0-only */
/* Population count without a popcnt instruction: baseline x86-64 has none. */
#include <asm-generic/bitops/arch_hweight.h>
