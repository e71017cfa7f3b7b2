#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernels of arch-um/configs/debug.config and tiny.config, and the usual one with each kind
# of preemption, under a mixed load: nothing may appear on the console that a sound kernel does
# not say. The debug kernel also runs what other scripts here check of the usual one.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"
exec </dev/null

disk=$dir/disk
truncate -s 64M "$disk"
mke2fs -q -F -t ext4 "$disk" || exit 1

cat >"$dir/load" <<'END'
set -e
ulimit -n 64
echo "== forks"
i=0
while [ $i -lt $FORKS ]; do
	(true) & (sh -c 'exit 0') & (cd /; ls >/dev/null) &
	i=$((i + 1))
	[ $((i % 10)) != 0 ] || wait
done
wait
echo "== pipes"
dd if=/dev/zero bs=64k count=200 2>/dev/null | cat | tr '\0' x | wc -c
i=0
while [ $i -lt 30 ]; do seq 200 | sort -r | head -n 1; i=$((i + 1)); done | uniq
( while :; do echo y; done ) | head -n 2000 | wc -l
echo "== signals"
sleep 100 & sleeper=$!
kill -STOP $sleeper; kill -CONT $sleeper; kill $sleeper
wait $sleeper || echo killed $?
trap 'echo trapped' USR1
sh -c "kill -USR1 $$"
echo "== files"
mount -t tmpfs none /mnt
dd if=/dev/urandom of=/mnt/a bs=64k count=64 2>/dev/null
cp /mnt/a /mnt/b
cmp /mnt/a /mnt/b
mkdir -p /mnt/d
i=0
while [ $i -lt 200 ]; do echo $i >/mnt/d/f$i; i=$((i + 1)); done
ls /mnt/d | wc -l
rm -r /mnt/d
echo "== disk"
if [ -b /dev/vda ]; then
	mkdir -p /disk
	mount -t ext4 /dev/vda /disk
	cp /mnt/a /disk/a
	i=0
	while [ $i -lt 50 ]; do cp /bin/busybox /disk/bb; sync; rm /disk/bb; i=$((i + 10)); done
	echo 3 >/proc/sys/vm/drop_caches
	cmp /mnt/a /disk/a
	umount /disk
	echo disk done
fi
umount /mnt
echo "== memory"
dd if=/dev/zero of=/dev/null bs=$BLOCK count=3 2>/dev/null
echo "== proc"
for f in /proc/[0-9]*/maps /proc/[0-9]*/smaps /proc/[0-9]*/stack /proc/*info /proc/*stat; do
	cat $f
done >/dev/null 2>&1 || :
[ ! -e /proc/lockdep_stats ] || cat /proc/lockdep_stats
echo "== done"
END

# load WHAT OPTIONS...: the load in a guest
load()
{
	what=$1
	shift
	# shellcheck disable=SC2016 # the guest's shell expands it
	kap --disk "$disk" --timeout "${LOAD_TIMEOUT:-300}" "$@" -- \
		env FORKS="${FORKS:-150}" BLOCK="${BLOCK:-16M}" \
		sh -c 'load=$(cat); eval "$load" </dev/null' <"$dir/load"
	wants 0 "$what: the load runs to its end"
	shows '== done' "$what: and all of it"
	shows '13107200' "$what: pipes carry all"
	shows 'trapped' "$what: signals arrive"
	shows 'disk done' "$what: the disk holds what was written"
}

# again SCRIPT: another script of tests, with $kernel as its kernel
again()
{
	KERNEL=$kernel "$1" >"$dir/again" 2>&1
	again=$?
	while IFS= read -r line; do
		name=${line#*ok [0-9]* - }
		case $line in
		'ok '*' # SKIP '*) skip "debug: ${name% # SKIP *}" "${line##* # SKIP }" ;;
		'ok '*) point 0 "debug: $name" ;;
		'not ok '*) point 1 "debug: $name" ;;
		'#'*) echo "$line" ;;
		esac
	done <"$dir/again"
	is "$again" 0 "debug: ${1##*/} ends well"
	grep -q '^1\.\.[1-9]' "$dir/again"
	point $? "debug: ${1##*/} comes to its end"
}

kernel=build/guest-debug/vmlinux
load debug --kernel $kernel --mem 512M
# Lockdep switches itself off at its first finding.
is "$(sed -n 's/^ *debug_locks: *//p' "$out")" 1 'debug: lockdep is still watching'
has 'rodata_test: all tests were successful' 'debug: constants are read-only'
has 'debug_vm_pgtable: [debug_vm_pgtable         ]: Validating' 'debug: page table helpers were tested'
kap --kernel $kernel --mem 512M -- sh -c 'zcat /proc/config.gz'
for option in PREEMPT PROVE_LOCKING DEBUG_ATOMIC_SLEEP DEBUG_VM DEBUG_VM_PGTABLE \
	DEBUG_LIST DEBUG_PREEMPT DEBUG_INFO FRAME_POINTER GDB_SCRIPTS; do
	grep -qx "CONFIG_$option=y" "$out" || point 1 "debug: the kernel has CONFIG_$option"
done
point 0 'debug: the options that count are set, or a line above says which is not'
if readelf -S $kernel | grep -q '\.debug_info' &&
   [ -e build/guest-debug/kernel/scripts/gdb/linux/constants.py ]; then
	point 0 'debug: debug information and the scripts for gdb are there'
else
	point 1 'debug: debug information and the scripts for gdb are there'
fi

again tests/suites/busybox.t
again tests/boot/abi.t
options="--kernel $kernel"
guest_points memory
guest_points storm
options="--kernel $kernel --mem 1500M"
guest_points evict
options=

# The usual kernel is built for every kind of preemption.
for kind in full voluntary none; do
	load "preempt=$kind" --append preempt=$kind
	has "Dynamic Preempt: $kind" "preempt=$kind: is taken"
done
FORKS=50 BLOCK=1M load tiny --kernel build/guest-tiny/vmlinux --mem 32M
kap --kernel build/guest-tiny/vmlinux --mem 32M -- cat /proc/meminfo /proc/version
wants 0 'tiny: a guest with 32 MiB'
sed -n 's/^\(MemTotal\|MemAvailable\)/# &/p' "$out"
[ "$(awk '$1 == "MemTotal:" { print $2 }' "$out")" -ge 28672 ]
point $? 'tiny: it leaves 28 of them to others'

finish
