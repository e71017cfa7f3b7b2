#!/bin/sh
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
guest_points switches 5

limit=$(cat /proc/sys/vm/max_map_count)
[ "$limit" -lt 200000 ] || echo "# vm.max_map_count is $limit here: nothing will be evicted"
options='--mem 1500M'
guest_points evict
options=

# ---- the guest's clock is the host's

mkfifo "$dir/in"
exec 4<>"$dir/in"
# Each answer to "what time is it?" must lie between the question and its arrival.
begin_kap --initrd "$built/initramfs.cpio" -- /t/clocks answer <"$dir/in"
until_shown 'answering'
wrong=0
for i in 1 2 3 4 5 6 7 8; do
	before=$(date +%s%N)
	echo "question $i" >&4
	until_shown "answer $i " || break
	after=$(date +%s%N)
	now=$(sed -n "s/^answer $i //p" "$out")
	# Linux counts in ticks until it has found its clock, so some milliseconds may be lacking.
	if [ "$now" -lt $((before - 100000000)) ] || [ "$now" -gt "$after" ]; then
		wrong=$((wrong + 1))
		echo "# asked at $before, was told $now, heard at $after"
	fi
	# A clock that goes wrong needs time to show it.
	sleep 0.25
done
echo end >&4
end_kap
is "$wrong" 0 "the guest's time of day is the host's, for two seconds"
wants 0 'and its program ends'

before=$(cut -d ' ' -f 1 /proc/uptime)
kap -- sh -c "read a _ </proc/uptime; sleep 1; read b _ </proc/uptime; echo \"\$a \$b\""
after=$(cut -d ' ' -f 1 /proc/uptime)
awk -v host="$(echo "$before $after" | awk '{ print $2 - $1 }')" '
	{ d = $2 - $1; exit !(d >= 0.98 && d <= host + 0.02 && $2 <= host + 0.02 && host >= 1) }' "$out"
point $? "a second is a second, and no more passes in the guest: $(cat "$out")"
finish
