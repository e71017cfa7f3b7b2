#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# `kap run -- command`: statuses, standard streams, ends of a guest. What a user types first.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null

# ---- statuses of commands

kap -- uname -srm
wants 0 'a command runs'
shows "Linux 6.12" 'the guest is Linux 6.12'
for n in 1 7 120 121 122 123 124 125 255; do
	kap_plain -- sh -c "exit $n"
	[ "$status" = "$n" ] || break
done
wants 255 "the command's own status is kap's, also where kap has a meaning of its own"
kap_plain -- no-such-command
wants 127 'a command that is not there gives 127'
has 'no-such-command' 'and a line that names it'
kap_plain -- /etc/passwd
wants 126 'a file that is no program gives 126'
has '/etc/passwd' 'and a line that names it'
for sig in HUP:129 INT:130 KILL:137 SEGV:139 TERM:143 34:162; do
	kap_plain -- sh -c 'kill -'${sig%:*}' $$'
	[ "$status" = "${sig#*:}" ] || break
done
wants 162 "a command killed by signal n gives 128 + n ($sig)"
special=$(printf '\303\244*')
kap -- sh -c 'printf "%s|" "$@"' x 'a b' '' "c'd" '$e' "$special"
is "$(cat "$out")" "a b||c'd|\$e|$special|" 'arguments arrive unchanged'
kap -- sh -c 'read x; echo "[$x]"; env; pwd; hostname; id'
shows '[]' 'an empty stdin is at its end'
shows 'PATH=/usr/local/sbin' 'the environment has a PATH'
shows 'uid=0' 'the command is root in its guest'

# ---- streams

echo hi | session "$KAP" run -- cat >"$out" 2>"$log"
is "$(cat "$out")" hi 'echo hi | kap run -- cat'
is "$(cat "$log")" '' 'and nothing else is said'
kap_plain -- sh -c 'echo to-err >&2; echo to-out'
is "$(cat "$out")/$(cat "$log")" to-out/to-err 'stdout and stderr are apart'
session "$KAP" run -- sh -c 'i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done' \
	>"$out" 2>&1
is "$(grep -c '^[oe]' "$out")" 400 'both may go to one file'
kap_plain -- sh -c 'tty; [ -t 0 ] || echo no tty; ls -l /proc/self/fd/0 >/dev/null && echo fd'
shows 'no tty' 'pipes are no terminal for the command'
kap_plain -- sh -c 'cat /proc/self/mounts | wc -l; ls /nonexistent' 2>&1
wants 1 'a pipeline in the guest, and the status of its shell'

big=$dir/big
head -c 104857600 /dev/urandom >"$big"
sum=$(md5sum <"$big")
kap -- md5sum <"$big"
is "$(cat "$out")" "$sum" '100 MB of a file arrive in the guest'
session "$KAP" run -- cat <"$big" 2>"$log" | md5sum >"$out"
is "$(cat "$out")" "$sum" '100 MB from a file, through the guest, into a pipe'
# shellcheck disable=SC2002 # the pipe is what it is about
cat "$big" | session "$KAP" run -- cat 2>"$log" >"$dir/big2"
is "$(md5sum <"$dir/big2")" "$sum" '100 MB from a pipe, through the guest, into a file'
rm -f "$big" "$dir/big2"

# 1.2 MB in writes of 30000 bytes fit into the device's queue, but not into the pipe. So the
# command ends, and the guest wants to power off, while the reader has not begun.
late_reader()
{
	read -r _ <"$dir/go"
	wc -c
}
mkfifo "$dir/go"
{
	session "$KAP" run --verbose --timeout 100 -- \
		sh -c 'dd if=/dev/zero bs=30000 count=40; echo ended >&2' 2>"$log"
	echo $? >"$dir/status"
} | late_reader >"$out" &
reader=$!
exec 3<>"$dir/go"
within 30 grep -q '^ended' "$log"
# Nothing tells of a guest that rightly waits: give the wrong one a second.
within 1 grep -q 'reboot: Power down' "$log"
echo go >&3
wait $reader
exec 3>&-
is "$(cat "$out")" 1200000 'a reader that starts late gets everything'
is "$(cat "$dir/status")" 0 'and the status is the command'\''s'

