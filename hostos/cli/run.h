/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `kap run`.
 */
#ifndef HOSTOS_RUN_H
#define HOSTOS_RUN_H

/* argv[0] is "run". Exit status. */
int run__main(int argc, char **argv);

/*
 * For `kap gdb`, before run__main(): the path of the guest's private socket is written to fd once a
 * debugger can connect; then, or when the run fails before, fd is closed.
 */
void run__tell_debugger(int fd);

#endif
