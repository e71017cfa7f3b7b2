#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run PART PARTS [WITHOUT [ONLY]]: runs every PARTSth test of the list beside it, from the
# PARTth, each with a time-out, and prints their output between lines of @@. It runs as
# it is in a guest and, with NATIVE=1, on the host. WITHOUT and ONLY are files that name
# tests, one a line.

part=$1
parts=$2
without=${3-/dev/null}
only=${4-}
here=$(cd "$(dirname "$0")" && pwd)

# The kernel's log is divided by tests too, where it is the guest's.
kmsg=/dev/kmsg
[ -z "$NATIVE" ] || kmsg=/dev/null

uptime_now()
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
	as=
	while [ $# -gt 0 ]; do
		case $1 in
		t=*) limit=${1#t=} ;;
		as=*) name=${1#as=} ;;
		user) as=nobody ;;
		guest) [ -z "$NATIVE" ] || return ;;
		--) shift; args=$*; break ;;
		esac
		shift
	done
	name=${test%/*}/$name
	! grep -qxF "$name" "$without" || return
	[ -z "$only" ] || grep -qxF "$name" "$only" || return
	if [ ! -x "$here/$test" ]; then
		printf '@@ missing %s\n' "$name"
		return
	fi

	cd "$here/${test%/*}" || exit 1
	printf '@@ begin %s %s\n' "$name" "$limit"
	echo "kselftest: $name" >$kmsg
	start=$(uptime_now)
	if [ -n "$as" ] && [ "$(id -u)" = 0 ]; then
		set -- su -s /bin/sh $as -c "./${test##*/} $args"
	else
		# shellcheck disable=SC2086 # words of the list
		set -- "./${test##*/}" $args
	fi
	timeout -k 5 "$limit" "$@" </dev/null 2>&1
	status=$?
	# Nothing that a test left behind may meet the next one. On a host that is only
	# done in a PID namespace of this script's own.
	if [ -z "$NATIVE" ] || [ $$ = 1 ]; then
		kill -9 -1 2>/dev/null
	fi
	printf '\n@@ end %s %s %s %s\n' "$name" "$status" "$start" "$(uptime_now)"
}

if [ -z "$NATIVE" ]; then
	ip link set lo up
	# shellcheck disable=SC3045 # busybox's shell has -c
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
