#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# KUnit's whole suite: the kernel with arch-um/configs/kunit.config runs every test before it
# would start init and powers off. One line here for each case.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"
exec </dev/null
kernel=${KUNIT_KERNEL:-build/guest-kunit/vmlinux}
suites=$(dirname "$0")

# Some tests provoke warnings and oopses: the console is not expected to be silent.
expect_panic=yes
kap --kernel "$kernel" --initrd none --mem 512M --timeout "${KUNIT_TIMEOUT:-900}" \
	--append "kunit_shutdown=poweroff printk.time=0 kunit.stats_enabled=0 ${KUNIT_APPEND-}"
# The console is stdout from where the kernel has found it.
cat "$log" "$out" >"$dir/console"
awk -f "$suites/ktap.awk" "$suites/kunit.expected" "$dir/console" >"$dir/tap"
sed '$d' "$dir/tap"
points=$(sed -n '$s/^1\.\.//p' "$dir/tap")
grep -v '# TODO' "$dir/tap" | grep -q '^not ok' && failed=1
[ "$points" -ge 700 ]
point $? 'the kernel has as many cases as ever'
wants 0 'the guest powers off by itself'
sed '/KTAP version/,$d' "$dir/console" | grep -aE "$bad_words" >"$dir/bad"
[ ! -s "$dir/bad" ]
point $? 'the console is clean before the first test'
sed 's/^/# /' "$dir/bad"
finish
