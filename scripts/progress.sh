#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# progress.sh LOG WHAT: reads the output of a build on standard input, writes it to
# LOG, and shows how it goes: one line that changes on a terminal, a line about every
# ten seconds elsewhere. Whoever runs it prints the end of LOG on failure.

set -u
log=$1
what=$2
start=$(date +%s)
shown=$start
count=0
lines=0
tty=no
cols=80
if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then
	tty=yes
	size=$(stty size <&2 2>/dev/null) && [ "${size#* }" -gt 20 ] 2>/dev/null && cols=${size#* }
fi

show()
{
	line="$what: $count objects, $((now - start)) s  $1"
	if [ $tty = yes ]; then
		printf '\r%.*s\033[K' $((cols - 1)) "$line" >&2
	else
		printf '%s\n' "$line" >&2
	fi
	shown=$now
}

: >"$log" || exit 1
while IFS= read -r line; do
	printf '%s\n' "$line"
	case $line in
	'  CC '*|'  AS '*|'  LD '*|'  AR '*|'  HOSTCC '*|'  HOSTLD '*)
		count=$((count + 1)) ;;
	*[Ww]arning:*|*[Ee]rror:*)
		[ $tty = yes ] && printf '\r\033[K' >&2
		printf '%s\n' "$line" >&2 ;;
	esac
	# Asking for the time costs a process: every eighth line is often enough.
	lines=$((lines + 1))
	[ $((lines % 8)) = 1 ] || continue
	now=$(date +%s)
	if [ $tty = yes ] || [ $((now - shown)) -ge 10 ]; then
		show "${line#  }"
	fi
done >"$log"
now=$(date +%s)
show ""
[ $tty = no ] || printf '\n' >&2
