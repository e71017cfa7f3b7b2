#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Bad input: a file, an option or a host that kap can't work with. One line that says what, where
# and the next step; the documented status; and nothing was run or changed.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
vmlinux=$(dirname "$KAP")/vmlinux
initramfs=$(dirname "$KAP")/initramfs.cpio

# refused STATUS TEXT DESCRIPTION OPTIONS...
refused()
{
	want=$1
	text=$2
	what=$3
	shift 3
	kap_plain "$@" -- echo ran
	if [ "$status" = "$want" ] && grep -qF -- "$text" "$log" && [ ! -s "$out" ] &&
		[ "$(wc -l <"$log")" = 1 ] && grep -q '^kap: ' "$log"; then
		point 0 "$what: $want"
	else
		point 1 "$what: $want, one line with '$text'"
		echo "# status $status"
		show_log
		sed 's/^/# out: /' "$out"
	fi
}

# ---- options

refused 121 '--frob' 'an unknown option' --frob
refused 121 '-x' 'an unknown short option' -x
refused 121 'unexpected argument' 'a command without --' ls
refused 121 "''" 'an option without its value' --mem=
refused 121 'takes no value' 'a value that nobody asked for' --quiet=1
refused 121 '--mem' 'memory that is no size' --mem 12Q
refused 121 '--mem' 'negative memory' --mem -5M
refused 121 '32M or more' 'memory below the minimum' --mem 31M
refused 122 'this host has only' 'memory that the host has not' --mem 1000G
refused 121 '--mem' 'memory beyond all sizes' --mem 99999999999999G
refused 121 'too many' '65 CPUs' --cpus 65
refused 121 'no number' 'CPUs that are no number' --cpus two
refused 121 'possible' 'a CPU that no host has' --pin 9999
refused 121 '--cpus' 'no CPU' --cpus 0
refused 121 'not built yet' 'the engine seccomp' --engine seccomp
grep -qw ospke /proc/cpuinfo || refused 121 'needs protection keys' 'direct without keys' --engine direct
refused 121 'auto, ptrace' 'an engine that does not exist' --engine warp
refused 121 '--timeout' 'a time-out of 0' --timeout 0
refused 121 '--timeout' 'a time-out that is no number' --timeout soon
refused 121 '--root' 'a root that is no disk' --root /dev/sda
refused 121 'add --disk' 'a root without its disk' --root /dev/vda
refused 121 'exclude each other' 'quiet and verbose' --quiet --verbose
"$KAP" run -- >"$out" 2>"$log"
status=$?
wants 121 'no command behind --'
one_line 'and one line'
# shellcheck disable=SC2046 # that many words
kap_plain -- echo $(seq 1 400000) 2>/dev/null
[ "$status" = 121 ] || [ "$status" = 126 ] || [ "$status" = 0 ]
point $? "a command of megabytes ends in good order ($status)"

missing=
for topic in '' run build status keys; do
	# shellcheck disable=SC2086 # one word or none
	"$KAP" help $topic >"$out" 2>"$log" || missing="$missing help-$topic:$?"
	[ -s "$out" ] && [ ! -s "$log" ] || missing="$missing help-$topic:empty"
done
is "$missing" '' 'kap help, and each of its topics'
"$KAP" help run >/dev/full 2>"$log"
is $? 122 'help on a full disk'
"$KAP" >"$out" 2>"$log"
is $? 121 'kap alone is bad usage'
"$KAP" frobnicate >"$out" 2>"$log"
is $? 121 'an unknown command'
one_line 'and one line'
missing=
for n in 121 122 123 124 125; do
	"$KAP" help status | grep -q "^ *$n " || missing="$missing help:$n"
	grep -q "^\.B $n" docs/kap.1 || missing="$missing kap.1:$n"
done
is "$missing" '' 'every status is in the help and in the manual page'
missing=
for o in mem cpus pin engine kernel initrd append disk root timeout quiet verbose; do
	"$KAP" help run | grep -q -- "--$o" || missing="$missing help:$o"
	grep -q "\\\\-\\\\-$o" docs/kap.1 || missing="$missing kap.1:$o"
done
is "$missing" '' 'and so is every option'

# ---- the kernel

