#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# The packaged gdb on guests with 1, 2 and 4 vCPUs: from the first instruction on, in the kernel, in modules, in
# user code. What gdb checks is in gdb_checks.py.

# shellcheck source=tests/boot/gdb.sh
. "$(dirname "$0")/gdb.sh"

if why=$(no_gdb); then
	skip 'debugging with gdb' "$why"
	finish
fi

# ---- from the first instruction on

from_start()
{
	guest "$debug_kernel" -S -- sh -c '
		cat /proc/sys/kernel/panic
		taskset -c $1 sh -c "echo 33 >/proc/sys/kernel/panic"
		cat /proc/sys/kernel/panic
		/t/debugged loop &
		read x
		kill $!
		echo "end $x"' sh $((KAP_CPUS - 1))
	gdb_session start
	until_shown 'told 4242' || { end_guest; return; }
	point 0 "$KAP_CPUS vCPU: the system call returned what gdb wrote"
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the guest goes on by itself"
	shows 'end word' "$KAP_CPUS vCPU: to its end"
	is "$(grep -cx 77 "$out")" 1 "$KAP_CPUS vCPU: it reads what gdb wrote into its memory"
}

for KAP_CPUS in $counts; do
	from_start
done
finish
