#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# Debuggers that behave badly, two of them, none any more: a clear error, nothing hangs, and the
# guest goes on without breakpoints. Guest time while it is held.

# shellcheck source=tests/boot/gdb.sh
. "$(dirname "$0")/gdb.sh"
idle=$(address kap_idle "$usual_kernel")
getppid=$(address sys_getppid "$usual_kernel")

# What the guest's shell does: one line of output for each of input; "end" ends it.
answering='echo up; while read x; do [ "$x" = end ] && exit 3; echo "$x $(cut -d" " -f 1 /proc/uptime)"; done'

# A number as the protocol has registers: hexadecimal, 8 bytes, the lowest first.
swapped()
{
	sed 's/^0x//; s/^/0000000000000000/; s/.*\(................\)$/\1/' |
		sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'
}

# alive WHAT: the guest answers within 20 s, which shows that it goes on
alive()
{
	word=$1-$points
	echo "$word" >&4
	within 20 grep -q "^$word " "$out"
	point $? "$KAP_CPUS vCPU: $1: the guest goes on"
}

# ---- what is not a debugger

garbage()
{
	rsp "$KAP_CPUS vCPU: garbage is ignored" 'raw \x00\xff}}#\n$#$#00$' 'repeat 20000 junk-' \
		'raw $m0,4#zz' 'close' 'open' 'send ?' 'reply' 'expect T'
	alive 'garbage'
	rsp "$KAP_CPUS vCPU: a wrong checksum is refused" 'cmd ?' 'expect T' 'raw $g#00' 'byte -' \
		'stays 300' 'cmd ?' 'expect T'
	rsp "$KAP_CPUS vCPU: an oversized packet gets an error" 'cmd ?' 'oversized 60000' 'reply' \
		'expect E' 'cmd ?' 'expect T'
	rsp "$KAP_CPUS vCPU: packets that mean nothing" 'cmd ?' 'cmd vNonsense;1' 'cmd mzz,4' \
		'expect E' 'cmd m0,ffffffffffffffff' 'expect E' 'cmd Gxx' 'expect E' 'cmd pffffff' \
		'expect E' 'cmd Z9,0,1' 'cmd Hg7f' 'expect E' 'cmd vCont;s:7f' 'expect E' \
		'cmd X670000400000,ffff:' 'expect E' 'cmd qRcmd,zz' 'expect E' 'cmd ?' 'expect T'
	alive 'nonsense'
}

# Whoever connects and has nothing to say, like a port scanner, does not stop the guest; nor does
# what is no packet. A debugger takes its place.
silent()
{
	answers="for i in \$(seq 400); do grep -q '^WORD ' '$out' && exit; sleep 0.05; done; exit 1"
	rsp "$KAP_CPUS vCPU: a connection without a word" \
		"sh echo silent-$KAP_CPUS >'$dir/in'" "sh $(echo "$answers" | sed "s/WORD/silent-$KAP_CPUS/")" \
		'raw GET / HTTP/1.0\n\n' 'raw $?#00' 'byte -' \
		"sh echo words-$KAP_CPUS >'$dir/in'" "sh $(echo "$answers" | sed "s/WORD/words-$KAP_CPUS/")" \
		"sh timeout 20 '$built/rspclient' '$socket' 'cmd ?' 'expect T02' 'cmd D' 'expect OK'" \
		closed
	rsp "$KAP_CPUS vCPU: Ctrl-C is enough to be one" interrupt 'stays 200' \
		"sh timeout 20 '$built/rspclient' '$socket' closed | grep -q another" 'cmd ?' \
		'expect T02' 'cmd D' 'expect OK'
	alive 'silent connections'
}