for how in 'poweroff -f' 'reboot -f' 'echo o >/proc/sysrq-trigger; sleep 60'; do
	# shellcheck disable=SC2094 # it waits for what is being written
	session "$KAP" run --verbose -- sh -c "dd if=/dev/zero bs=30000 count=40; $how" 2>"$log" |
		{ within 1 grep -q 'reboot: ' "$log"; wc -c; } >"$out"
	is "$(cat "$out")" 1200000 "all output arrives before: $how"
done

# Nobody reads at all: the guest waits, and can still be ended.
rm -f "$dir/status"
{
	session "$KAP" run --timeout 1.5 -- dd if=/dev/zero bs=30000 count=40 2>"$log"
	echo $? >"$dir/status"
} | within 30 test -s "$dir/status"
is "$(cat "$dir/status")" 124 'a guest whose output nobody takes ends at its time-out'
sid=$(cat "$dir/sid")
is "$(gone)" 0 'and leaves nothing behind'

session "$KAP" run --timeout 60 -- sh -c 'yes' 2>"$log" | head -n 2 >"$out"
is "$(cat "$out")" "y
y" 'a reader that goes away ends a command that writes for ever'
sid=$(cat "$dir/sid")
is "$(gone 200)" 0 'and nothing of the guest stays'
yes | session "$KAP" run --timeout 60 -- head -n 1 >"$out" 2>"$log"
is "$(cat "$out")/$?" y/0 'a command that reads less than it is sent'

kap_plain -- cat <&-
wants 0 'stdin closed: the command sees an end'
kap_plain -- sh -c 'exec 0</proc/self/mounts; read x && echo "$x"; exit 3' <&-
wants 3 'and its status is right'
session "$KAP" run -- sh -c 'echo lost; exit 4' >&- 2>"$log"
status=$?
wants 4 'stdout closed: the command runs'
session "$KAP" run -- sh -c 'echo kept; echo lost >&2; exit 5' 2>&- >"$out"
status=$?
is "$status/$(cat "$out")" 5/kept 'stderr closed: the command runs'
session "$KAP" run -- sh -c 'head -c 300000 /dev/zero' >/dev/full 2>"$log"
status=$?
wants 122 'stdout on a full disk gives 122'
has 'No space left on device' 'and says so'
is "$(grep -c '^kap: ' "$log")" 1 'once'

# ---- ends

kap_plain -- sh -c 'poweroff; sleep 100'
wants 0 'a guest that powers off in good order before its command has ended gives 0'
kap_plain -- poweroff -f
wants 125 'one whose power goes without a status of the command gives 125'
has "without a status for the command" 'and says so'
kap_plain <<'E'
echo in-the-shell; poweroff
E
wants 0 'no command: the shell takes a pipe; poweroff gives 0'
shows in-the-shell 'and its output is on stdout'
kap_plain <<'E'
exit 0
E
wants 0 'leaving the shell powers off'
printf 'cat\nend-of-cat' | session "$KAP" run --timeout 30 >"$out" 2>"$log"
status=$?
wants 0 'the end of the input ends what the shell runs, and then the shell'
is "$(tr -d '\r' <"$out" | grep -c '^end-of-cat$')" 2 'a last line without an end was typed and read'
heard=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf 'echo $((40 + %s))\nexit\n' "$i" | session "$KAP" run --timeout 30 >"$out" 2>"$log"
	! grep -q "^$((40 + i))" "$out" || heard=$((heard + 1))
