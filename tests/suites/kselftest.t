#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own tests of its user interface (kselftest.list) in three guests at a time.
# What fails or is skipped is run natively as well and compared with kselftest.expected: a
# difference that isn't explained there fails this script. Names as arguments run only those
# tests; KSELFTEST_KEEP names a folder that gets what they said.

. "$(dirname "$0")/../boot/boot.sh"
suites=tests/suites
root=build/kselftest/root

if [ ! -s build/kselftest/kselftest.img ]; then
	echo "1..0 # SKIP build/kselftest/kselftest.img is not there: make kselftest"
	exit 0
fi
some=$#
[ $# = 0 ] || printf '%s\n' "$@" >"$dir/only"

# one_guest PART PARTS LIMIT: the tests of a part, in one guest after another as long
# as guests end before their list does.
one_guest()
{
	part=$1
	without=$dir/without.$part
	: >"$without"
	cp build/kselftest/kselftest.img "$dir/disk.$part"
	truncate -s 256M "$dir/swap.$part"
	for try in 1 2 3 4 5 6; do
		{ echo "without"; cat "$without"; echo "only"; cat "$dir/only" 2>/dev/null; } |
			"$KAP" run ${KAP_CPUS:+--cpus "$KAP_CPUS"} \
				${KAP_ENGINE:+--engine "$KAP_ENGINE"} --verbose --mem 2560M \
				--timeout "$3" --disk "$dir/disk.$part" --disk "$dir/swap.$part" \
				--root /dev/vda -- /kst/start "$1" "$2" \
				>"$dir/out.$part.$try" 2>"$dir/console.$part.$try"
		status=$?
		grep -aqx '@@ finished' "$dir/out.$part.$try" && return
		echo "# guest $part.$try ended with status $status before its list"
		sed -n 's/^@@ begin \([^ ]*\) .*/\1/p' "$dir/out.$part.$try" >>"$without"
		# It may have ended without a clean file system.
		cp build/kselftest/kselftest.img "$dir/disk.$part"
	done
}

# Many tests mostly sleep.
guests=3
for i in $(seq $guests); do
	one_guest "$i" $guests 900 >"$dir/notes.$i" &
done
wait
cat "$dir"/notes.*
cat "$dir"/out.* | awk -f $suites/kselftest-parse.awk >"$dir/guest"

# Natively only what is to be compared, failures and skips: the rest would prove nothing.
awk -F '\t' '$2 == "fail" || $2 == "skip" || $5 > 0 { print $1 }' "$dir/guest" |
	sort -u >"$dir/failing"
cp -a $root/kst "$dir/kst"
if [ -s "$dir/failing" ]; then
	: >"$dir/none"
	set -- env NATIVE=1 "$dir/kst/run" 1 1 "$dir/none" "$dir/failing"
	if unshare --mount --pid --fork --kill-child --mount-proc true 2>/dev/null; then
		set -- unshare --mount --pid --fork --kill-child --mount-proc "$@"
	else
		echo "# natively without root: what needs it differs"
	fi
	"$@" >"$dir/native.out" 2>&1 </dev/null
	awk -f $suites/kselftest-parse.awk "$dir/native.out" >"$dir/native"
else
	: >"$dir/native"
fi

awk -v some=$some -f $suites/expected.awk \
	-f $suites/kselftest-report.awk part=1 $suites/kselftest.expected part=2 "$dir/native" \
	part=3 "$dir/guest" >"$dir/report"
cat "$dir/report"
points=$(grep -c '^\(not \)\{0,1\}ok ' "$dir/report")
! grep -q '^not ok ' "$dir/report" || failed=1

[ "$(grep -c . "$dir/guest")" -gt 0 ]
point $? 'tests ran'
cat "$dir"/console.* >"$log"
grep -av '\] trap general protection fault ip:' "$log" | grep -aE "$bad_words" | sort -u >"$dir/bad"
[ ! -s "$dir/bad" ]
point $? 'the consoles are clean'
sed 's/^/#   /' "$dir/bad"
if [ -n "${KSELFTEST_KEEP-}" ]; then
	mkdir -p "$KSELFTEST_KEEP"
	cp "$dir"/out.* "$dir"/console.* "$dir"/guest "$dir"/native* "$dir/report" "$KSELFTEST_KEEP"
fi
finish
