#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# kap run at a terminal: the shell, its keys, its size, and that the terminal is as it was
# on every way out.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
prompt='expect=# '

# at STEPS... -- ARGS...: one session at a terminal; $status and $mode of it
at()
{
	"$built/pty" "$@" >"$out" 2>"$log"
	status=99
	mode=none
	sid=0
	eval "$(grep '^status=' "$log" | tr ' ' '\n')"
	sid=${session:-0}
	[ "$status" != 99 ] || sed 's/^/# /' "$log"
	left=$(gone 100)
	[ "$left" = 0 ] || point 1 "$left processes are left"
	cp "$out" "$log.out"
}

# ended STATUS DESCRIPTION: the status, and the terminal's mode
ended()
{
	is "$status, mode $mode" "$1, mode same" "$2"
	[ "$status" = "$1" ] || tail -n 5 "$out" | tr -d '\r' | awk '{ print "# out: " $0 }'
}

at "$prompt" raw 'send=echo $((6*7))\n' 'expect=42' 'send=exit\n' -- "$KAP" run
ended 0 'without a command: a shell; exit ends the guest with 0'
shows 'Ctrl-A ?' 'the keys are told at the start'

at "$prompt" 'send=stty size\n' 'expect=33 91' 'size=123x45' \
	'send=until stty size | grep -q 123; do :; done; stty size\n' 'expect=45 123' \
	"send=sh -c 'trap \"echo SIG\"\"WINCH; exit\" WINCH; echo rea\"\"dy; while :; do :; done'\\n" \
	'expect=ready' 'size=99x44' 'expect=SIGWINCH' 'send=exit 0\n' -- "$KAP" run
ended 0 'the terminal has the right size, follows it, and programs get SIGWINCH'

at "$prompt" 'send=sh -c "echo rea""dy; sleep 100"\n' 'expect=ready' 'send=\x03' "$prompt" \
	'send=echo =$?=\n' 'expect==130=' 'send=sh -c "echo rea""dy; cat"\n' 'expect=ready' \
	'send=abc\n' 'expect=abc' 'expect=abc' 'send=\x04' 'send=sh -c "echo rea""dy; sleep 99"\n' 'expect=ready' 'send=\x1a' \
	'expect=Stopped' 'send=jobs\n' 'expect=sleep 99' \
	'send=kill -9 %1; while jobs >/tmp/j; [ -s /tmp/j ]; do :; done; exit\n' -- "$KAP" run
ended 0 'Ctrl-C, Ctrl-D and Ctrl-Z go to the guest'

at "$prompt" 'send=tty; echo "$TERM"\n' 'expect=/dev/hvc0' 'expect=vt100' 'send=exit\n' -- \
	env TERM=vt100 "$KAP" run
ended 0 'the shell has a controlling terminal, and TERM'

at "$prompt" 'send=\x01?' 'expect=Ctrl-A x' 'send=\x01x' -- "$KAP" run
ended 0 'Ctrl-A ? shows the keys, Ctrl-A x leaves'
at "$prompt" 'send=cat >/dev/null\n' 'send=abc' 'send=\x01' 'send=x' -- "$KAP" run
ended 0 'also in two pieces and inside a program'
at "$prompt" 'send=cat -v\n' 'send=1\x01a2\x01\x013\n' 'expect=^A2^A3' 'send=\x04' \
	'send=exit\n' -- "$KAP" run
ended 0 'Ctrl-A a and Ctrl-A Ctrl-A give a Ctrl-A'
at "$prompt" 'send=kill -STOP $$\n' 'send=\x01x' -- "$KAP" run
ended 0 'Ctrl-A x ends a guest that reads nothing'
at raw 'send=\x01x' -- "$KAP" run -- sh -c 'while :; do :; done'
ended 0 'and one that spins'

at 'expect=33 91' -- "$KAP" run -- stty size
ended 0 'a command at a terminal has the terminal'
at -- "$KAP" run -- sh -c 'exit 9'
ended 9 'and its status counts'
at 'expect=[piped]' -- sh -c "echo piped | '$KAP' run -- sh -c 'read x; echo [\$x]; tty'"
ended 1 'stdin from a pipe at a terminal: the command gets the pipe'
at 'expect=got 3' -- sh -c "echo abc | '$KAP' run -- cat | { read x; echo got \${#x}; }"
ended 0 'stdout into a pipe at a terminal'
at 'expect=typed' 'send=word\n' 'expect=word' 'expect=<word>' -- \
	sh -c "'$KAP' run -- sh -c 'echo typed >&2; read x; echo \"<\$x>\"' | cat"
ended 0 'stdin is the terminal, stdout a pipe: cooked, as for any program'

# ---- ways out

for s in HUP:1 INT:2 QUIT:3 TERM:15; do
	at "$prompt" raw "kill=${s#*:}" -- "$KAP" run
	ended $((128 + ${s#*:})) "SIG${s%:*} to the monitor: 128 + ${s#*:}"
	shows "ended by signal ${s#*:}" 'and a line'
done
for s in ABRT:6 SEGV:11; do
	at "$prompt" raw "kill=${s#*:}" -- "$KAP" run
	ended $((128 + ${s#*:})) "SIG${s%:*}, as if the monitor crashed"
done
at "$prompt" raw 'sh=kill -9 $(pgrep -P $PID)' -- "$KAP" run
ended 125 'space 0 killed'
at "$prompt" 'send=echo c >/proc/sysrq-trigger\n' -- "$KAP" run
ended 123 'a panic'
# In raw mode a line break alone would make stairs.
is "$(tr '\n' '@' <"$out" | grep -c '[^\r]@rip')" 0 'its report is legible'
at "$prompt" -- "$KAP" run --timeout 1
ended 124 'a time-out'
at "$prompt" 'send=reboot\n' 'expect=BusyBox' "$prompt" 'send=echo again\n' 'expect=again' 'send=poweroff\n' -- \
	"$KAP" run
ended 0 'reboot starts the guest again, at the same terminal; poweroff'
at -- "$KAP" run --kernel /dev/null
ended 121 'a start that fails'
at "$prompt" raw 'kill=20' 'send=echo $((6*7))\n' 'expect=42' 'send=\x01x' -- "$KAP" run
ended 0 'SIGTSTP does not leave a raw terminal to the shell'
at "$prompt" 'sh=kill -STOP $PID; stty sane <$(readlink /proc/$PID/fd/0); kill -CONT $PID' raw \
	'send=exit\n' -- "$KAP" run
ended 0 'stopped and continued: raw again'
is "$(at "$prompt" raw 'send=exit\n' -- "$KAP" run --quiet; grep -c '^kap:' "$out")" 0 \
	'--quiet at a terminal: nothing but the guest'
finish