done
is $heard 10 'a shell gets the input that was there before it'
expect_panic=yes
kap_plain -- taskset -c 0 sh -c 'echo before; echo c >/proc/sysrq-trigger'
wants 123 'a panic gives 123'
has 'guest kernel panic on vCPU 0: sysrq triggered crash' 'with the reason'
has 'sysrq_handle_crash+' 'a backtrace with names'
has '  rip 00006' 'registers'
has 'last console lines:' 'and the last console lines'
is "$(sed '1,/^last console lines:/d' "$log" | grep -c '^  | .*Kernel panic - not syncing')" 1 \
	'which say why, once'
shows before 'what was written before the panic arrives'
kap_plain --append panic_on_oops=1 -- sh -c 'kill -9 1; kill -SEGV 1; echo alive'
shows alive 'killing init from inside is refused'
kap_plain --initrd none
wants 123 'no initrd, no root: a panic'
has 'nable to mount root fs' 'which says why'
kap_plain <<'E'
echo "typed-before"
echo c >/proc/sysrq-trigger
E
wants 123 'a panic below a shell'
is "$(sed '1,/^last console lines:/d' "$log" | grep -c '^  | .*Kernel panic - not syncing')" 1 \
	'its last console lines say why'
has '  | typed-before' 'and what the shell said'
expect_panic=no
kap_plain --timeout 0.6 -- sh -c 'echo started; sleep 100'
wants 124 '--timeout gives 124'
one_line 'and one line'
shows started 'what was written before the time-out arrives'
kap_plain --timeout 0.6 -- sh -c 'while :; do :; done'
wants 124 '--timeout ends a guest that spins'
echo reboot | session "$KAP" run --timeout 30 >"$out" 2>"$log"
is "$?/$(grep -c BusyBox "$out")" 0/2 'a guest that reboots starts again, and finds its input ended'
mkfifo "$dir/typed"
exec 3<>"$dir/typed"
echo reboot >&3
kap_plain --timeout 1.5 <&3
exec 3>&-
wants 124 'a guest that reboots starts again; the time-out goes on'

# ---- what is said

kap_plain --quiet -- true
is "$(cat "$log")" '' '--quiet says nothing'
kap_plain --quiet --timeout 0.3 -- sleep 100
one_line '--quiet still tells errors'
kap -- sh -c 'echo "<2>from-the-guest" >/dev/kmsg'
has 'Linux version 6.12' "--verbose shows the kernel's messages from the first line"
has 'from-the-guest' 'to the last'
is "$(grep -c 'Linux version' "$log")/$(grep -c 'from-the-guest' "$log")" 1/1 'each of them once'
is "$(grep '^\[' "$log" | sort | uniq -d)" '' 'no line twice'
has "engine ${KAP_ENGINE:-}" 'and what kap does'
[ -n "${KAP_ENGINE-}" ] || has 'kap: engine ' 'and why auto chose its engine'
is "$(cat "$out")" '' 'not on stdout'
kap -- sh -c 'echo "[    0.000001] not-the-kernel" >/dev/hvc0'
has 'not-the-kernel' 'what a program says on the console is there, too, whatever it looks like'
kap <<'E'
echo "<2>from-the-shell" >/dev/kmsg
exit
E
is "$(cat "$log" "$out" | grep -c 'Linux version')" 1 '--verbose with a shell: the first line once'
is "$(cat "$log" "$out" | tr -d '\r' | grep '^\[' | sort | uniq -d)" '' 'and no other twice'
is "$(cat "$log" "$out" | tr -d '\r' | grep -c '\] from-the-shell$')" 1 'to the last'
kap --append one=1 --append 'two="2 3"' -- cat /proc/cmdline
shows ' one=1 two="2 3"' '--append adds to the command line, and may repeat'
kap --mem 512M -- awk '/MemTotal/ { print ($2 > 480000 && $2 < 524288) ? "right" : $2 }' /proc/meminfo
shows right '--mem is what the guest has'
kap --mem 32M -- echo small
shows small 'the least --mem runs a command'
for e in auto ptrace; do
	kap --engine $e --cpus 1 -- nproc
	shows 1 "--engine $e --cpus 1"
done
finish
