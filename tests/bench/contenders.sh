# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests/bench/run and tests/bench/work know about contenders. Sourced; the caller sets dir
# (where files may be written), KAP and qemu_kernel.

# shellcheck disable=SC2154,SC2034 # those; pin_cpu is for the caller

say() { echo "bench: $*" >&2; }
die() { say "$2"; exit "$1"; }

all_contenders="native uml uml-pin ptrace ptrace-gdb seccomp direct direct-open qemu runsc"

check_names()
{
	for c in $1; do
		case " $all_contenders " in
		*" ${c%-pin} "*) ;;
		*" ${c%-gdb} "*) ;;
		*) die 2 "BENCH_ONLY: no contender $c; the names are at the top of tests/bench/run" ;;
		esac
	done
}

# Prints the path of a kernel of a distribution for qemu, or nothing.
find_qemu_kernel()
{
	if [ -n "${BENCH_QEMU_KERNEL:-}" ]; then
		echo "$BENCH_QEMU_KERNEL"
		return
	fi
	# shellcheck disable=SC2045 # names of kernels; ls puts the newest first
	for k in $(ls -r /boot/vmlinuz-* "$dir"/qemu-kernel/boot/vmlinuz-* 2>/dev/null); do
		if [ -r "$k" ]; then
			echo "$k"
			return
		fi
	done
	command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || return
	for meta in linux-image-cloud-amd64 linux-image-amd64 linux-image-virtual; do
		pkg=$(apt-cache depends "$meta" 2>/dev/null |
			awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
		[ -n "$pkg" ] || continue
		say "fetching $pkg for qemu"
		rm -rf "$dir/qemu-kernel"
		mkdir -p "$dir/qemu-kernel"
		(cd "$dir/qemu-kernel" && apt-get download "$pkg" && dpkg -x ./*.deb . && rm -f ./*.deb) \
			> "$dir/qemu-kernel.log" 2>&1 || continue
		ls "$dir"/qemu-kernel/boot/vmlinuz-* && return
	done
}

# The last CPU that we may use: interrupts tend to go to the first.
pin_cpu=$(awk '/^Cpus_allowed_list/ { n = split($2, a, /[-,]/); print a[n] }' /proc/self/status)

# UML maps its memory file executable; it looks in these before /dev/shm.
uml_env()
{
	unset TMPDIR TMP TEMP
	if [ ! -w /dev/shm ] || grep -q ' /dev/shm [^ ]* [^ ]*noexec' /proc/mounts; then
		TMPDIR=$dir
		export TMPDIR
	fi
}

# Why a contender can't take part, or nothing.
why_not()
{
	base=${1%-pin}
	case $base in
	uml) program=linux.uml package=user-mode-linux ;;
	qemu) program=qemu-system-x86_64 package=qemu-system-x86 ;;
	runsc) program=runsc package=runsc ;;
	native) return ;;
	*)
		[ -x "$KAP" ] || echo "$KAP is not there: run make first"
		program= ;;
	esac
	if [ -n "$program" ] && ! command -v "$program" >/dev/null 2>&1; then
		echo "$program is not installed (apt-get install $package)"
	elif [ "$base" = qemu ] && [ ! -r "$qemu_kernel" ]; then
		echo "no kernel for it: set BENCH_QEMU_KERNEL to a distribution's vmlinuz"
	elif [ "$base" != "$1" ] && ! command -v taskset >/dev/null 2>&1; then
		echo "taskset is not installed (apt-get install util-linux)"
	fi
}

last_line() { tr -d '\r' < "$1" | awk 'NF { l = $0 } END { print l }'; }

# Every other round goes backwards, so that nobody always follows the same neighbour.
backwards() { for c in "$@"; do echo "$c"; done | awk '{ l = $0 " " l } END { print l }'; }
