// SPDX-License-Identifier: GPL-2.0-only
/* The tree's instruction decoder, for user code. */
#include <x86/lib/insn.c>
#include <x86/lib/inat.c>
