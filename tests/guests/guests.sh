# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that run test kernels: starting, TAP, the kernel's requests, counting processes.
# shellcheck shell=sh

set -u
cd "$(dirname "$0")/../.." || exit 1
KAP=${KAP:-build/kap}
points=0
failed=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/kap-guests.XXXXXX") || exit 1
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

# point STATUS TEXT: one TAP line
point()
{
	points=$((points + 1))
	if [ "$1" = 0 ]; then
		echo "ok $points - $2"
	else
		echo "not ok $points - $2"
		failed=1
	fi
}

is()
{
	if [ "$1" = "$2" ]; then
		point 0 "$3"
	else
		point 1 "$3"
		echo "# got '$1', wanted '$2'"
	fi
}

finish()
{
	echo "1..$points"
	exit $failed
}

# Host processes of the session in which this run's kap was started.
members()
{
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v sid="$sid" '
		{ pid = $1; sub(/.*\) /, "") } $4 == sid && $1 != "Z" { print pid }'
}

processes()
{
	members | wc -l
}

# The session's processes must go; those of a killed monitor may take a moment.
gone()
{
	tries=${1:-0}
	while [ "$(processes)" != 0 ] && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.05
	done
	processes
}

# Starts kap in its own session, in the background; output in $log, then $sid and $job.
launch()
{
	log=$dir/log
	: >"$log"
	rm -f "$dir/sid"
	# shellcheck disable=SC2016
	setsid sh -c 'echo $$ >"$0"; exec "$@"' "$dir/sid" \
		"$KAP" run ${KAP_ENGINE:+--engine "$KAP_ENGINE"} --initrd none --mem 64M --timeout "${TIMEOUT:-60}" --verbose "$@" \
		</dev/null >"$log" 2>&1 &
	job=$!
	while [ ! -s "$dir/sid" ]; do
		kill -0 $job 2>/dev/null || break
	done
	sid=$(cat "$dir/sid")
}

# Waits for the end; $status.
finish_run()
{
	wait "$job"
	status=$?
}

# Shows the kernel's own points as ours, and on failure the rest of the log.
show()
{
	while IFS= read -r line; do
		case $line in
		'ok - '*) points=$((points + 1)); echo "ok $points - $1: ${line#ok - }" ;;
		'not ok - '*)
			points=$((points + 1))
			failed=1
			echo "not ok $points - $1: ${line#not ok - }"
			;;
		'# line '*) ;;
		*) echo "# $line" ;;
		esac
	done <"$log"
}

# begin NAME [OPTIONS...] starts a run, end STATUS checks how it ended.
begin()
{
	name=$1
	shift
	launch --kernel "build/tests/guests/$name" "$@"
}

end()
{
	finish_run
	show "$name"
	is "$status" "$1" "$name: exit status"
	is "$(gone "${2:-0}")" 0 "$name: no process is left"
}

# guest NAME STATUS [OPTIONS...]: one run from start to end
guest()
{
	guest_status=$2
	begin_name=$1
	shift 2
	begin "$begin_name" "$@"
	end "$guest_status"
}

# said TEXT DESCRIPTION: whether the last run's output has a line with TEXT
said()
{
	grep -qF -- "$1" "$log"
	point $? "$name: $2"
}

# Waits for the kernel's line "ASK WHAT TID"; sets $tid. Fails when the run is over.
asked()
{
	while ! tid=$(sed -n "s/^ASK $1 \([0-9]*\)\$/\1/p" "$log") || [ -z "$tid" ]; do
		kill -0 "$job" 2>/dev/null || { point 1 "$name: asks for $1"; return 1; }
		sleep 0.01
	done
}

# Waits until the thread executes: while it is stopped, the host would give a signal to another
# thread of its process.
running()
{
	until [ "$(sed 's/.*) //; s/ .*//' "/proc/$tid/stat" 2>/dev/null)" = R ]; do
		kill -0 "$job" 2>/dev/null || return 1
	done
}

# Tells the waiting kernel to go on. The host throws the signal away when the thread is
# stopped just then, so it is sent until the kernel says that it has seen it.
answer()
{
	# A tracer sees any signal; without one it has to be a doorbell's.
	case ${KAP_ENGINE-} in direct*) go_on=USR1 ;; *) go_on=WINCH ;; esac
	while ! grep -q "^# $1: done" "$log"; do
		kill -0 "$job" 2>/dev/null || return
		kill -$go_on "$tid" 2>/dev/null
		sleep 0.01
	done
}