refused 121 "$dir/none" 'no kernel there' --kernel "$dir/none"
refused 121 "$dir" 'a kernel that is a folder' --kernel "$dir"
: >"$dir/empty"
refused 121 "$dir/empty" 'an empty kernel' --kernel "$dir/empty"
head -c 100000 /dev/urandom >"$dir/noise"
refused 121 "$dir/noise" 'a kernel that is no ELF file' --kernel "$dir/noise"
refused 121 /bin/sh 'a kernel that is another program' --kernel /bin/sh
size=$(stat -c %s "$vmlinux")
for part in 40 64 200 5000 $((size / 2)); do
	head -c "$part" "$vmlinux" >"$dir/cut"
	refused 121 "$dir/cut" "a kernel of which only $part bytes are there" --kernel "$dir/cut"
done
for note in version window none; do
	guest=build/tests/guests/note_$note
	[ -e "$guest" ] || { skip "note_$note" 'not built'; continue; }
	refused 121 "$guest" "a kernel with a wrong note: $note" --kernel "$guest"
done
if [ "$(id -u)" != 0 ]; then
	cp "$vmlinux" "$dir/secret"
	chmod 0 "$dir/secret"
	refused 121 "$dir/secret" 'a kernel that may not be read' --kernel "$dir/secret"
fi

# ---- the initrd

refused 121 "$dir/none" 'no initrd there' --initrd "$dir/none"
refused 121 "$dir" 'an initrd that is a folder' --initrd "$dir"
head -c 20M /dev/urandom >"$dir/large"
refused 121 'give --mem=' 'an initrd that is too large for the memory' --initrd "$dir/large" --mem 32M
next=$(sed 's/.*give --mem=\([0-9]*M\).*/\1/' "$log")
# The step that the message names must lead on: cpio behind zeroes is taken.
{ head -c 20M /dev/zero; cat "$initramfs"; } >"$dir/large"
kap_plain --mem "$next" --initrd "$dir/large" -- echo enough
[ "$status" = 0 ] || { kap_plain --mem "$next" --initrd "$initramfs" -- echo enough; }
shows enough "with $next, which it names, it starts"
expect_panic=yes
kap_plain --initrd "$dir/noise" --timeout 20 -- true
case $status in
123|125) point 0 "an initrd of noise: a panic or no status ($status)" ;;
*) point 1 "an initrd of noise: status $status" ;;
esac
gzip -c "$initramfs" >"$dir/gz"
expect_panic=no
kap_plain --initrd "$dir/gz" -- echo unpacked
shows unpacked 'a compressed initrd'
head -c 500000 "$initramfs" >"$dir/cut"
expect_panic=yes
kap_plain --initrd "$dir/cut" --timeout 20 -- echo half
case $status in
0|123|125|126|127) point 0 "half an initrd ends in good order ($status)" ;;
*) point 1 "half an initrd: status $status"; show_log ;;
esac
expect_panic=no

# ---- disks

refused 121 'no such file' 'a disk that is not there' --disk "$dir/none"
refused 121 'is a directory' 'a disk that is a directory' --disk "$dir"
refused 121 'is empty' 'an empty disk' --disk "$dir/empty"
head -c 1000 /dev/zero >"$dir/odd"
refused 121 'multiple of 512' 'a disk of half a sector' --disk "$dir/odd"
mkfifo "$dir/fifo"
refused 121 'neither a file nor a block device' 'a disk that is a FIFO' --disk "$dir/fifo"
refused 121 'names no file' 'a disk without a name' --disk ',ro'
truncate -s 1M "$dir/d"
sum=$(md5sum <"$dir/d")
refused 122 'in use by another kap' 'the same disk twice' --disk "$dir/d" --disk "$dir/d"
refused 121 'no such file' 'a good disk and a bad one' --disk "$dir/d" --disk "$dir/none"
is "$(md5sum <"$dir/d")" "$sum" 'the good one is unchanged'
# shellcheck disable=SC2046 # that many words
refused 121 'one too many' '25 disks' $(seq 25 | sed "s|.*|--disk=$dir/d,ro|")

# ---- the host