errors()
{
	rsp "$KAP_CPUS vCPU: memory that isn't there: errors" 'cmd ?' 'cmd m10,8' 'expect E' \
		'cmd mffff888000000000,8' 'expect E' 'cmd m67ffffff0000,8' 'expect E' \
		'cmd M10,1:00' 'expect E' 'cmd m670000000000,40' 'cmd Z0,67ffffff0000,1' 'expect E' \
		"cmd Z0,${idle#0x},1" 'expect OK' "cmd Z0,${idle#0x},1" 'expect OK' \
		"cmd z0,${idle#0x},1" 'expect OK'
	rsp "$KAP_CPUS vCPU: a fifth debug register: an error" 'cmd ?' \
		"cmd Z1,${idle#0x},1" 'expect OK' "cmd Z1,${getppid#0x},1" 'expect OK' \
		'cmd Z2,670000d00000,8' 'expect OK' 'cmd Z4,670000d00008,8' 'expect OK' \
		'cmd Z3,670000d00010,8' 'expect E.' "cmd z1,${idle#0x},1" 'expect OK' \
		'cmd Z3,670000d00010,8' 'expect OK'
	rsp "$KAP_CPUS vCPU: breakpoints are not seen in memory" 'cmd ?' \
		"cmd m${idle#0x},1" "cmd Z0,${idle#0x},1" 'expect OK' "cmd m${idle#0x},1" \
		"cmd D" 'expect OK'
	is "$(sed -n 2p "$dir/rsp")" "$(sed -n 4p "$dir/rsp")" "$KAP_CPUS vCPU: the same byte"
	alive 'errors'
}

# ---- leaving without a word

# gdb_killed HOW: gdb is killed with -9 while the guest is stopped, or runs, with breakpoints in
gdb_killed()
{
	mkfifo "$dir/gdb.in"
	gdb -nx -quiet -iex 'set auto-load off' "$usual_kernel" <"$dir/gdb.in" >"$dir/gdb.out" 2>&1 &
	gdb=$!
	exec 5>"$dir/gdb.in"
	printf '%s\n' 'set pagination off' "target remote $socket" 'break kap_idle' \
		'watch *(long *)&jiffies_64' 'continue' >&5
	within 20 grep -qE '^New value|Breakpoint 1, ' "$dir/gdb.out" || point 1 "$1: gdb stops somewhere"
	if [ "$1" = running ]; then
		# A breakpoint that is not hit any more by the time.
		printf '%s\n' 'delete' 'break panic' 'hbreak sys_getppid' 'continue' >&5
		within 20 sh -c "[ \$(grep -c Continuing '$dir/gdb.out') = 2 ]"
	fi
	kill -KILL $gdb
	exec 5>&-
	wait $gdb 2>/dev/null
	rm "$dir/gdb.in"
	alive "gdb killed while the guest was $1"
	within 10 grep -q "debugger's connection has ended" "$log"
	point $? "$KAP_CPUS vCPU: kap says so"
	: >"$log"
	rsp "$KAP_CPUS vCPU: the breakpoints are gone" 'cmd ?' 'expect T' noack 'send c' 'stays 500' \
		'interrupt' 'reply' 'expect T02'
	alive 'after that'
}

# ---- two of them, ports

two()
{
	rsp "$KAP_CPUS vCPU: a second debugger is turned away, the first does not notice" \
		'cmd ?' 'expect T' \
		"sh '$built/rspclient' '$socket' closed >'$dir/second'" \
		'cmd ?' 'expect T' 'cmd D' 'expect OK' 'closed'
	grep -q 'another debugger' "$dir/second"
	point $? "$KAP_CPUS vCPU: with words"
	alive 'a second debugger'
}

ports()
{
	ported=yes
	"$KAP" run --quiet --timeout 20 --kernel "$usual_kernel" --gdb "unix:$socket" -- true \
		>"$dir/second" 2>&1
	is "$?" 121 "a socket in use: 121"
	is "$(wc -l <"$dir/second")" 1 'in one line'
	alive 'its socket wanted by another'
	: >"$dir/file"
	"$KAP" run --quiet --timeout 20 --kernel "$usual_kernel" --gdb "unix:$dir/file" -- true \
		>"$dir/second" 2>&1
	is "$?/$(wc -l <"$dir/second")" 121/1 'a file where the socket shall be'
	[ -f "$dir/file" ]
	point $? 'the file stays'
}

tcp()
{
	port=$((20000 + $$ % 20000))
	begin_kap --gdb $port --kernel "$usual_kernel" --initrd "$built/initramfs.cpio" \
		-S -- sh -c "$answering" <"$dir/in"
	within 10 grep -q "waiting for a debugger" "$log"
	rsp_socket=$socket
	socket=$port
	rsp 'a port of the loopback' 'cmd ?' 'expect T' 'cmd p10' 'expect ' 'cmd D' 'expect OK'
	socket=$rsp_socket
	until_shown up || { end_guest; return; }
	"$KAP" run --quiet --timeout 20 --kernel "$usual_kernel" --gdb $port -- true \
		>"$dir/second" 2>&1
	is "$?/$(wc -l <"$dir/second")" 121/1 'a port in use: 121, in one line'
	echo end >&4
	ends 3 'and the guest ends'
}

