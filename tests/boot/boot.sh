# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that boot Linux. Every run is in a session of its own, so that what it
# leaves behind can be counted, and its console is searched for what a sound kernel
# never says.
# shellcheck shell=sh

# shellcheck source=tests/guests/guests.sh
. "$(dirname "$0")/../guests/guests.sh"
case $KAP in /*) ;; *) KAP=$PWD/$KAP ;; esac
# shellcheck disable=SC2034 # for the scripts
built=$PWD/build/tests/boot
PATH=$PATH:/usr/sbin:/sbin
out=$dir/out
log=$dir/log
: >"$out"
: >"$log"

skip()
{
	points=$((points + 1))
	echo "ok $points - $1 # SKIP $2"
}

# within SECONDS COMMAND...: repeats the command until it succeeds; fails after that time
within()
{
	tries=$(($1 * 50))
	shift
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.02
	done
}

# What a sound kernel never says.
bad_words='BUG:|BUG at|WARNING:|Oops|INFO: task|stall|soft lockup|Call Trace|scheduling while atomic'
bad_words="$bad_words|sleeping function|kernel panic|Kernel panic|general protection"
# A debug kernel announces a 'use-after-free debug'.
bad_words="$bad_words|use-after-free( [^d]|[^ ]|$)"

# processes_of SESSION: the host processes in it, but its first, in the order of their birth
processes_of()
{
	for stat in /proc/[0-9]*/stat; do
		awk -v sid="$1" '
			{ pid = $1; sub(/.*\) /, "") }
			$4 == sid && $1 != "Z" && pid != sid { print pid }' "$stat" 2>/dev/null
	done | sort -n
}

# session COMMAND...: in a session of its own, whose number goes to $dir/sid. With KAP_CPUS in the
# environment, every `kap run` has that many CPUs where the test doesn't say how many; KAP_ENGINE
# likewise. Beside
# guests whose vCPUs are busy, hosts with autogroups may starve the test itself for a minute, unless
# the session is nicer: docs/performance.md.
session()
{
	if [ "$1" = "$KAP" ] && [ "${2-}" = run ]; then
		shift 2
		set -- "$KAP" run ${KAP_CPUS:+--cpus "$KAP_CPUS"} \
			${KAP_ENGINE:+--engine "$KAP_ENGINE"} "$@"
	fi
	# shellcheck disable=SC2016
	setsid sh -c 'echo 5 2>/dev/null >/proc/self/autogroup; echo $$ >"$0"; exec "$@"' \
		"$dir/sid" "$@"
}

# kap ARGS...: `kap run` (of $KERNEL, if that is set) with stdin as it is, output in $out,
# messages and console in $log; then $status. It may not leave a process, nor the kernel say a
# bad word.
kap()
{
	rm -f "$dir/sid"
	session "$KAP" run --verbose --timeout 100 ${KERNEL:+--kernel "$KERNEL"} "$@" >"$out" 2>"$log"
	status=$?
	after "$*"
}

# The same, without --verbose: $log is then what a user sees on stderr.
kap_plain()
{
	rm -f "$dir/sid"
	session "$KAP" run --timeout 100 "$@" >"$out" 2>"$log"
	status=$?
	after "$*"
}

# after WHAT: after each run; complains only
after()
{
	sid=$(cat "$dir/sid" 2>/dev/null)
	left=$(gone "${wait_gone:-0}")
	[ "$left" = 0 ] || point 1 "$left processes left behind by: $1"
	sound "$1"
}

sound()
{
	[ "${expect_panic:-no}" = no ] || return 0
	if grep -qaE "$bad_words" "$log"; then
		point 1 "the console is clean: $1"
		grep -aE "$bad_words" -A20 "$log" | head -40 | sed 's/^/# /'
	fi
}

# Shows the last run's messages as comments; for points that failed.
show_log()
{
	tail -n "${1:-15}" "$log" | awk '{ print "# log: " $0 }'
}

# wants STATUS TEXT: the last run's exit status
wants()
{
	if [ "$status" = "$1" ]; then
		point 0 "$2"
	else
		point 1 "$2"
		echo "# exit status $status, wanted $1"
		show_log
	fi
}

# has TEXT DESCRIPTION: stderr of the last run has TEXT
has()
{
	if grep -qaF -- "$1" "$log"; then
		point 0 "$2"
	else
		point 1 "$2"
		echo "# wanted '$1'"
		show_log
	fi
}

# shows TEXT DESCRIPTION: stdout of the last run has TEXT
shows()
{
	if grep -qaF -- "$1" "$out"; then
		point 0 "$2"
	else
		point 1 "$2"
		echo "# wanted '$1', got:"
		tail -n 15 "$out" | awk '{ print "# out: " $0 }'
		show_log 5
	fi
}

# one_line DESCRIPTION: stderr is exactly one line, and it is kap's
one_line()
{
	if [ "$(wc -l <"$log")" = 1 ] && grep -q '^kap: ' "$log"; then
		point 0 "$1"
	else
		point 1 "$1"
		show_log
	fi
}

# begin_kap ARGS...: starts one in the background, with stdin as it is; $job is the monitor
begin_kap()
{
	rm -f "$dir/sid"
	: >"$log"
	: >"$out"
	# The shell gives /dev/null to what it starts in the background, and has it ignore these.
	exec 9<&0
	session env --default-signal=INT,QUIT "$KAP" run --timeout 100 \
		${KAP_CPUS:+--cpus "$KAP_CPUS"} ${KAP_ENGINE:+--engine "$KAP_ENGINE"} "$@" <&9 >"$out" 2>"$log" 9<&- &
	job=$!
	exec 9<&-
	within 10 test -s "$dir/sid"
	sid=$(cat "$dir/sid")
}

# until_shown TEXT [FILE]: waits until the running kap has put it out
until_shown()
{
	while ! grep -qaF -- "$1" "${2:-$out}"; do
		if ! kill -0 "$job" 2>/dev/null; then
			grep -qaF -- "$1" "${2:-$out}" && return
			point 1 "the run says '$1'"
			show_log
			return 1
		fi
		sleep 0.02
	done
}

end_kap()
{
	wait "$job"
	status=$?
	after "the run in the background"
}

# guest_points PROGRAM [ARGS...]: runs /t/PROGRAM in a guest ($options: kap's) and shows its
# lines "ok - ..." as points of this script
guest_points()
{
	program=$1
	shift
	# shellcheck disable=SC2086 # several words
	kap --initrd "$built/initramfs.cpio" ${options-} -- "/t/$program" "$@" </dev/null
	show_points "$program"
}

# points_in FILE PREFIX: each of its lines "ok - ...", "not ok - ..." or "skip - ..." as a point of
# this script; comments as they are
points_in()
{
	grep -aE '^(ok|not ok|skip) - |^# ' "$1" >"$dir/points"
	while IFS= read -r line; do
		case $line in
		'ok - '*) point 0 "$2: ${line#ok - }" ;;
		'not ok - '*) point 1 "$2: ${line#not ok - }" ;;
		'skip - '*) skip "$2: ${line#skip - }" 'not possible here' ;;
		*) echo "$line" ;;
		esac
	done <"$dir/points"
}

# show_points PROGRAM: does that with the output of the last run
show_points()
{
	points_in "$out" "$1"
	wants 0 "$1 comes to its end"
}
