/* SPDX-License-Identifier: GPL-2.0-only */
/* Gives every module a section that its offset table can grow in when it is loaded. */
/* clang-format off */
SECTIONS {
	.kap.got 0 : ALIGN(8) { QUAD(0) }
}
