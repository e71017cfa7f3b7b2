#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test kernels. Their checks are TAP lines of their own; around each run its
# exit status, the monitor's messages and left-over host processes are checked.
# usage: guests.t [NAME...]   (all without)
# shellcheck disable=SC2317 # the functions are called as test_$name

# shellcheck source=tests/guests/guests.sh
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
	said "built for version 5 of the machine contract" "both versions are named"
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
		asked "$sig" || break
		running && kill -s "$sig" "$tid"
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

test_doorbell()
{
	guest doorbell 0
}

# CPU time of everything that this script has waited for, in hundredths of a second.
cpu_time()
{
	times >"$dir/times"
	awk 'NR == 2 { gsub(/[ms]/, " "); print int(($1 * 60 + $2 + $3 * 60 + $4) * 100) }' "$dir/times"
}

# The kernel idles for more than three seconds: a busy wait would use them up.
test_idle()
{
	cpu_time >"$dir/before"
	guest idle 0
	cpu_time >"$dir/after"
	used=$(($(cat "$dir/after") - $(cat "$dir/before")))
	[ "$used" -lt 100 ]
	point $? "idle: $used/100 s of CPU time used, below 1 s"
}

test_kernel_trap()
{
	guest kernel_trap 0
}

test_panic()
{
	for how in call ud2; do
		guest panic 123 --append "$how"
		said 'panic on vCPU 0:' "$how: the end is called a panic"
		said '00000000b0b0b0b0' "$how: rbx is shown"
		said '0000000000f15f15' "$how: r15 is shown"
		is "$(sed -n 's/^  #[0-9]* *[0-9a-f]* *\([a-z_0-9]*\)+.*/\1/p' "$log" |
			grep -xE 'innermost|middle_one|outer_one|test|kap_kernel_start' |
			tr '\n' ' ')" \
			'innermost middle_one outer_one test kap_kernel_start ' "panic: $how: backtrace"
		said '  | last words' "$how: the last console lines are shown"
	done
	for where in wild-stack wild-stack-user wild-stack-noncanonical; do
		guest panic 123 --append "$where"
		said 'stack pointer is not on a stack' "$where: says why"
		said '00000000b0b0b0b0' "$where: rbx is shown"
		said '  wild_stack+' "$where: the place is named"
	done
	guest panic 122 --append host
	said 'the host was asked too much' "the host's refusal is told"
}

test_xstate()
{
	guest xstate 0
}

test_sanitize()
{
	guest sanitize 0
}

victim()
{
	pid=$(sed -n "s/^VICTIM $1 //p" "$log")
}

# Waits until nothing of a process executes any more; zombies are their parent's business.
dead()
{
	tries=200
	while [ "$tries" -gt 0 ]; do
		case $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) in
		''|Z|X) return 0 ;;
		esac
		tries=$((tries - 1))
		sleep 0.01
	done
	return 1
}

test_killed()
{
	begin killed --append in-use
	if asked kill-running; then
		kill -9 "$tid"
	fi
	for what in kill-stopped kill-queued kill-destroyed; do
		asked "$what" || break
		victim "$what"
		kill -9 "$pid" && dead "$pid"
		answer "$what"
	done
	end 0

	begin killed --append pool
	if asked kill-pool; then
		space0=$(sed -n 's/^SPACE0 //p' "$log")
		group=$(awk '/^Tgid:/ { print $2 }' "/proc/$tid/status")
		for pid in $(members); do
			case $pid in "$sid"|"$space0"|"$group") continue ;; esac
			kill -9 "$pid"
			dead "$pid"
		done
		answer kill-pool
	fi
	end 0

	begin killed
	if asked kill-vm; then
		kill -9 "$(sed -n 's/^SPACE0 //p' "$log")"
	fi
	end 125
	said 'the guest was killed by signal 9' 'says that space 0 was killed'

	begin killed
	if asked kill-vm; then
		kill -9 "$sid"
	fi
	end 137 200

	begin killed
	if asked kill-vm; then
		kill -TERM "$sid"
	fi
	end 143
	said 'ended by signal 15' 'says that it was ended'
}

# The last run shows that the test would notice a flush that is missing.
test_smp()
{
	guest smp 0 --cpus 2
	guest smp 0 --cpus 4
	begin smp --cpus 2 --append noflush
	finish_run
	grep -q '^not ok - after a flush' "$log"
	point $? 'smp: without the remote flush it fails'
}

[ $# -gt 0 ] || set -- boot badboot trap fault map spaces xstate sanitize pool evict doorbell idle \
	kernel_trap panic killed smp
for name in "$@"; do
	"test_$name"
done
finish
