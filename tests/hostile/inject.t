#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A doorbell after every single instruction of the direct engine's ways into the guest kernel and
# out of it: host/inject.c steps the thread, regs.c in the guest looks at all of its registers.
# Without keys, because it is the same code but for the instructions that change PKRU.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"

image=$PWD/build/tests/hostile/initramfs.cpio
inject=$PWD/build/tests/hostile/inject
vmlinux=${KERNEL:-$PWD/build/vmlinux}
SIGSYS=31
SIGSEGV=11

# symbol NAME: its address
symbol()
{
	nm "$vmlinux" | awk -v name="$1" '$3 == name { print $1; exit }'
}

# range FROM TO: from one symbol to another
range()
{
	echo "$(symbol "$1")-$(symbol "$2")"
}

# of NAME...: the range of each function
of()
{
	for name; do
		nm -S "$vmlinux" | awk -v name="$name" '$4 == name { print $1, $2; exit }' |
			while read -r from size; do
				printf '%s-%x\n' "$from" $((0x$from + 0x$size))
			done
	done
}

entry_and_exit()
{
	echo "@$(range direct_enter direct_segments)"
	range direct_exits_open direct_exits_open_end
	range direct_signal_open direct_bad
	echo "@$(of direct_run)"
	of direct_signal direct_fpu_load direct_fill_segments signal_fill_regs gate_unwind gate_trap
	range gate_stubs_open gate_stubs_end
	gate=$(symbol gate_open)
	printf "%s-%x\n" "$gate" $((0x$gate + 0x100))
}

# inject WHAT SIGNAL START: the guest does WHAT, a pass begins with the signal or at START
inject()
{
	mkfifo "$dir/line"
	KAP_ENGINE=direct-open kap --cpus 1 --initrd "$image" -- \
		sh -c "/t/regs $1; /t/control && echo healthy" <"$dir/line" &
	exec 3>"$dir/line"
	within 30 grep -q 'regs begins' "$out"
	sleep 0.5	# the tool looks for the thread that has used most of the CPU
	# shellcheck disable=SC2046 # several words
	nice "$inject" "$(cat "$dir/sid")" "$2" "$3" $(entry_and_exit) >"$dir/told" 2>&1
	injected=$?
	echo >&3
	wait
	exec 3>&-
	rm "$dir/line"
	point $injected "$1: a doorbell at each instruction ($(tail -n 1 "$dir/told"))"
	points_in "$out" "$1"
	is "$(grep -ac '^ok - ' "$out")" 1 "$1: all registers were right"
	shows healthy "$1: the guest is healthy afterwards"
}

if [ "$(id -u)" != 0 ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null)" != 0 ]; then
	skip 'a doorbell at each instruction' 'the host lets only root trace'
else
	inject calls $SIGSYS 0
	inject faults $SIGSEGV 0
fi
finish
