#!/bin/sh
# shellcheck disable=SC2016,SC2094,SC2002,SC2015,SC2086 # guests' scripts, lists of options
# SPDX-License-Identifier: GPL-2.0-only
#
# What programs expect of Linux: memory, processes, signals, time. Each guest program makes its own
# checks; around them the console must stay clean.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null

guest_points memory
guest_points storm
guest_points clocks
options='--mem 1500M' guest_points evict
options=

# The guest's clock is the host's: read in between two readings of the host's.
before=$(date +%s%N)
kap -- date +%s%N
after=$(date +%s%N)
# busybox may not know %N
case $(cat "$out") in
*N) skip 'the time of day' 'the guest has no date +%N' ;;
*)
	[ "$(cat "$out")" -gt "$before" ] && [ "$(cat "$out")" -lt "$after" ]
	point $? "the guest's time of day is the host's"
	;;
esac
# shellcheck disable=SC2016
kap -- sh -c 'read a _ </proc/uptime; sleep 1; read b _ </proc/uptime; echo "$a $b"'
awk '{ d = $2 - $1; exit !(d >= 0.98 && d < 3 && $1 < 5) }' "$out"
point $? "a second is a second: $(cat "$out")"
before=$(date +%s%N)
kap -- sleep 1
after=$(date +%s%N)
[ $((after - before)) -ge 1000000000 ] && [ $((after - before)) -lt 4000000000 ]
point $? 'also by the clock of the host'
finish
