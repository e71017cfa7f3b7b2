#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# Several CPUs: how many there are, going and coming of CPUs, parallel programs, translation that
# is taken back from all CPUs, idling, and what happens when the host takes one away.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
unset KAP_CPUS
image=$built/initramfs.cpio
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
host_cpus=$(nproc)

# ---- how many there are

for n in 1 2 4 8 64; do
	kap --cpus $n -- sh -c '
		echo "$(nproc) $(grep -c ^processor /proc/cpuinfo) $(cat /sys/devices/system/cpu/online) \
$(head -n 1 /proc/interrupts | wc -w) $(grep -c "^cpu[0-9]" /proc/stat) \
$(grep "model name" /proc/cpuinfo | sort -u | wc -l)"
		i=0
		while [ $i -lt "$(nproc)" ]; do
			taskset -c $i awk -v cpu=$i "{ sub(/.*\) /, \"\"); exit \$37 != cpu }" /proc/self/stat ||
				echo "CPU $i does not run"
			i=$((i + 1))
		done'
	last=$((n - 1))
	[ $n = 1 ] || last=0-$last
	is "$(cat "$out")" "$n $n $last $n $n 1" "--cpus $n: as many everywhere, and each one runs"
done
kap --cpus host -- nproc
is "$(cat "$out")" "$host_cpus" '--cpus host'
kap --cpus 4 --append maxcpus=2 -- sh -c 'cat /sys/devices/system/cpu/online
	echo 1 >/sys/devices/system/cpu/cpu3/online; cat /sys/devices/system/cpu/online'
is "$(cat "$out")" "0-1
0-1,3" 'maxcpus= leaves CPUs for later'
kap --cpus 4 --append nosmp -- nproc
is "$(cat "$out")" 1 'nosmp'
kap --cpus 4 -- sh -c 'for i in 1 2 3 4; do sleep 0.1; done
	awk "/^(TIM|RES|CAL):/ { for (i = 2; i < 6; i++) if (\$1 != \"RES:\" && !\$i) print \$1, i; n++ }
		END { print n }" /proc/interrupts'
is "$(cat "$out")" 3 '/proc/interrupts counts ticks and calls of each CPU'

refused()
{
	kap_plain "$@" -- echo ran
	is "$status/$(cat "$out")" 121/ "$*: 121"
	one_line 'and one line'
}
refused --cpus 0
refused --cpus 65
refused --cpus two
refused --cpus ''
refused --cpus -1
refused --cpus 2x

# ---- going and coming

