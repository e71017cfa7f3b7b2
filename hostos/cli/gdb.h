/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `kap gdb`.
 */
#ifndef HOSTOS_GDB_H
#define HOSTOS_GDB_H

/* argv[0] is "gdb". Exit status. */
int gdb__main(int argc, char **argv);

#endif
