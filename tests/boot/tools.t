#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # the guest's shell expands what is quoted
#
# The host's strace and gdb, with the libraries that they need, at work in a guest: traces,
# breakpoints, steps, threads, attaching, and a core dump that gdb understands.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
command -v mke2fs >/dev/null || { echo "1..0 # SKIP no mke2fs: apt-get install e2fsprogs"; exit 0; }
root=$dir/root
img=$dir/root.ext4
target=$built/target

# with PROGRAM: puts a program of the host into the image, with its libraries
with()
{
	path=$(command -v "$1") || return 1
	mkdir -p "$root/usr/bin"
	cp -L "$path" "$root/usr/bin/"
	ldd "$path" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (.*/\1/p' | while read -r lib; do
		mkdir -p "$root$(dirname "$lib")"
		[ -e "$root$lib" ] || cp -L "$lib" "$root$lib"
	done
}

mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/run" "$root/root"
cp "$(command -v busybox)" "$root/bin/busybox"
for a in sh cat sleep grep sed kill ls echo true ps wc; do
	ln -s busybox "$root/bin/$a"
done
cp "$target" "$root/target"
tools=
with strace && tools="$tools strace"
with gdb && tools="$tools gdb"
python=$(ldd "$(command -v gdb)" 2>/dev/null | sed -n 's/.*libpython\(3\.[0-9]*\).*/\1/p;T;q')
if [ -n "$python" ]; then
	mkdir -p "$root/usr/lib/python$python" "$root/usr/share"
	(cd "/usr/lib/python$python" &&
		find . -name '*.py' ! -path './test/*' ! -path './dist-packages/*' ! -path './idlelib/*' \
			! -path './lib2to3/*' ! -path './tkinter/*' | cpio -pdm --quiet \
			"$root/usr/lib/python$python")
	cp -R /usr/share/gdb "$root/usr/share/"
fi
rootfs/mkext4 "$root" "$img" || exit 1

guest()
{
	kap --mem 512M --disk "$img" --root /dev/vda -- sh -c "$1"
}

case $tools in
*strace*)
	guest 'strace -f -o /tmp/t sh -c "echo word | cat; exit 3"; echo "status $?"; cat /tmp/t'
	shows 'status 3' 'strace: the status of what it traces'
	shows 'execve("/bin/sh"' 'the exec'
	shows 'write(1, "word\n", 5' 'a write with its bytes'
	shows '+++ exited with 3 +++' 'the end'
	[ "$(sed -n 's/^\([0-9]*\) .*/\1/p' "$out" | sort -u | wc -l)" -ge 2 ]
	point $? 'children are followed'
	shows 'SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED' 'signals with their details'
	guest 'strace -f -c -o /tmp/c sh -c "for i in 1 2 3; do true; done; sleep 0; ls /"; cat /tmp/c'
	shows execve 'strace -c counts'
	guest 'strace -e inject=getpid:retval=4242 -o /dev/null /target count; echo "s $?"
		strace -e inject=write:error=ENOSPC -o /dev/null /target count; echo "s $?"'
	is "$(tr '\n' ' ' <"$out")" 'sum 15 progress 13 s 5 s 5 ' 'strace -e inject changes results'
	guest '/target wait >/tmp/o & until grep -q wai /tmp/o; do :; done
		strace -f -p $! -o /tmp/a & until grep -q clock_nanosleep /tmp/a; do :; done
		kill $!; wait $! 2>/dev/null; cat /tmp/a
		kill -0 %1 && echo alive; kill %1'
	shows 'clock_nanosleep' 'strace -p sees what a running program does'
	shows alive 'and leaves it running'
	;;
*) skip strace 'the host has none: apt-get install strace' ;;
esac

case $tools in
*gdb*)
	gdb='gdb -nx -batch -iex "set debuginfod enabled off"'
	guest "$gdb"' -ex "break leaf" -ex run -ex bt -ex "print n" -ex "info registers rip" \
		-ex finish -ex "print numbers" -ex "print middle(100, &numbers[3])" \
		-ex "print numbers[3]" -ex continue -ex continue -ex "delete" -ex continue \
		--args /target count 2>&1'
	shows 'Breakpoint 1, leaf (n=1' 'gdb: a breakpoint'
	shows '#2  ' 'a backtrace'
	shows 'in middle (n=0' 'with arguments'
	shows '$1 = 1' 'a variable'
	shows 'Value returned is $2 = 2' 'finish'
	shows '{1, 20, 30, 40}' 'memory'
	shows 'exited with code 05' 'the end of the program'
	guest "$gdb"' -ex "break main" -ex run -ex "set can-use-hw-watchpoints 0" -ex "watch progress" \
		-ex continue -ex "print progress" -ex stepi -ex "info registers rip" -ex next \
		-ex "set var progress = 1000" -ex "delete" -ex continue --args /target count 2>&1'
	shows 'Old value = 7' 'a watchpoint'
	shows 'progress 10' 'a variable that was changed'
	guest "$gdb"' -ex "catch syscall exit_group" -ex run -ex "print \$orig_rax" -ex bt \
		-ex "print \$xmm0.v4_int32[0]" -ex "set var \$xmm0.v4_int32[0] = 77" \
		-ex "print \$xmm0.v4_int32[0]" -ex kill --args /target count 2>&1'
	shows "Catchpoint 1 (call to syscall" 'a caught system call'
	shows '= 231' 'with its number'
	shows '= 77' 'vector registers can be set'
	guest '/target wait >/tmp/o & until grep -q wai /tmp/o; do :; done
		'"$gdb"' -p $! -ex "info threads" -ex "thread apply all bt" -ex "print progress" \
		-ex "set var progress = 0" -ex detach 2>&1; wait $!; echo "status $?"'
	shows 'in waiter' 'gdb attaches, and sees both threads'
	shows 'in main' 'and their calls'
	shows '= 7' 'and its memory'
	shows 'status 6' 'what it changed counts after detaching'
	guest 'ulimit -c unlimited; echo /tmp/core >/proc/sys/kernel/core_pattern; /target crash
		echo "status $?"; '"$gdb"' -ex bt -ex "info threads" -ex "print \$rip" -ex "print numbers" \
		-ex "print \$_siginfo._sifields._sigfault.si_addr" -ex "thread apply all bt" \
		-ex "info auxv" /target /tmp/core 2>&1'
	shows 'status 139' 'a crash ends with signal 11'
	shows 'Program terminated with signal SIGSEGV' 'gdb reads the core'
	shows 'leaf (n=42' 'it shows where'
	shows 'in middle (n=41' 'and from where'
	shows '0x1234560' 'and the address'
	shows 'in waiter' 'and the other thread'
	shows '{10, 20, 30, 40}' 'and data'
	shows 'AT_SYSINFO_EHDR' 'and the auxiliary vector'
	;;
*) skip gdb 'the host has none: apt-get install gdb' ;;
esac
finish
