#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# Signals from outside, to the monitor and to each host process of the guest: the documented
# status, a line that tells, no process left, the disk's lock released.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
disk=$dir/disk
truncate -s 8M "$disk"
mkfifo "$dir/in"
exec 4<>"$dir/in"

# A guest whose command waits for a line of stdin.
waiting()
{
	begin_kap --disk "$disk" "$@" -- sh -c 'echo up; read x; echo "got $x"' <"$dir/in"
	monitor=$sid
	until_shown up
}

# The lock is free: another kap takes it at once.
lock_free()
{
	"$KAP" run --quiet --disk "$disk" -- true >/dev/null 2>&1
	point $? "$1: the disk can be used again"
}

for s in HUP:1 INT:2 QUIT:3 TERM:15; do
	waiting
	kill -s "${s%:*}" "$monitor"
	end_kap
	wants $((128 + ${s#*:})) "SIG${s%:*} to the monitor gives 128 + ${s#*:}"
	one_line "SIG${s%:*}: one line"
done
lock_free SIGTERM

waiting
kill -s KILL "$monitor"
wait_gone=250
end_kap
wait_gone=0
wants 137 'SIGKILL to the monitor'
is "$(processes)" 0 'takes the whole guest with it'
lock_free SIGKILL

for s in ABRT:6 SEGV:11; do
	waiting
	kill -s "${s%:*}" "$monitor"
	wait_gone=250
	end_kap
	wait_gone=0
	wants $((128 + ${s#*:})) "SIG${s%:*} to the monitor, as if it crashed"
done

waiting
kill -s STOP "$monitor"
kill -s CONT "$monitor"
echo word >&4
end_kap
shows 'got word' 'a stopped and continued monitor goes on'

# Ignored signals stay ignored, as nohup wants it.
(
	trap '' HUP
	waiting
	kill -s HUP "$monitor"
	echo word >&4
	end_kap
	[ "$status/$(tail -n 1 "$out")" = '0/got word' ]
)
point $? 'a SIGHUP that nohup has had ignored is ignored'

# ---- processes of the guest

guest_processes()
{
	processes_of "$sid"
}

waiting
space0=$(guest_processes | head -n 1)
kill -s KILL "$space0"
end_kap
wants 125 'SIGKILL to space 0 gives 125'
has 'killed by signal 9' 'and a line that says so'
lock_free 'space 0 killed'

number=2
dead='its host process was killed'
commands=0
inits=0
here=0
while :; do
	expect_panic=yes
	waiting --verbose
	victim=$(guest_processes | sed -n "${number}p")
	if [ -z "$victim" ]; then
		echo word >&4
		end_kap
		break
	fi
	kill -s KILL "$victim"
	echo word >&4
	end_kap
	case $status:$(tail -n 1 "$out"):$(grep -c "$dead" "$log") in
	'0:got word:0')
		# A process that nobody used, or one that makes such.
		;;
	137:up:[1-9]*)
		commands=$((commands + 1))
		;;
	123:*:[1-9]*)
		inits=$((inits + 1))
		grep -q 'Attempted to kill init' "$log" || echo "# no word about init"
		;;
	122:*)
		# The direct engine's kernel executes in the processes of its programs.
		case ${KAP_ENGINE-} in direct*) ;; *) false ;; esac &&
			grep -q 'killed while the kernel executed in it' "$log"
		point $? "killing host process $number of the guest ends it, with a line"
		here=$((here + 1))
		;;
	*)
		point 1 "killing host process $number of the guest: status $status"
		show_log
		;;
	esac
	number=$((number + 1))
done
[ $number -ge 5 ]
point $? "each of $((number - 1)) host processes was killed"
if [ $here = 0 ]; then
	is $commands 1 "killing the command's gives 137 and a line"
	is $inits 1 "killing init's is a panic that tells why"
else
	# An idle vCPU stays in the process of the program that ran last: the command's, or init's.
	[ $commands -le 1 ] && [ $inits -le 1 ] && [ $((commands + inits + here)) -ge 2 ]
	point $? "killing the command's and init's: 137 $commands times, 123 $inits times, 122 $here times"
fi
expect_panic=no

# All of the spaces at once, under load.
begin_kap --verbose -- sh -c 'echo up; while :; do true | true; /bin/true; done'
until_shown up
for _ in 1 2 3; do
	for pid in $(guest_processes | sed 1,2d); do
		kill -s KILL "$pid" 2>/dev/null
	done
done
within 20 sh -c "! kill -0 $sid"
expect_panic=yes
kill -s TERM "$sid" 2>/dev/null
end_kap
case $status in
122|123|137|143) point 0 "all spaces killed under load: an end with a documented status ($status)" ;;
*) point 1 "all spaces killed under load: status $status"; show_log ;;
esac
expect_panic=no

# ---- no room for processes

limited()
{
	nproc=$1
	shift
	session setpriv --reuid=65533 --regid=65533 --clear-groups --no-new-privs \
		prlimit --nproc="$nproc" "$@" >"$out" 2>"$log"
	status=$?
	after 'with a limit on processes'
}
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$dir/bin"
	cp "$KAP" "$(dirname "$KAP")/vmlinux" "$(dirname "$KAP")/initramfs.cpio" "$dir/bin/"
	chmod -R a+rX "$dir/bin"
	limited 100 "$dir/bin/kap" run -- echo works
	wants 0 'as another user, without privileges, with room for 100 processes'
	shows works 'a command works'
	limited 1 "$dir/bin/kap" run -- echo works
	wants 122 'no process allowed: 122'
	has 'ulimit -u' 'says which limit'
	one_line 'in one line'
	ends=
	for n in 2 3 4 5 6 8; do
		limited $n "$dir/bin/kap" run --timeout 20 -- sh -c 'echo a | cat; echo b'
		ends="$ends $status"
		case $status in
		122) grep -q 'ulimit -u' "$log" || { point 1 "limit $n: says why"; show_log; } ;;
		126) grep -q '^kap: .*ulimit -u' "$log" || {
			point 1 "limit $n: says why"
			show_log
		} ;;
		0|2) ;;
		*) point 1 "limit $n: status $status"; show_log ;;
		esac
	done
	point 0 "limits of 2 to 8 processes end in good order:$ends"
	limited 24 "$dir/bin/kap" run --timeout 60 -- sh -c '
		i=0; while [ $i -lt 40 ]; do sleep 30 & i=$((i+1)); done; echo "end $i"'
	case $status in
	0|2) point 0 "a guest with more processes than the host allows goes on (status $status)" ;;
	*) point 1 "a guest with more processes than the host allows: status $status"; show_log ;;
	esac
else
	skip 'limit on processes' 'needs root to become another user'
fi
finish
