#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# Disks: as root and beside the initramfs, several, read-only, locked; what sync promised is
# there after the power is cut; discard, swap, big files.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
for tool in mke2fs e2fsck debugfs; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP no $tool: apt-get install e2fsprogs"; exit 0; }
done
root=$dir/root
img=$dir/root.ext4
busybox=$(command -v busybox)

mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/run" "$root/etc" "$root/mnt"
cp "$busybox" "$root/bin/busybox"
for a in sh cat sync sleep mount umount ls md5sum dd poweroff stat id sed mkdir rm fstrim blkdiscard \
	mkswap swapon swapoff free head grep awk df cmp echo true; do
	ln -s busybox "$root/bin/$a"
done
echo from-the-image >"$root/etc/word"
rootfs/mkext4 "$root" "$img" 96M
point $? 'an image is made of a folder'
chmod 600 "$img"

clean()
{
	if e2fsck -fn "$img" >"$dir/fsck" 2>&1; then
		point 0 "$1: e2fsck finds nothing wrong"
	else
		point 1 "$1: e2fsck finds nothing wrong"
		tail -n 5 "$dir/fsck" | sed 's/^/# /'
	fi
}

# on_disk FILE: its content in the image
on_disk()
{
	debugfs -R "cat $1" "$img" 2>/dev/null
}

# ---- a disk as root

kap --disk "$img" --root /dev/vda -- sh -c 'cat /etc/word; awk "\$2 == \"/\" { print \$1, \$3 }" /proc/mounts
	echo written >/tmp-file; stat -c "%U" /etc/word; echo dev: /dev/null /proc/self'
wants 0 'a command runs on a disk as root'
shows from-the-image 'it sees the files of the image'
shows 'ext4' 'the root is ext4'
is "$(on_disk /tmp-file)" written 'what it wrote is in the image afterwards'
clean 'after an orderly end'
is "$(dumpe2fs -h "$img" 2>/dev/null | grep -c needs_recovery)" 0 'and the journal needs no recovery'
kap --disk "$img" --root /dev/vda -- sh -c 'exit 33'
wants 33 'the status of a command on a disk'
kap_plain --disk "$img,ro" --root /dev/vda -- sh -c 'cat /tmp-file; echo x >/new || exit 5'
wants 5 'a read-only root can'\''t be written'
shows written 'but read'
before=$(md5sum <"$img")
kap --disk "$img,ro" -- sh -c 'mount -o ro /dev/vda /mnt && cat /mnt/tmp-file
	mount -o remount,rw /mnt; dd if=/dev/zero of=/dev/vda bs=512 count=1; blockdev --getro /dev/vda'
shows 1 'the guest knows that a disk is read-only'
is "$(md5sum <"$img")" "$before" 'no byte of a read-only disk changed'
kap_plain --disk "$img" --root /dev/vda <<'E'
echo shell-on-disk; cat /etc/word; exit
echo shell-on-disk; cat /etc/word; exit
E
shows from-the-image 'a shell on the disk'

# The data must be there however the guest ends: nothing is left to flush after this.
mkfifo "$dir/in"
exec 4<>"$dir/in"
cut()
{
	begin_kap --disk "$img" --root /dev/vda -- sh -c 'i=0; while [ $i -lt 40 ]; do
		echo "line $i of '"$1"'" >>/cut-'"$1"'; i=$((i+1)); done
		dd if=/dev/urandom of=/big-'"$1"' bs=100k count=50 2>/dev/null
		sync; md5sum /big-'"$1"'; echo synced; read x' <"$dir/in"
	until_shown synced
	case $1 in
	term) kill -s TERM "$sid" ;;
	kill) kill -s KILL "$sid" ;;
	space0) kill -s KILL "$(pgrep -P "$sid" | head -n 1)" ;;
	esac
	wait_gone=250
	end_kap
	wait_gone=0
	sum=$(sed 's/ .*//;q' "$out")
	# Replays the journal, as the next mount would.
	e2fsck -fy "$img" >/dev/null 2>&1
	is "$(on_disk "/big-$1" | md5sum)" "$sum  -" "$1: 5 MB that were synced are there"
	is "$(on_disk "/cut-$1" | tail -n 1)" "line 39 of $1" "$1: and the small file"
	clean "$1"
}
cut term
cut kill
cut space0

