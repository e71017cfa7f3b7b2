#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# An engine (KAP_ENGINE, or direct) on an emulated host with protection keys (tests/pku/host). Slow,
# and not a part of `make check`: make check-pku.

set -u
cd "$(dirname "$0")/../.." || exit 1
points=0
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# point STATUS TEXT
point()
{
	points=$((points + 1))
	if [ "$1" = 0 ]; then
		echo "ok $points - $2"
	else
		echo "not ok $points - $2"
		sed 's/^/# /' "$out" | tail -n 20
		failed=1
	fi
}

engine=${KAP_ENGINE:-direct}
kap="kap run --engine $engine --kernel /kap/vmlinux --initrd /kap/initramfs.cpio --timeout 100"

# What the emulated kernel complains about comes from there, too.
sound()
{
	! grep -Eq '^pku: .*(BUG:|Oops|WARNING:|anic|lockup|stall)' "$out"
}

tests/pku/host -n -f build/tests/pku/pkuinfo /t/pkuinfo >"$out" 2>&1
status=$?
if [ $status = 77 ]; then
	echo "1..0 # SKIP $(tail -n 1 "$out")"
	exit 0
fi
point $status "a host with keys, dispatch and signals behind keys ($(sed -n 's/^host: //p' "$out"))"

tests/pku/host -n sh -c "$kap -- sh -c 'echo from the guest; exit 7'" >"$out" 2>&1
[ "$?$(grep -c '^from the guest' "$out")" = 71 ] && sound
point $? 'Linux boots, as an unprivileged user, and ends with the status of its command'

tests/pku/host sh -c "$kap --cpus 2 -- sh -c '
	for i in 1 2 3 4 5; do ls -R /proc/1 | wc -l & done; wait; echo all'" >"$out" 2>&1
status=$?
[ $status = 0 ] && grep -qx all "$out" && sound
point $? 'with two vCPUs, which share a host CPU'

# The emulation lacks alignment checks and SSE exceptions, and is slow: trap and doorbell want
# those.
for guest in fault spaces map xstate evict; do
	tests/pku/host -f build/tests/guests/$guest sh -c "
		kap run --engine $engine --kernel /t/$guest --initrd none --mem 64M --timeout 20 -v 2>&1" \
		>"$out" 2>&1
	! grep -q '^not ok' "$out" && grep -q '^ok' "$out" && sound
	point $? "the test kernel $guest"
done
echo "1..$points"
exit $failed
