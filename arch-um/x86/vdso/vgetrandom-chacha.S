/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's, from the kernel tree: the stream cipher of the vDSO's getrandom. */
#include <x86/entry/vdso/vgetrandom-chacha.S>
