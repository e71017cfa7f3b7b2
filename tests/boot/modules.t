#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Loadable modules, one of the kernel's own and two that are built out of tree, and
# the protection of kernel memory, which the latter try to break.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
modules=build/tests/kernels/module
initrd=$dir/initramfs.cpio

# A second archive behind the usual one: the modules.
{
	echo 'dir /m 0755 0 0'
	for module in "$modules"/kap_give.ko "$modules"/kap_use.ko build/kernel/drivers/net/dummy.ko; do
		echo "file /m/${module##*/} $module 0644 0 0"
	done
} >"$dir/list"
build/gen_init_cpio -t 0 "$dir/list" >"$dir/extra" || exit 1
cat build/initramfs.cpio "$dir/extra" >"$initrd"

# ---- loading and removing

kap --initrd "$initrd" -- sh -ec '
	insmod /m/dummy.ko
	grep "^dummy " /proc/modules
	ip link add dummy7 type dummy
	ip addr add 10.9.8.7/24 dev dummy7
	ip link set dummy7 up
	ping -c 1 -w 5 10.9.8.7
	ip link del dummy7
	rmmod dummy
	! grep "^dummy " /proc/modules
	for i in 1 2 3 4 5 6 7 8 9 10; do insmod /m/dummy.ko; rmmod dummy; done'
wants 0 "a module of the kernel's own is loaded, used and removed, ten times"
shows '1 packets received' 'its network device works'

kap --initrd "$initrd" -- sh -ec '
	! insmod /m/kap_use.ko 2>/dev/null
	insmod /m/kap_give.ko
	insmod /m/kap_use.ko
	cut -d" " -f 1,3,4 /proc/modules
	! rmmod kap_give 2>/dev/null
	rmmod kap_use
	rmmod kap_give
	insmod /m/kap_give.ko
	insmod /m/kap_use.ko
	rmmod kap_use kap_give
	wc -l </proc/modules'
wants 0 'modules that were built out of tree are loaded and removed, twice'
shows 'kap_give 1 kap_use,' 'their dependence is known'
is "$(tail -n 1 "$out")" 0 'none is left'
# Both of the kernel's consoles may show a line.
tr -d '\r' <"$log" | sort -u >"$dir/messages"
is "$(grep -ac 'kap_use: gone' "$dir/messages")" 2 "a module's exit function runs"
has 'Unknown symbol kap_give_value' 'a symbol that is missing is told'
grep -a 'kap_use: .*ok - ' "$dir/messages" | sed 's/^.*kap_use: //' >"$dir/checks"
while IFS= read -r line; do
	case $line in
	'ok - '*) point 0 "module: ${line#ok - }" ;;
	*) point 1 "module: ${line#not ok - }" ;;
	esac
done <"$dir/checks"
is "$(wc -l <"$dir/checks")" 28 'the modules made all of their checks'

# ---- protection: whoever breaks it gets an oops, the kernel goes on

# poke NAME: the guest's shell that writes NAME to the module's parameter
poke()
{
	expect_panic=yes
	kap --initrd "$initrd" -- sh -c "
		insmod /m/kap_give.ko
		insmod /m/kap_use.ko
		sh -c 'echo $1 >/sys/module/kap_use/parameters/poke'
		echo status \$?
		uname -s"
	expect_panic=no
}

poke data
shows 'status 0' 'data of a module can be written'
for what in text rodata module-text module-rodata module-ro-after-init \
	run-stack run-heap run-vmalloc run-rodata; do
	poke $what
	case $what in
	run-*)
		text="refused: executing ${what#run-}"
		culprit='Oops: page fault' ;;
	*)
		text="refused: writing to $what"
		culprit='RIP: 0010:.*\[kap_use\]' ;;
	esac
	if [ "$status" = 0 ] && grep -q '^status 139' "$out" && grep -q '^Linux' "$out" &&
	   grep -qa 'unable to handle kernel access' "$log" && grep -qa "$culprit" "$log" &&
	   ! grep -qa 'did it' "$log"; then
		point 0 "$text"
	else
		point 1 "$text"
		sed 's/^/# out: /' "$out"
		show_log
	fi
done

expect_panic=yes
kap --initrd "$initrd" -- sh -c '
	insmod /m/kap_give.ko
	insmod /m/kap_use.ko
	echo warn >/sys/module/kap_use/parameters/poke
	rmmod kap_use'
expect_panic=no
wants 0 'a module may warn, and goes on'
has 'kap_use warns' 'its text is shown'
has 'kap_use.c:' 'with the place in the source'

kap --initrd "$initrd" --append rodata=off -- sh -ec '
	insmod /m/kap_give.ko
	insmod /m/kap_use.ko
	echo rodata >/sys/module/kap_use/parameters/poke
	echo text >/sys/module/kap_use/parameters/poke'
wants 0 'rodata=off leaves the image open, for those who want that'

finish
