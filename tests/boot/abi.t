#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The x86-64 user ABI. Each program runs natively first: the guest must do the same. A check
# that fails natively says nothing about the guest and is skipped; some checks are for the
# guest alone, where the kernel promises less than the host's.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"

# The kernel tells of programs' faults, as it should: those are made on purpose here.
bad_words=$(echo "$bad_words" | sed 's/|general protection//')
programs=${*:-$(find tests/boot -name 'abi_*.c' -exec basename {} .c \; | sort)}

# native PROGRAM: its lines in $dir/native
native()
{
	(cd "$dir" && exec timeout 60 "$built/$1") </dev/null >"$dir/native" 2>"$dir/native.err"
	native_status=$?
	[ $native_status = 0 ] ||
		echo "# $1: ended natively with status $native_status: $(head -c 200 "$dir/native.err")"
}

# abi PROGRAM: natively and in a guest
abi()
{
	native "$1"
	kap --initrd "$built/initramfs.cpio" -- "/t/$1" guest </dev/null
	grep -aE '^(ok|not ok|skip) - |^# ' "$out" >"$dir/points"
	while IFS= read -r line; do
		name=${line#*- }
		case $line in
		'#'*) echo "$line" ;;
		'skip - '*) skip "$1: $name" 'not possible here' ;;
		*)
			if grep -qaxF -- "not ok - $name" "$dir/native"; then
				skip "$1: $name" 'fails on the host too'
			else
				[ "${line%% *}" = ok ]
				point $? "$1: $name"
			fi
			;;
		esac
	done <"$dir/points"
	wants 0 "$1 comes to its end"
	[ "$native_status" != 0 ] || is "$(missing)" '' "$1 makes every check that it makes natively"
}

# Checks of the native run that the guest's lacks.
missing()
{
	sed -n 's/^\(not \)\{0,1\}ok - //p' "$dir/native" | while IFS= read -r name; do
		grep -qaE '^(ok|not ok|skip) - ' "$dir/points" &&
			grep -qaF -- " - $name" "$dir/points" || echo "$name"
	done
}

for program in $programs; do
	abi "$program"
done
finish