kap --cpus 4 -- sh -c '
	cpus=/sys/devices/system/cpu
	echo 0 >$cpus/cpu0/online || echo "CPU 0 stays"
	[ ! -e $cpus/cpu0/online ] || echo "it has a switch"
	taskset -c 3 sh -c "while :; do :; done" &
	bound=$!
	list() { sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/$bound/status; }
	used() { awk "{ print \$14 + \$15 }" /proc/$bound/stat; }
	until [ "$(list)" = 3 ] && [ "$(used)" -gt 1 ]; do sleep 0.01; done
	echo 0 >$cpus/cpu3/online
	echo "online $(cat $cpus/online), $(nproc)"
	echo "bound $(list)"
	before=$(used)
	i=0
	while [ "$(used)" -lt $((before + 5)) ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
	[ "$(used)" -lt $((before + 5)) ] || echo "and runs"
	taskset -c 3 true 2>/dev/null || echo "nobody is bound to it"
	echo 1 >$cpus/cpu3/online
	taskset -c 3 awk "{ sub(/.*\) /, \"\"); print \"runs on \" \$37 }" /proc/self/stat
	taskset -c 1-2 sh -c "while :; do :; done" &
	i=0
	while [ $i -lt 20 ]; do
		for c in 1 2 3; do echo 0 >$cpus/cpu$c/online || echo "$c stays"; done
		[ "$(nproc --all)/$(cat $cpus/online)" = 4/0 ] || echo "left: $(cat $cpus/online)"
		for c in 3 1 2; do echo 1 >$cpus/cpu$c/online || echo "$c stays away"; done
		i=$((i + 1))
	done
	echo "at the end $(cat $cpus/online)"
	kill $(jobs -p)' 2>/dev/null
is "$(grep -v 'CPU 0 stays' "$out")" 'online 0-2, 3
bound 0-3
and runs
nobody is bound to it
runs on 3
at the end 0-3' 'CPUs go and come, 60 times, and programs that were bound to them move'

kap --cpus 4 -- sh -c '
	list() { sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/$1/status; }
	sleep 100 &
	taskset -pc 1,3 $! >/dev/null
	echo "taskset $(list $!) $(taskset -c 2 nproc)"
	cd /sys/fs/cgroup
	echo +cpuset >cgroup.subtree_control
	mkdir a
	echo 2-3 >a/cpuset.cpus
	sh -c "while :; do :; done" & spinner=$!
	echo $spinner >a/cgroup.procs
	i=0
	until awk "{ exit \$39 < 2 }" /proc/$spinner/stat || [ $i -ge 200 ]; do sleep 0.05; i=$((i + 1)); done
	echo "cpuset $(list $spinner) $(cat a/cpuset.cpus.effective)"
	echo 1 >a/cpuset.cpus
	until awk "{ exit \$39 != 1 }" /proc/$spinner/stat || [ $i -ge 400 ]; do sleep 0.05; i=$((i + 1)); done
	awk "{ print \"moved to\", \$39 }" /proc/$spinner/stat
	taskset -pc 0 $spinner >/dev/null 2>&1 || echo "not outside"
	kill $(jobs -p)'
is "$(cat "$out")" 'taskset 1,3 1
cpuset 2-3 2-3
moved to 1
not outside' 'taskset, and a cpuset that changes'

# ---- parallel programs

guest_tests()
{
	options="--cpus $1"
	shift
	guest_points "$@"
}
if [ "$host_cpus" -ge 2 ]; then
	guest_tests 2 smp words
else
	skip 'two threads of one process at once' 'the host has one CPU'
fi
guest_tests 2 smp time
guest_tests 4 smp fpu time clock
guest_tests 2 smp_sync agree barrier code rseq
guest_tests 4 smp_sync agree barrier code rseq
guest_tests 64 smp_sync agree
guest_tests 4 storm
options=

# ---- flushes reach every CPU

for n in 2 4; do
	kap --cpus $n --initrd "$image" -- /t/coherence 8 $n
	wants 0 "mappings that change under $n CPUs are the same for all"
	awk '/^looks/ { if ($2 > 1000 && $4 > 500 && $6 > 0 && $8 == 0) good = 1; print "# " $0 }
		END { exit !good }' "$out" >"$dir/looks"
	point $? "$(cut -c 3- "$dir/looks")"
done
# Its proof: without the flushes it fails, by what it sees or by what it runs into.
kap --cpus 4 --initrd "$image" --append kap_no_remote_flush -- /t/coherence 40 4
case $status in
0 | 2 | 4 | 12[1-7]) false ;;
esac
point $? "without remote flushes that is seen: status $status, $(grep -ao 'failures.*' "$out")"

# ---- idling

# The session's CPU time in ns, and how often its threads began to wait or were made to.
usage_of()
{
	for p in $(members); do
		cat "/proc/$p"/task/*/schedstat 2>/dev/null | sed 's/^/time /'
		grep -h ctxt_switches "/proc/$p"/task/*/status 2>/dev/null
	done | awk '/^time/ { ns += $2 } /ctxt/ { n += $2 } END { printf "%.0f %d\n", ns, n }'
}

