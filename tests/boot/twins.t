#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Exec twins, which the direct engine has where it has protection keys; here without keys, switched
# on by the guest kernel's option kap_twins. What they keep out is for tests/hostile to show.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"

if ! "$KAP" run --engine direct-open --timeout 60 -- true </dev/null >"$out" 2>&1; then
	skip 'exec twins' 'this host has no syscall user dispatch'
	finish
fi
KAP_ENGINE=direct-open
export KAP_ENGINE

for cpus in 1 2; do
	for program in abi_jit abi_sites; do
		kap --cpus $cpus --append kap_twins --initrd "$built/initramfs.cpio" -- \
			"/t/$program" guest </dev/null
		wants 0 "$program, $cpus CPUs: it comes to its end"
		points_in "$out" "$program, $cpus CPUs"
	done
done

kap --initrd "$built/initramfs.cpio" -- /t/bytes </dev/null
wants 0 "without twins a constant may be anything"
kap --initrd "$built/initramfs.cpio" -- /t/constants </dev/null
points_in "$out" "constants, without twins"
for cpus in 1 2; do
	kap --cpus $cpus --append kap_twins --initrd "$built/initramfs.cpio" -- /t/bytes </dev/null
	wants 0 "with twins, too: such a page is stepped through, $cpus CPUs"
	points_in "$out" "stepped pages, $cpus CPUs"
	kap --cpus $cpus --append kap_twins --initrd "$built/initramfs.cpio" -- /t/constants </dev/null
	wants 0 "with twins, too: such instructions have traps, $cpus CPUs"
	points_in "$out" "constants, $cpus CPUs"
done
finish