# limited OPTION=VALUE...: with resource limits
limited()
{
	session prlimit "$@" >"$out" 2>"$log"
	status=$?
	after "$*"
}
limited --nofile=6 "$KAP" run -- echo ran
wants 122 'too few open files: 122'
has 'ulimit -n' 'which limit'
one_line 'one line'
limited --as=100000000 "$KAP" run -- echo ran
wants 122 'too little address space: 122'
has 'ulimit -v' 'which limit'
limited --fsize=1000000 "$KAP" run -- echo ran
wants 122 'too small files: 122'
has 'ulimit -f' 'which limit'
limited --sigpending=0 "$KAP" run -- echo ran
wants 122 'no pending signals: 122'
has 'ulimit -i' 'which limit'
limited --core=0 --stack=65536 --memlock=0 --msgqueue=0 --nofile=64 \
	"$KAP" run -- echo ran
shows ran 'other limits, however low, do not matter'
(
	cd / && umask 777 && exec env -i "$KAP" run -- echo ran
) >"$out" 2>"$log"
shows ran 'no environment, another folder, a strict umask'

nobody()
{
	session setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
}
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$dir/bin"
	cp "$KAP" "$vmlinux" "$initramfs" "$dir/bin/"
	chmod -R a+rX "$dir/bin"
	echo abc | nobody "$dir/bin/kap" run -- cat >"$out" 2>"$log"
	shows abc 'as nobody, without new privileges'
	printf 'id -u; exit\n' | nobody "$dir/bin/kap" run >"$out" 2>"$log"
	is "$?/$(grep -c '^0' "$out")" 0/1 'and a shell'
	chmod 600 "$dir/d"
	nobody "$dir/bin/kap" run --disk "$dir/d" -- echo ran >"$out" 2>"$log"
	status=$?
	wants 121 'a disk of another user'
	one_line 'one line'
	chmod 644 "$dir/d"
	nobody "$dir/bin/kap" run --disk "$dir/d" -- echo ran >"$out" 2>"$log"
	status=$?
	wants 121 'a disk that may only be read'
	has "'$dir/d,ro'" 'tells how to do that'
	nobody "$dir/bin/kap" run --disk "$dir/d,ro" -- echo ran >"$out" 2>"$log"
	shows ran 'and that works'
	chmod 600 "$dir/bin/vmlinux"
	nobody "$dir/bin/kap" run -- echo ran >"$out" 2>"$log"
	status=$?
	wants 121 'a kernel of another user'
	one_line 'one line'
	chmod 644 "$dir/bin/vmlinux"
else
	skip 'as nobody' 'needs root and setpriv'
fi

# A mount namespace of one's own needs no root where the host allows user namespaces.
cat >"$dir/noexec" <<'END'
mount -t tmpfs -o noexec,nosuid,nodev none /dev/shm || exit 77
exec "$1" run -- echo ran
END
unshare --user --map-root-user --mount sh "$dir/noexec" "$KAP" >"$out" 2>"$log"
if grep -q '^unshare: \|^mount: ' "$log"; then
	unshare --mount sh "$dir/noexec" "$KAP" >"$out" 2>"$log"
fi
if grep -q '^unshare: \|^mount: ' "$log"; then
	skip 'noexec /dev/shm' 'no mount namespace here'
else
	shows ran 'a noexec /dev/shm does not matter'
fi
unshare --user --map-root-user --pid --fork --kill-child "$KAP" run -- echo ran >"$out" 2>"$log"
if grep -q '^unshare: ' "$log"; then
	skip 'a user and PID namespace' 'not allowed here'
else
	shows ran 'in a user and PID namespace, with the /proc of another'
fi

# A host whose filter refuses a system call, as containers do.
if [ -x "$built/denied" ]; then
	"$built/denied" ptrace "$KAP" run -- echo ran >"$out" 2>"$log"
	status=$?
	wants 122 'a host without ptrace: 122'
	has ptrace 'says so'
	one_line 'one line'
	"$built/denied" memfd_create "$KAP" run -- echo ran >"$out" 2>"$log"
	status=$?
	wants 122 'a host without memfd: 122'
	has memfd 'says so'
	"$built/denied" getrandom "$KAP" run -- echo ran >"$out" 2>"$log"
	status=$?
	wants 122 'a host without getrandom: 122'
	has getrandom 'says so'
	for call in io_uring_setup userfaultfd unshare close_range rseq prlimit64 clone3; do
		"$built/denied" $call "$KAP" run -- echo "without $call" >"$out" 2>"$log"
		shows "without $call" "a host that refuses $call"
	done
fi
finish