# ---- stopping in any state, time

stops()
{
	rsp "$KAP_CPUS vCPU: Ctrl-C twenty times, at once or a little later" 'noack' \
		'send c' 'interrupt' 'reply' 'expect T02' \
		'send c' 'stays 30' 'interrupt' 'reply' 'expect T02' \
		'send c' 'interrupt' 'interrupt' 'reply' 'expect T02' \
		'send c' 'stays 200' 'interrupt' 'reply' 'expect T02' \
		'send vCont;c' 'interrupt' 'reply' 'expect T02' \
		'send vCont;c' 'stays 10' 'interrupt' 'reply' 'expect T02'
	alive 'Ctrl-C'
	rsp "$KAP_CPUS vCPU: detach while it runs" 'cmd ?' noack 'send c' 'stays 50' 'send D' \
		'reply' 'expect OK' 'closed'
	alive 'detach while it runs'
}

uptime_of()
{
	sed -n "s/^$1 //p" "$out"
}

# Longer than the guest's watchdogs wait: what they say after() finds on the console.
watchdogs='rcupdate.rcu_cpu_stall_timeout=6 watchdog_thresh=3'
time_stands()
{
	begin=$(date +%s.%N)
	echo time-before >&4
	within 20 grep -q '^time-before ' "$out"
	rsp "$KAP_CPUS vCPU: held for 9 s" 'cmd ?' 'expect T' 'stays 9000' 'cmd D' 'expect OK'
	echo time-after >&4
	within 20 grep -q '^time-after ' "$out"
	spent=$(echo "$(date +%s.%N) $begin $(uptime_of time-after) $(uptime_of time-before)" |
		awk '{ printf "%.2f %.2f", $1 - $2, $3 - $4 }')
	echo "# host and guest: $spent"
	echo "$spent" | awk '{ exit !($1 - $2 > 8.9 && $2 >= 0) }'
	point $? "$KAP_CPUS vCPU: guest time stood still"
}

one_guest()
{
	guest "$usual_kernel" --verbose --append "$watchdogs" -- sh -c "$answering"
	until_shown up || { end_guest; return; }
	silent
	garbage
	errors
	gdb_killed stopped
	gdb_killed running
	two
	stops
	time_stands
	[ "$ported" = yes ] || ports
	echo end >&4
	ends 3 "$KAP_CPUS vCPU: the guest comes to its own end"
	[ ! -e "$socket" ]
	point $? "$KAP_CPUS vCPU: the socket is gone"
}

# ---- a user page that is not there

paged()
{
	truncate -s 32M "$dir/swap"
	guest "$usual_kernel" --disk "$dir/swap" -- /t/debugged paged
	until_shown 'swapped out' || { end_guest; return; }
	pid=$(sed -n 's/^paged //p' "$out")
	go="sh echo go >'$dir/in'"
	# It is hit before the page is asked for; the step brings that back.
	rsp "$KAP_CPUS vCPU: a breakpoint in a page that is swapped out: hit, and stepped from" \
		'cmd ?' 'expect T' "monitor space $pid" \
		'cmd m10000000,4' 'expect E' 'cmd M10000000,1:90' 'expect E' \
		'cmd Z0,10000000,1' 'expect OK' noack 'send c' 'stays 100' "$go" 'reply' \
		'expect T05' 'has ;10:0000001000000000;' 'cmd z0,10000000,1' 'expect OK' \
		'cmd s' 'expect T05' 'has ;10:0300001000000000;' 'cmd m10000000,4' \
		'expect 48ffc0c3' 'cmd D' 'expect OK'
	until_shown 'taken away' || { end_guest; return; }
	shows 'called 42' "$KAP_CPUS vCPU: the code has done what it should"
	rsp "$KAP_CPUS vCPU: where no page is any more: hit when there is one again" \
		'cmd ?' 'expect T' "monitor space $pid" \
		'cmd m10000000,4' 'expect E' 'cmd Z0,10000000,1' 'expect OK' noack 'send c' \
		'stays 100' "$go" 'reply' 'expect T05' 'has ;10:0000001000000000;' \
		'cmd m10000000,4' 'expect 48ffc0c3' 'send c' "sh until grep -q 'once more' '$out'; do
			sleep 0.05; done" 'interrupt' 'reply' 'expect T02' 'cmd z0,10000000,1' \
		'expect OK' 'cmd Z0,10000000,1' 'expect OK' "$go" 'send c' 'reply' 'expect W07'
	shows 'called 43' "$KAP_CPUS vCPU: the code there has, too"
	ends 7 "$KAP_CPUS vCPU: a breakpoint in a program that ends is no matter"
	rm "$dir/swap"
}

