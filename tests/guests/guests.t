#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test kernels. Their checks are TAP lines of their own; around each run its
# exit status, the monitor's messages and left-over host processes are checked.
# usage: guests.t [NAME...]   (all without)

. "$(dirname "$0")/guests.sh"

test_boot()
{
	guest boot 42 --append word-for-boot
	said 'hello from the test kernel' 'the first line arrives'
	is "$(grep -c '^# line [0-9]* of 10000 --------------$' "$log")" 10000 'boot: every line arrives'
	said '# end of lines' 'the last line arrives'
	guest boot 7 --append word-for-boot --append status-7
}

test_badboot()
{
	guest badboot 0
	for what in magic version size; do
		guest badboot 121 --append "bad-$what"
		said "didn't understand its boot information" "bad $what is refused with a message"
	done
	guest note_version 121
	said "built for version 2 of the machine contract" "both versions are named"
	guest note_window 121
	said "linked for a kernel window at" "the wrong place is named"
	guest note_none 121
	said 'no note "kap"' "a foreign kernel is refused"
	! grep -q 'hello from' "$log"
	point $? "note_none: nothing of it ran"
}

test_trap()
{
	guest trap 0
}

# Mappings of the space below its stack that the kernel made for the test.
runs()
{
	awk '/^3000[0-9a-f]*-/ { n++ } END { print n + 0 }' "/proc/$tid/maps"
}

test_fault()
{
	begin fault
	for sig in SEGV TRAP FPE USR2; do
		asked $sig || break
		running && kill -s $sig "$tid"
	done
	end 0
}

test_map()
{
	begin map
	if asked one-run; then
		is "$(runs)" 1 "map: 64 pages in a row are one mapping of the host"
		answer one-run
	fi
	if asked three-runs; then
		is "$(runs)" 3 "map: another protection in the middle makes three"
		answer three-runs
	fi
	if asked no-run; then
		is "$(runs)" 0 "map: none is left after unmap"
		answer no-run
	fi
	end 0
}

test_spaces()
{
	guest spaces 0
}

# The monitor, space 0, the one that makes others, the pool, and what is asked for.
test_pool()
{
	begin pool
	if asked few; then
		n=$(processes)
		[ "$n" -le 24 ]
		point $? "pool: after 200 spaces $n processes are there, at most 24"
		answer few
	fi
	if asked many; then
		n=$(processes)
		[ "$n" -ge 43 ]
		point $? "pool: with 41 spaces $n processes are there, at least 43"
		answer many
	fi
	if asked few-again; then
		n=$(processes)
		[ "$n" -le 24 ]
		point $? "pool: then $n, at most 24"
		answer few-again
	fi
	end 0
}

test_evict()
{
	guest evict 0
}

[ $# -gt 0 ] || set -- boot badboot trap
for name in "$@"; do
	"test_$name"
done
finish
