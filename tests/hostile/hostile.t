#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs of nobody in the guest that attack the kernel below them. Each ends killed or refused;
# after each the guest is healthy: a control program runs, and the console says nothing bad.
# hostile.t [GROUP...]
# shellcheck disable=SC2317 # the groups are called by their names

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"

image=$PWD/build/tests/hostile/initramfs.cpio
vmlinux=${KERNEL:-$PWD/build/vmlinux}
# The kernel tells of programs' faults, as it should: those are made on purpose here.
bad_words=$(echo "$bad_words" | sed 's/|general protection//')
engine=${KAP_ENGINE:-ptrace}
no_keys='direct-open has no keys: nothing is protected there'

# attack GROUP ARGS...: as nobody, on one and on two CPUs; then the control program
attack()
{
	for cpus in 1 2; do
		kap --cpus "$cpus" --initrd "$image" -- \
			sh -c '/t/"$@"; echo "status $?"; /t/control && echo healthy' - "$@" </dev/null
		points_in "$out" "$1, $cpus CPUs"
		is "$(grep -acE '^(ok|not ok|skip) - ' "$out" | sed 's/^[1-9].*/some/')" some \
			"$1, $cpus CPUs: it made its checks"
		shows 'status 0' "$1, $cpus CPUs: it came to its end"
		shows healthy "$1, $cpus CPUs: the guest is healthy afterwards"
	done
}

# The addresses of the kernel's wrpkru, xrstor* and syscall, at any offset of its executable parts.
dangerous()
{
	python3 - "$vmlinux" "$(symbol gate_stubs_keys)" "$(symbol gate_stubs_end)" <<'END'
import re, struct, sys
data = open(sys.argv[1], 'rb').read()
phoff, = struct.unpack_from('<Q', data, 32)
size, count = struct.unpack_from('<HH', data, 54)
found, gates = [], [int(a, 16) for a in sys.argv[2:]]
for i in range(count):
    kind, flags, offset, va, _, length = struct.unpack_from('<IIQQQQ', data, phoff + i * size)
    if kind == 1 and flags & 1:
        text = data[offset:offset + length]
        for m in re.finditer(rb'(?=\x0f\x01\xef|\x0f\xae[\x28-\x2f\x68-\x6f\xa8-\xaf]|\x0f\x05)', text):
            found.append(va + m.start())
            # with the prefix that makes it 64-bit
            if m.start() and text[m.start() - 1] & 0xf0 == 0x40:
                found.append(va + m.start() - 1)
# Of the gates' stubs, which are all alike, the first.
found = [a for a in found if not gates[0] + 64 <= a < gates[1]]
print(' '.join('%x' % a for a in sorted(set(found))))
END
}

# symbol NAME: its address in the kernel
symbol()
{
	nm "$vmlinux" | awk -v name="$1" '$3 == name { print $1; exit }'
}

# bytes FROM TO: how many there are from one symbol to another
bytes()
{
	echo $((0x$(symbol "$2") - 0x$(symbol "$1")))
}

group_memory()
{
	if [ "$engine" = direct-open ]; then
		attack memory calls
		skip 'memory: direct accesses' "$no_keys"
	else
		attack memory
	fi
}

group_jump()
{
	if [ "$engine" = direct-open ]; then
		skip 'jumps into the kernel' "$no_keys"
		return
	fi
	attack jump every "${KAP_JUMPS:-3000}"
	# Each byte of the ways in and out; of the exits and of the gates' stubs the first few.
	attack jump every "$(bytes direct_enter direct_exits_keys)" "$(symbol direct_enter)"
	# (QEMU's emulation takes the stack accesses of iretq for the host kernel's, which ends there: up
	# to it only.)
	attack jump every 100 "$(symbol direct_exits_keys)"
	attack jump every "$(bytes direct_signal_keys direct_bad)" "$(symbol direct_signal_keys)"
	attack jump every 100 "$(symbol gate_stubs_keys)"
	attack jump every 256 "$(symbol gate_open)"
	if ! command -v python3 >/dev/null; then
		skip 'jumps onto chosen instructions' 'python3, which finds them, is not installed'
		return
	fi
	list=$(dangerous)
	[ -n "$list" ]
	point $? 'the kernel has instructions to jump to'
	# shellcheck disable=SC2086 # several words
	attack jump at $list
}

group_entry()
{
	if [ "$engine" = direct-open ]; then
		attack entry open
		skip 'entry: a return into the kernel' "$no_keys"
	elif [ "$engine" = direct ]; then
		attack entry direct
	else
		attack entry
	fi
}

group_state()
{
	attack state
}

group_identity()
{
	if [ "$engine" = direct-open ]; then
		skip 'identity: the signal entry' "$no_keys"
	else
		attack identity "$(symbol direct_signal_keys)"
	fi
}

group_wx()
{
	case $engine in
	direct-open) skip 'own wrpkru and xrstor' "$no_keys" ;;
	*) attack wx ;;
	esac
}

group_storm()
{
	attack storm
}

[ $# != 0 ] || set -- memory jump entry state identity wx storm
for group; do
	"group_$group"
done
finish
