#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What takes a debugger long: 10,000 single steps through the boot, which are the same addresses as
# breakpoints find there; a breakpoint that is hit 10,000 times; 200 debuggers that come and go while
# the guest is busy.

# shellcheck source=tests/boot/gdb.sh
. "$(dirname "$0")/../boot/gdb.sh"
RSP_LIMIT=200
sys_getppid=$(address sys_getppid "$usual_kernel")
kernel_clone=$(address kernel_clone "$usual_kernel")

# ---- steps

steps()
{
	guest "$usual_kernel" -S -- true
	rsp "$KAP_CPUS vCPU: 10,000 steps from the first instruction on" noack 'cmd ?' 'expect T' \
		"trace 10000 $dir/trace" 'cmd D' 'expect OK'
	sed 's/^/# /' "$dir/rsp" | grep steps
	ends 0 "$KAP_CPUS vCPU: the guest boots from there"
	[ "$(wc -l <"$dir/trace")" = 10000 ]
	point $? "$KAP_CPUS vCPU: each step ended somewhere"
	places=$(awk '!seen[$1]++ { n++ } END { print n + 0 }' "$dir/trace")
	[ "$places" -ge 500 ]
	point $? "$KAP_CPUS vCPU: they led to $places different addresses"
	# Every third of those of a short way is more than every hundredth of a long one.
	guest "$usual_kernel" -S -- true
	rsp "$KAP_CPUS vCPU: another boot hits breakpoints at them in the same order" noack \
		'cmd ?' 'expect T' "follow $dir/trace $((places / 100))" 'cmd D' 'expect OK'
	sed 's/^/# /' "$dir/rsp" | grep addresses
	refused=$(sed -n 's/.* \([0-9]*\) refused$/\1/p' "$dir/rsp")
	is "$refused" 0 "$KAP_CPUS vCPU: no address was refused"
	ends 0 "$KAP_CPUS vCPU: the guest boots from there, too"
}

# ---- hits

hits()
{
	guest "$usual_kernel" -- /t/debugged fast
	until_shown 'fast '
	rsp "$KAP_CPUS vCPU: a breakpoint is hit 10,000 times" noack 'cmd ?' 'expect T' \
		'turns 10000' "hits $sys_getppid 10000" 'cmd D' 'expect OK'
	grep -aE ' (hits|turns), ' "$dir/rsp" | sed 's/^/# /'
	# Of a hit four turns are the debugger's own: what it would take to ask anything.
	beyond=$(awk '$2 == "turns," { turn = $3 } $2 == "hits," { print int(($3 - 4 * turn) / 1000) }' \
		"$dir/rsp")
	# On a machine that does other things.
	[ -n "$beyond" ] && [ "$beyond" -lt 3000 ]
	point $? "$KAP_CPUS vCPU: $beyond us each beyond the debugger's own time, less than 3000 (the aim is 100)"
	end_guest
}

# The vCPU that is stepped goes first, but the others are not forgotten.
others()
{
	# shellcheck disable=SC2016 # the guest's shell expands it
	guest "$usual_kernel" -- sh -c 'taskset -c 0 /t/debugged fast &
		taskset -c 1 sh -c "i=0; while :; do i=\$((i + 1))
			[ \$((i % 200)) != 0 ] || echo at \$i; done"'
	until_shown 'fast '
	until_shown 'at 400'
	reached=$(grep -c '^at ' "$out")
	rsp "$KAP_CPUS vCPU: a breakpoint is hit 5,000 times on one of them" noack 'cmd ?' 'expect T' \
		"hits $sys_getppid 100" "sh grep -c '^at ' '$out' >'$dir/reached'" \
		"hits $sys_getppid 5000" "sh grep -c '^at ' '$out' >'$dir/went-on'" \
		'cmd D' 'expect OK'
	[ "$(cat "$dir/went-on")" -gt "$(($(cat "$dir/reached") + 2))" ]
	point $? "$KAP_CPUS vCPU: another one works meanwhile"
	echo "# lines from there: $reached, $(cat "$dir/reached"), $(cat "$dir/went-on")"
	end_guest
}

# Steps in one of two processes that take turns end in this process.
user_hits()
{
	guest "$usual_kernel" -- sh -c '/t/debugged loop & /t/debugged loop & wait'
	within 20 sh -c "[ \$(grep -c '^loop ' '$out') = 2 ]"
	rsp "$KAP_CPUS vCPU: a breakpoint in user code is hit 3,000 times" noack 'cmd ?' \
		'expect T' "hits $(address touched "$built/debugged") 3000" 'cmd D' 'expect OK'
	sed 's/^/# /' "$dir/rsp" | grep hits
	end_guest
}

# ---- coming and going

# The guest works all the time: each round makes processes, pipes and files, and says what it has
# found, which is the same each time.
# shellcheck disable=SC2016 # the guest's shell expands it
busy='
	cd /tmp
	dd if=/dev/vda bs=64k count=8 2>/dev/null >first
	round()
	{
		for i in 1 2 3 4 5 6 7 8; do echo "$1 $i" >"f$1.$i" & done
		wait
		cat "f$1".* | sort | md5sum >"sum$1"
		dd if=/dev/vda bs=64k count=8 2>/dev/null | cmp - /tmp/first
		(seq 500 | sort -rn | sed 1q; ls "f$1".* | wc -l) | tr "\n" " "
		rm "f$1".*
	}
	n=0
	while [ ! -e /tmp/over ]; do
		n=$((n + 1))
		made=$(round $n)
		[ "$made" = "500 8 " ] || echo "round $n: $made"
		[ $((n % 10)) != 0 ] || echo "at $n"
	done &
	read x
	touch /tmp/over
	wait
	set -- sum*
	echo "rounds with a sum: $#"
	echo "end $x"'

cycles()
{
	dd if=/dev/urandom of="$dir/disk" bs=64k count=16 2>/dev/null
	guest "$usual_kernel" --verbose --disk "$dir/disk,ro" -- sh -c "$busy"
	until_shown 'at 10' || { end_guest; return; }
	rsp "$KAP_CPUS vCPU: debuggers come and go 200 times" "cycles 200 $kernel_clone" \
		'cmd D' 'expect OK'
	sed 's/^/# /' "$dir/rsp" | grep cycles
	reached=$(grep -c '^at ' "$out")
	within 60 sh -c "[ \$(grep -c '^at ' '$out') -gt $((reached + 1)) ]"
	point $? "$KAP_CPUS vCPU: the load goes on"
	echo word >&4
	ends 0 "$KAP_CPUS vCPU: the guest comes to its own end"
	shows 'end word' "$KAP_CPUS vCPU: all of it"
	is "$(grep -c '^round ' "$out")" 0 "$KAP_CPUS vCPU: nothing was lost"
	grep '^round ' "$out" | head -n 5 | sed 's/^/# /'
	rounds=$(sed -n 's/^rounds with a sum: //p' "$out")
	at=$(sed -n 's/^at //p' "$out" | tail -n 1)
	[ "${rounds:-0}" -ge "${at:-1}" ]
	point $? "$KAP_CPUS vCPU: each of $rounds rounds left what it should"
}

for KAP_CPUS in $counts; do
	steps
	hits
	[ "$KAP_CPUS" = 1 ] || others
	user_hits
	cycles
done
finish