mkfifo "$dir/in"
exec 4<>"$dir/in"
begin_kap --cpus 4 -- sh -c 'echo up; read x; echo "got $x"' <"$dir/in"
until_shown up
# Five seconds in which nothing happens; what a boot leaves to do may need some first.
for _ in 1 2 3; do
	before=$(usage_of)
	sleep 5
	idle=$(echo "$before $(usage_of)" | awk '{ printf "%.2f %.1f", ($3 - $1) / 5e7, ($4 - $2) / 5 }')
	! echo "$idle" | awk '{ exit !($1 < 1 && $2 < 20) }' || break
	echo "# not yet idle: $idle"
done
echo "$idle" | awk '{ exit !($1 < 1 && $2 < 20) }'
point $? "4 idle CPUs use ${idle% *} % of a host CPU, with ${idle#* } wake-ups a second"
echo word >&4
end_kap
shows 'got word' 'and are there when something comes'

# ---- the host gives less

if "$KAP" run --cpus 2 --pin "$allowed" --quiet -- true 2>"$dir/pin" >&2; then
	kap --cpus 2 --pin "$allowed" -- sh -c '
		for c in 0 1; do taskset -c $c timeout 2 sh -c "while :; do :; done" & done
		wait
		awk "/^cpu / { print \"steal\", \$9; exit !\$9 }" /proc/stat'
	wants 0 "two busy CPUs on one of the host's see steal time: $(cat "$out")"
	kap_plain --cpus 2 --pin 8191 -- echo ran
	is "$status/$(cat "$out")" 121/ '--pin to a CPU that the host has not'
	one_line 'and one line'
	kap_plain --cpus 2 --pin 0-3x -- echo ran
	is "$status/$(cat "$out")" 121/ '--pin to no list'
else
	skip 'steal time' "this kap has no --pin: $(head -n 1 "$dir/pin")"
fi
if command -v taskset >/dev/null; then
	session taskset -c "$allowed" "$KAP" run --cpus 4 --timeout 100 --verbose \
		--initrd "$image" -- /t/smp_sync agree barrier >"$out" 2>"$log"
	status=$?
	after 'one host CPU'
	is "$(grep -c '^ok' "$out")/$(grep -c '^not' "$out")/$status" 4/0/0 \
		'4 CPUs on one of the host'\''s do the same'
else
	skip '4 CPUs on one of the host' 'taskset is not installed'
fi

# Two vCPUs that wait for each other in loops, each for as long as the host lets the other wait.
second=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , '\n' |
	while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done | sed -n 2p)
if command -v taskset >/dev/null && [ -n "$second" ]; then
	begin_kap --cpus 2 --pin "$allowed,$second" --verbose -- sh -c '
		spent() {
			read -r from _ </proc/uptime
			i=0
			while [ $i -lt 300 ]; do (/bin/busybox true); i=$((i + 1)); done
			read -r to _ </proc/uptime
			echo "$from $to" | awk "{ print \$2 - \$1 }"
		}
		spent >/dev/null
		before=$(spent)
		echo ready
		read -r _
		echo "$before $(spent)" | awk "{ print \$1, \$2, \$2 < \$1 * 2.5 + 0.2 ? \"as fast\" : \"slower\" }"
	' <"$dir/in"
	until_shown ready
	taskset -p -c "$allowed" "$sid" >/dev/null
	until_shown "vCPU 1 runs on host CPU $allowed" "$log"
	echo go >&4
	end_kap
	shows 'as fast' "two vCPUs that come onto one host CPU work as before: $(tail -n 1 "$out")"
else
	skip 'vCPUs that come onto one host CPU' 'there is one host CPU, or taskset is not installed'
fi

# ---- the host stops or kills a runner

