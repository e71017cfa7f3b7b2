#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run PART PARTS [DONE-FILE]: runs every PARTSth test of the list beside it, from the
# PARTth, each with a time-out, and prints their output between lines of @@. It runs as
# it is in a guest and, as NATIVE=1, on the host. Tests named in DONE-FILE are left out.

part=$1
parts=$2
done=${3-/dev/null}
here=$(cd "$(dirname "$0")" && pwd)

# A test that loops in the kernel's log must not make the machine unreadable.
kmsg=/dev/kmsg
[ -z "$NATIVE" ] || kmsg=/dev/null

up()
{
	read -r now _ </proc/uptime
	echo "$now"
}

run()
{
	test=$1
	shift
	limit=30
	name=${test##*/}
	args=
	while [ $# -gt 0 ]; do
		case $1 in
		t=*) limit=${1#t=} ;;
		as=*) name=${1#as=} ;;
		guest) [ -z "$NATIVE" ] || return ;;
		--) shift; args=$*; break ;;
		esac
		shift
	done
	name=${test%/*}/$name
	! grep -qxF "$name" "$done" || return
	[ -x "$here/$test" ] || { printf '@@ missing %s\n' "$name"; return; }

	cd "$here/${test%/*}" || exit 1
	printf '@@ begin %s %s\n' "$name" "$limit"
	echo "kselftest: begin $name" >$kmsg
	start=$(up)
	# shellcheck disable=SC2086 # words of the list
	timeout -k 5 "$limit" "./${test##*/}" $args </dev/null 2>&1
	status=$?
	# Nothing that a test left behind may meet the next one. On a host that is only
	# done in a PID namespace of this script's own.
	if [ -z "$NATIVE" ] || [ $$ = 1 ]; then
		kill -9 -1 2>/dev/null
	fi
	printf '\n@@ end %s %s %s %s\n' "$name" "$status" "$start" "$(up)"
}

if [ -z "$NATIVE" ]; then
	ip link set lo up
	ulimit -c 0
fi

n=0
while read -r line <&3; do
	n=$((n + 1))
	[ $((n % parts)) = $((part % parts)) ] || continue
	# shellcheck disable=SC2086
	run $line 3<&-
done 3<"$here/list"
echo '@@ finished'
