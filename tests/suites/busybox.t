#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# busybox's applets in a guest, with checked results, and natively what doesn't change the
# machine. What passes natively must pass in the guest.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"
script=tests/suites/busybox-guest.sh
busybox=$(sed -n 's/^BUSYBOX = //p' build/config.mak)

if [ ! -x "$busybox" ]; then
	echo "1..0 # SKIP no busybox is configured: ./configure"
	exit 0
fi

# By stdin, so that the image is the one that `kap run` starts for everybody.
{ echo 'GUEST=1'; cat $script; } >"$dir/in"
kap -- sh -s <"$dir/in"
wants 0 'the script ran to its end'
shows '# end' 'and says so'

mkdir "$dir/bin"
"$busybox" --list | while IFS= read -r applet; do
	ln -s "$busybox" "$dir/bin/$applet"
done
PATH=$dir/bin TMPDIR=$dir setsid "$busybox" sh -s <$script >"$dir/native" 2>/dev/null

while IFS= read -r line; do
	case $line in
	'ok - '*) point 0 "${line#ok - }" ;;
	'not ok - '*)
		if grep -qxF "$line" "$dir/native"; then
			points=$((points + 1))
			echo "ok $points - ${line#not ok - } # SKIP it fails natively too"
		else
			point 1 "${line#not ok - }"
		fi
		;;
	*) echo "# $line" ;;
	esac
done <"$out"
[ "$(grep -c '^ok - ' "$out")" -ge 100 ]
point $? 'at least 100 checks passed'
finish
