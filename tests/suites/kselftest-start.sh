#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# start PART PARTS: takes the two lists of names from standard input, then runs `run`.

awk -v file=/tmp/none '
	$0 == "without" { file = "/tmp/without"; printf "" >file; next }
	$0 == "only" { file = "/tmp/only"; printf "" >file; next }
	{ print >file }'
[ -s /tmp/only ] || set -- "$@" /tmp/without
[ ! -s /tmp/only ] || set -- "$@" /tmp/without /tmp/only
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
# Tests of memory that is paged out need a place for it.
mkswap /dev/vdb >/dev/null && swapon /dev/vdb
# One test forks until numbers come round again.
echo 5000 >/proc/sys/kernel/pid_max
exec /kst/run "$@" </dev/null