# The process of the guest's program, which two of its runners keep busy.
busiest()
{
	for p in $(processes_of "$sid" | sed 1d); do
		cat "/proc/$p"/task/*/schedstat 2>/dev/null |
			awk -v p="$p" '{ n += $1 } END { printf "%.0f %s\n", n, p }'
	done | sort -n | awk 'END { print $2 }'
}

serving()
{
	begin_kap --cpus 2 --verbose --initrd "$image" -- /t/smp serve <"$dir/in"
	until_shown serving
	echo first >&4
	until_shown 'first: goes on'
}

serving
for runner in /proc/"$(busiest)"/task/*; do
	: # the last one
done
runner=${runner##*/}
kill -s STOP "$runner"
sleep 3
kill -s CONT "$runner"
echo second >&4
until_shown 'second: '
shows 'second: goes on' 'a runner of a program was stopped for 3 s: it goes on'
kernel=$(processes_of "$sid" | head -n 1)
kill -s STOP "$kernel"
sleep 3
kill -s CONT "$kernel"
echo third >&4
until_shown 'third: '
shows 'third: goes on' 'so does all after a stop of the kernel'\''s process'
echo end >&4
end_kap
wants 0 'and it ends well'

serving
kill -s KILL "$(busiest)"
end_kap
case $status/${KAP_ENGINE-} in
122/direct*)
	# That engine's kernel executes there, too.
	wants 122 'killing the process of the program while it is in the kernel: 122'
	has 'killed while the kernel executed in it' 'with a line that says so'
	;;
*)
	wants 137 'killing the process of the program: 137'
	has 'its host process was killed' 'with a line that says so'
	;;
esac

serving
kill -s KILL "$(processes_of "$sid" | head -n 1)"
end_kap
wants 125 'killing the kernel'\''s process: 125'
has 'killed by signal 9' 'with a line that says so'

# ---- two threads that drop memory at once

kap --cpus 2 --initrd "$image" -- /t/drop
wants 0 'who has dropped a page finds it empty, also while another thread drops all of them'
shows 'stale 0' 'always'

# ---- processes that end while timers ring: each is waited for

begin_kap --cpus 4 -- sh -c 'for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1000 & done
	kill $(jobs -p); wait; done; echo all ended; read -r word' <"$dir/in"
until_shown 'all ended'
# The ends of the last ones may still be on their way.
# shellcheck disable=SC2317 # within calls them
zombies()
{
	ps -e -o sid=,stat= | awk -v sid="$sid" '$1 == sid && $2 ~ /^Z/ { n++ } END { print n + 0 }'
}
# shellcheck disable=SC2317
no_zombies()
{
	[ "$(zombies)" -le 4 ]
}
within 10 no_zombies
is "$(($(zombies) <= 4))" 1 'of 400 processes that were killed none is left on the host'
echo end >&4
end_kap
wants 0 'and it ends well'

# ---- a panic elsewhere

expect_panic=yes
kap_plain --cpus 2 -- sh -c 'echo before; taskset -c 1 sh -c "echo c >/proc/sysrq-trigger"'
wants 123 'a panic on CPU 1: 123'
has 'guest kernel panic on vCPU 1: sysrq triggered crash' 'which is named'
has 'sysrq_handle_crash+' 'with its backtrace'
has 'vCPU 0: was at 0' 'and with where the other one was'
shows before 'and what was said before'
kap_plain --cpus 4 -- sh -c 'for i in 0 1 2 3; do taskset -c $i sh -c "while :; do :; done" & done
	echo c >/proc/sysrq-trigger'
wants 123 'a panic while all CPUs compute: 123'
expect_panic=no

# ---- as an ordinary user

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$dir/bin"
	cp "$KAP" "$(dirname "$KAP")/vmlinux" "$dir/bin/"
	cp "$image" "$dir/bin/image.cpio"
	chmod -R a+rX "$dir/bin"
	session setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$dir/bin/kap" run \
		--cpus 4 --initrd "$dir/bin/image.cpio" -- \
		/t/smp_sync agree barrier code rseq >"$out" 2>"$log"
	status=$?
	after 'as nobody'
	is "$(grep -c '^ok' "$out")/$(grep -c '^not' "$out")/$status" 9/0/0 'all of this as nobody'
else
	skip 'as nobody' 'needs root to become another user'
fi
finish
