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

# ---- a guest that runs already, without debug information

while_idle()
{
	guest "$usual_kernel" -- sh -c '
		while :; do echo tick; sleep 0.05; done &
		read x
		kill $!
		echo "end $x"'
	until_shown tick
	gdb_session attach
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the guest goes on when gdb has left"
	shows 'end word' "$KAP_CPUS vCPU: to its end"
}

while_spinning()
{
	guest "$usual_kernel" -- sh -c '
		i=0
		while [ $i -lt $1 ]; do { /t/debugged spin; echo "status $?"; } & i=$((i + 1)); done
		wait' sh "$KAP_CPUS"
	within 20 sh -c "[ \$(grep -c '^spin ' '$out') = $KAP_CPUS ]"
	gdb_session spin
	ends 0 "$KAP_CPUS vCPU: a guest that spins goes on"
	is "$(grep -cx 'stopped by hand' "$out")" "$KAP_CPUS" \
		"$KAP_CPUS vCPU: each program sees what gdb wrote"
}

# ---- user code

in_programs()
{
	guest "$debug_kernel" -- sh -c '
		/t/debugged loop &
		/t/debugged loop &
		read x
		kill %1 %2
		echo "end $x"'
	within 20 sh -c "[ \$(grep -c '^loop ' '$out') = 2 ]"
	gdb_session user -x scripts/gdb/kap-gdb.py
	until_shown 'half 8' || { end_guest; return; }
	point 0 "$KAP_CPUS vCPU: what gdb wrote into xmm0 counts"
	until_shown 'answer 8' || { end_guest; return; }
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the programs go on when gdb has left"
	is "$(grep -c '^answer' "$out")" 1 "$KAP_CPUS vCPU: memory of one process was written"
}

# The registers that gdb's description of the processor adds to the oldest ones.
in_vectors()
{
	guest "$usual_kernel" -- sh -c '/t/debugged vectors & read x; kill $!; echo "end $x"'
	within 20 grep -q '^vectors ' "$out"
	gdb_session vectors
	if ! grep -q '^none' "$out"; then
		until_shown 'ymm3 0x3001 0x3002 0x3003 0x77' || { end_guest; return; }
		point 0 "$KAP_CPUS vCPU: what gdb wrote into the upper half of a ymm counts"
		until_shown 'ymm15 0xf001 0x55 0xf003 0xf004' || { end_guest; return; }
		point 0 "$KAP_CPUS vCPU: and into the lower half of another"
		is "$(grep -c '^ymm' "$out")" 2 "$KAP_CPUS vCPU: no other register has changed"
	fi
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the program goes on when gdb has left"
}

# ---- modules

in_modules()
{
	folder=${debug_kernel%/*}/kernel
	{
		echo 'dir /m 0755 0 0'
		echo "file /m/dummy.ko $folder/drivers/net/dummy.ko 0644 0 0"
	} >"$dir/list"
	build/gen_init_cpio -t 0 "$dir/list" >"$dir/extra" || return
	cat "$built/initramfs.cpio" "$dir/extra" >"$dir/modules.cpio"
	initrd=$dir/modules.cpio
	guest "$debug_kernel" -S -- sh -c '
		use()
		{
			insmod /m/dummy.ko
			ip link add dummy7 type dummy
			ip addr add 10.9.8.7/24 dev dummy7
			ip link set dummy7 up
			ping -c 1 -w 1 10.9.8.9 >/dev/null
			[ $1 = 2 ] && return
			ip link del dummy7
			rmmod dummy
		}
		use 1
		use 2
		echo used
		read x
		echo "end $x"'
	initrd=
	gdb_session module -x scripts/gdb/kap-gdb.py
	until_shown used || { end_guest; return; }
	gdb_session commands -x scripts/gdb/kap-gdb.py
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the guest goes on when gdb has left"
}

to_the_end()
{
	guest "$usual_kernel" -S -- sh -c 'exit 7'
	gdb_session ending
	ends 7 "$KAP_CPUS vCPU: a guest that ends while gdb is there"
}

for KAP_CPUS in $counts; do
	if [ -e "$debug_kernel" ]; then
		from_start
		in_programs
		in_modules
	else
		skip "$KAP_CPUS vCPU: source level" "there is no $debug_kernel; kap build --config debug"
	fi
	while_idle
	while_spinning
	in_vectors
	to_the_end
done
finish