ported=no
for KAP_CPUS in $counts; do
	one_guest
	paged
done
KAP_CPUS=1
tcp

# ---- connecting while it starts, leaving while there is more to tell

for try in 1 2 3 4 5 6 7 8 9 10; do
	guest "$usual_kernel" --cpus 2 -S -- true
	rsp "it is held at its first instruction, connection $try" 'cmd ?' 'expect T' \
		"cmd p10" "has $(address kap_kernel_start "$usual_kernel" | swapped)" \
		'cmd vKill;1' 'expect OK' closed
	end_guest
done

guest "$usual_kernel" --cpus 2 -- sh -c 'while :; do :; done & while read x; do
	[ "$x" = end ] && exit 3; echo "$x up"; done'
KAP_CPUS=2
alive 'a busy guest'
rsp 'two vCPUs are told to step, one of them is heard' 'cmd ?' 'expect T' \
	'cmd vCont;s:1;s:2' 'expect T' 'cmd D' 'expect OK' closed
alive 'the other one'
end_guest

# ---- a panic

panic='echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
expect_panic=yes
guest "$usual_kernel" --cpus 2 --on-panic gdb -- sh -c "$panic"
until_shown 'it waits for a debugger: kap gdb --attach' "$log"
rsp 'a guest that has panicked waits for a debugger' 'cmd ?' 'expect T06' 'cmd g' 'cmd vCont;c' \
	'expect W'
ends 123 'and ends as usual afterwards'
guest "$usual_kernel" --cpus 2 --on-panic dump --dump "$dir/core" -- sh -c "$panic"
ends 123 'or it leaves a dump behind'
gdb -nx -batch -iex 'set auto-load off' -ex 'info threads' -ex 'thread apply all backtrace 5' \
	"$usual_kernel" "$dir/core" >"$dir/gdb.out" 2>&1
is "$(grep -c '^Thread ' "$dir/gdb.out")" 2 'which gdb reads, with both vCPUs'
point "$(grep -q panic_to_monitor "$dir/gdb.out"; echo $?)" 'and the one that panicked'
rm -f "$dir/core"
expect_panic=no

# ---- as an ordinary user

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$dir/bin" "$dir/nobody"
	cp "$KAP" "$usual_kernel" "$built/initramfs.cpio" "$dir/bin/"
	chmod -R a+rX "$dir/bin"
	chown 65534:65534 "$dir/nobody"
	rm -f "$dir/sid"
	session setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
		"$dir/bin/kap" run --timeout 60 --cpus 2 -S --gdb "unix:$dir/nobody/s" \
		-- /t/debugged fast </dev/null >"$out" 2>"$log" &
	job=$!
	within 10 test -S "$dir/nobody/s"
	sid=$(cat "$dir/sid")
	is "$(stat -c %a:%u "$dir/nobody/s")" 600:65534 'nobody: the socket is private'
	socket=$dir/nobody/s
	rsp 'nobody: breakpoints, debug registers, steps' 'cmd ?' 'expect T' \
		"cmd Z1,${idle#0x},1" 'expect OK' 'cmd qSupported:swbreak+;hwbreak+' \
		'cmd c' 'has hwbreak' "cmd z1,${idle#0x},1" \
		'expect OK' "hits $getppid 20" 'cmd s' 'expect T05' 'cmd vKill;1' 'expect OK' closed
	within 10 sh -c "! kill -0 $job"
	point $? 'nobody: vKill ends the guest'
	end_guest
else
	skip 'as nobody' 'needs root to become another user'
fi
finish