expect_panic=yes
kap --disk "$img" --root /dev/vda -- sh -c 'echo kept >/panic; sync; echo c >/proc/sysrq-trigger'
expect_panic=no
e2fsck -fy "$img" >/dev/null 2>&1
is "$(on_disk /panic)" kept 'a panic: what was synced is there'

kap_plain --disk "$img" --root /dev/vdb -- true
wants 121 'a root that is no disk: 121'
has 'add --disk' 'and what to do'
truncate -s 4M "$dir/empty"
kap_plain --disk "$dir/empty" --root /dev/vda -- true
wants 126 'a root without a file system'
has 'holds no file system' 'says so'

# ---- disks beside

truncate -s 64M "$dir/a"
truncate -s 32M "$dir/b"
kap --disk "$dir/a" --disk "$dir/b,ro" -- sh -c 'cat /sys/block/vda/size /sys/block/vdb/size
	dd if=/dev/urandom of=/dev/vda bs=1M count=64 2>/dev/null && sync
	md5sum /dev/vda; cat /sys/block/vdb/ro'
is "$(sed -n 1,2p "$out" | tr '\n' ' ')" '131072 65536 ' 'two disks, each of its size, in order'
is "$(sed -n '3s/ .*//p' "$out")" "$(md5sum <"$dir/a" | sed 's/ .*//')" \
	'64 MB written by the guest are the image, byte for byte'
kap --disk "$dir/a" -- md5sum /dev/vda
is "$(sed 's/ .*//' "$out")" "$(md5sum <"$dir/a" | sed 's/ .*//')" 'and the guest reads them'
blocks=$(stat -c %b "$dir/a")
kap --disk "$dir/a" -- sh -c 'blkdiscard /dev/vda && dd if=/dev/vda bs=1M 2>/dev/null | md5sum'
is "$(sed 's/ .*//' "$out")" "$(head -c 67108864 /dev/zero | md5sum | sed 's/ .*//')" \
	'a discarded disk is read as zeroes'
now=$(stat -c %b "$dir/a")
[ "$now" -lt $((blocks / 10)) ]
point $? "and takes no room on the host ($blocks blocks, then $now)"

kap --disk "$img" --root /dev/vda -- sh -c 'rm -f /big-*; sync; fstrim -v /'
shows 'bytes trimmed' 'fstrim in a file system'
clean 'after fstrim'

many=
for i in 1 2 3 4 5 6 7 8; do
	truncate -s ${i}M "$dir/m$i"
	many="$many --disk $dir/m$i"
done
# shellcheck disable=SC2086 # a list of options
kap $many -- sh -c 'cat /sys/block/vd?/size'
is "$(tr '\n' ' ' <"$out")" '2048 4096 6144 8192 10240 12288 14336 16384 ' '8 disks'

# ---- several programs at once

kap --disk "$dir/a" -- sh -c 'for i in 0 1 2 3 4 5 6 7; do
	dd if=/dev/urandom bs=1M count=8 of=/tmp/$i 2>/dev/null
	{ dd if=/tmp/$i of=/dev/vda bs=64k seek=$((i*128)) conv=fsync 2>/dev/null; } & done; wait
	for i in 0 1 2 3 4 5 6 7; do dd if=/dev/vda bs=64k skip=$((i*128)) count=128 2>/dev/null |
	cmp - /tmp/$i || echo bad $i; done; echo compared'
is "$(cat "$out")" compared '8 writers at once don'\''t mix'

# ---- locks

begin_kap --disk "$dir/a" -- sh -c 'echo up; read x' <"$dir/in"
until_shown up
"$KAP" run --disk "$dir/a" -- true >/dev/null 2>"$dir/second"
is $? 122 'a disk that another kap has is refused'
is "$(grep -c 'in use by another kap' "$dir/second")/$(wc -l <"$dir/second")" 1/1 'in one line'
"$KAP" run --disk "$dir/a,ro" -- true >/dev/null 2>"$dir/second"
is $? 122 'also read-only'
echo end >&4
end_kap
wants 0 'the first one is not disturbed'
begin_kap --disk "$dir/a,ro" -- sh -c 'echo up; read x' <"$dir/in"
until_shown up
"$KAP" run --disk "$dir/a,ro" -- true >/dev/null 2>"$dir/second"
is $? 0 'two kaps share a disk read-only'
echo end >&4
end_kap

# ---- swap

truncate -s 128M "$dir/swap"
options="--mem 96M --disk $dir/swap"
guest_points swap
finish
