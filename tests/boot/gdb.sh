# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that debug a guest: starting one that listens, gdb in batch mode with
# gdb_checks.py, and rspclient.
# shellcheck shell=sh
# shellcheck disable=SC2034 # for those scripts

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"
socket=$dir/s
debug_kernel=${DEBUG_KERNEL:-build/guest-debug/vmlinux}
usual_kernel=${USUAL_KERNEL:-build/vmlinux}
mkfifo "$dir/in"
exec 4<>"$dir/in"
job=
# Whatever happens, nothing is left behind.
trap 'end_guest; rm -rf "$dir"' EXIT

# KAP_CPUS from outside: only with that many.
counts=${KAP_CPUS:-1 2 4}
no_gdb()
{
	command -v gdb >/dev/null || { echo 'gdb is not installed'; return 0; }
	gdb -nx -batch -ex 'python print(6 * 7)' 2>/dev/null | grep -qx 42 && return 1
	echo 'this gdb has no Python'
}

# guest KERNEL [OPTIONS...]: starts one that listens at $socket, with $dir/in as its stdin
guest()
{
	guest_kernel=$1
	shift
	begin_kap --gdb "unix:$socket" --kernel "$guest_kernel" \
		--initrd "${initrd:-$built/initramfs.cpio}" --timeout 60 "$@" <"$dir/in"
	within 10 test -S "$socket" || point 1 'the socket is there'
}

# Ends one that still runs, without a word about it.
end_guest()
{
	[ -n "$job" ] || return 0
	[ -z "${sid-}" ] || for pid in $sid $(members); do
		kill -KILL "$pid" 2>/dev/null
	done
	wait "$job" 2>/dev/null
	job=
}

# ends STATUS TEXT: the guest comes to its end within 30 s
ends()
{
	if ! within 30 sh -c "! kill -0 $job"; then
		point 1 "$2: it ends"
		show_log
		end_guest
		return
	fi
	end_kap
	job=
	wants "$1" "$2"
}

# gdb_session NAME [GDB OPTIONS...]: the function of gdb_checks.py, with the kernel's symbols
gdb_session()
{
	session_name=$1
	shift
	KAP_SOCKET=$socket KAP_SID=${sid-} KAP_OUT=$out KAP_DIR=$dir KAP_BUILD=build \
		KAP_PROGRAM=$built/debugged CPUS=$KAP_CPUS timeout -k 5 "${GDB_LIMIT:-60}" \
		env --default-signal=INT gdb -nx -batch -iex 'set auto-load off' \
		-ex 'set architecture i386:x86-64' -x tests/boot/gdb_checks.py "$@" \
		-ex "python session('$session_name')" "$guest_kernel" \
		</dev/null >"$dir/gdb.out" 2>&1
	gdb_status=$?
	points_in "$dir/gdb.out" "$KAP_CPUS vCPU"
	if [ $gdb_status = 0 ] && grep -qx 'session over' "$dir/gdb.out"; then
		point 0 "$KAP_CPUS vCPU: $session_name: gdb comes to its end"
	else
		point 1 "$KAP_CPUS vCPU: $session_name: gdb comes to its end"
		echo "# gdb: exit status $gdb_status"
		tail -n 15 "$dir/gdb.out" | sed 's/^/# gdb: /'
	fi
}

# rsp TEXT COMMAND...: rspclient does all that; what it shows is in $dir/rsp
rsp()
{
	rsp_text=$1
	shift
	if timeout -k 5 "${RSP_LIMIT:-60}" "$built/rspclient" "$socket" "$@" \
		>"$dir/rsp" 2>"$dir/rsp.err"; then
		point 0 "$rsp_text"
	else
		point 1 "$rsp_text"
		sed 's/^/# /' "$dir/rsp.err"
		tail -n 3 "$dir/rsp" | cut -c 1-200 | sed 's/^/# last: /'
	fi
}

# address SYMBOL KERNEL
address()
{
	nm "$2" | awk -v name="$1" '$3 == name { print "0x" $1; exit }'
}
