#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # what is quoted is for other shells
#
# Options of debugging, names of guests, and `kap gdb` as a program that starts others: what is
# refused, what is said, and that nothing is left. What gdb can do with a guest is tested elsewhere.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/boot.sh"
exec </dev/null
unset GDB

# A folder of names for this test alone.
XDG_RUNTIME_DIR=$dir/run
export XDG_RUNTIME_DIR
mkdir -m 700 "$XDG_RUNTIME_DIR"

# kap_gdb ARGS...: like kap_plain
kap_gdb()
{
	rm -f "$dir/sid"
	session timeout 100 "$KAP" gdb "$@" >"$out" 2>"$log"
	status=$?
	wait_gone=100
	after "gdb $*"
	wait_gone=0
}

# refused TEXT ARGS...: bad usage, which one line says
refused()
{
	text=$1
	shift
	if [ "$1" = gdb ]; then
		shift
		kap_gdb "$@"
		set -- gdb "$@"
	else
		kap_plain "$@"
	fi
	if [ "$status" = 121 ] && [ "$(wc -l <"$log")" = 1 ] && grep -qF -- "$text" "$log" &&
		[ ! -s "$out" ]; then
		point 0 "refused: $*"
	else
		point 1 "refused: $*"
		echo "# exit status $status, wanted 121 and '$text'"
		show_log
	fi
}

# A port that nobody has. Somebody may take it a moment later; then a test fails that should not.
free_port()
{
	port=$((20000 + $$ % 20000))
	while grep -qi ":$(printf %04X $port) " /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
		port=$((port + 1))
	done
}

# connects TO: gdb connects there and leaves the guest running; what it says is in $dir/gdb.out
connects()
{
	timeout 60 gdb -q -nx -batch "${KERNEL:-build/vmlinux}" -ex "target remote $1" -ex 'print $rip' \
		-ex detach >"$dir/gdb.out" 2>&1
	grep -q '^\$1 = ' "$dir/gdb.out" && return
	sed 's/^/# gdb: /' "$dir/gdb.out"
	return 1
}

# While a guest runs in the background, its output is not that of others: aside; ...; back
aside()
{
	background_sid=$sid
	out=$dir/out.aside
	log=$dir/log.aside
}

back()
{
	out=$dir/out
	log=$dir/log
	sid=$background_sid
	echo "$sid" >"$dir/sid"
}

# ---- bad values

refused "--gdb: '' is no place to listen" --gdb=
refused "--gdb: 'x' is no place to listen" --gdb=x
refused "--gdb: '0' is no port; give 1 to 65535" --gdb=0
refused "--gdb: '65536' is no port" --gdb=65536
refused "--gdb: '0.0.0.0:1234' is no place" --gdb=0.0.0.0:1234
refused "--gdb: 'unix:' names no socket" --gdb=unix:
refused "is too long for a socket" "--gdb=unix:/$(printf %0110d 0)"
refused '--gdb: a value is missing' --gdb
refused "--name: '' can't be a guest's name" --name=
refused "--name: '17' can't be" --name=17
refused "--name: '../x' can't be" --name=../x
refused "--name: '$(printf %063dx 0)' can't be" --name="$(printf %063dx 0)"
refused "--on-panic: 'restart' is nothing that kap does; use exit, gdb or dump" --on-panic=restart
refused '--dump=x: a dump is written only after a panic' --dump=x
refused "'/nonexistent/x': its folder: No such file" --on-panic=dump --dump=/nonexistent/x
refused "--dump: '/dev/null' is no file that can be replaced" --on-panic=dump --dump=/dev/null
refused '--attach=x: unknown option' --attach=x
refused '--gdb-option=x: unknown option' --gdb-option=x
refused "--mem: '1M' is too little" gdb --mem=1M
refused '--frobnicate: unknown option; see `kap help gdb`' gdb --frobnicate
refused "'ls': unexpected argument; put the guest's command behind --, as in \`kap gdb -- ls\`" gdb ls
refused '--attach=x: that guest runs already' gdb --attach=x --cpus=2
refused '--attach=x: that guest runs already' gdb --attach=x -- ls
refused '--gdb-option: a value is missing' gdb --gdb-option
refused "'/nonexistent': the guest's kernel: No such file" gdb --kernel=/nonexistent
refused "no guest is called 'nobody'" gdb --attach=nobody

# ---- where a debugger connects

free_port
begin_kap --name=first -S --gdb="$port" </dev/null
until_shown "target remote localhost:$port" "$log"
has "held before the kernel's first instruction" 'a guest that is held says so'
aside
refused "$port" --gdb="$port" -- true
if grep -q 'in use' "$log"; then point 0 'a port in use is named'; else point 1 'a port in use is named'; show_log; fi
refused "--name: 'first' is taken, by the guest with pid" --name=first -- true
back
connects "localhost:$port"
point $? 'gdb connects to --gdb=PORT'
end_kap
wants 0 'and lets the guest go: its shell reads an empty input'

listening=$(awk -v port="$(printf :%04X "$port")" 'index($2, port) && $4 == "0A"' /proc/net/tcp* 2>/dev/null)
is "$listening" '' 'nothing listens on the port any more'
is "$(ls "$XDG_RUNTIME_DIR/kap")" '' 'the name is gone with the guest'

socket=$dir/socket
begin_kap -S --gdb="unix:$socket" -- echo let-go </dev/null
until_shown "target remote $socket" "$log"
is "$(stat -c %a "$socket")" 600 'a socket is its user'\''s alone'
aside
refused "$socket" --gdb="unix:$socket" -- true
back
[ -S "$socket" ]
point $? 'and stays when a second guest wants it'
connects "$socket"
point $? 'gdb connects to --gdb=unix:PATH'
end_kap
shows let-go 'and lets the guest go'
[ ! -e "$socket" ]
point $? 'the socket is gone with the guest'
echo precious >"$dir/file"
refused "$dir/file" --gdb="unix:$dir/file" -- true
is "$(cat "$dir/file")" precious 'a file in the place of a socket stays as it is'
refused '/nonexistent/socket' --gdb=unix:/nonexistent/socket -- true

kap_plain -S --timeout 1 -- true
wants 124 'a guest that nobody lets go ends at its time-out'
has 'kap gdb --attach=' 'and had said how to let it go'

# ---- names

begin_kap --name=web -- sh -c 'echo up; sleep 100' </dev/null
until_shown up
aside
kap_gdb --attach=wob
wants 121 'no guest has this name'
has 'there are: web (pid ' 'and those that there are are told'
pid=$(sed -n 's/.*web (pid \([0-9]*\)).*/\1/p' "$log")
kap_gdb --attach=web --gdb-option=-batch --gdb-option=-ex '--gdb-option=print $rip'
wants 0 'kap gdb --attach NAME'
shows '$1 = ' 'reaches it'
kap_gdb --attach="$pid" --gdb-option=-batch --gdb-option=-ex '--gdb-option=print $rip'
wants 0 'kap gdb --attach PID'
shows '$1 = ' 'reaches it'
kap_gdb --attach=web --kernel=/nonexistent
wants 121 'kap gdb --attach with a kernel that is not there'
back
kill -9 "$pid"
wait "$job"
is "$(gone 200)" 0 'nothing of a guest whose monitor is killed is left'
[ -e "$XDG_RUNTIME_DIR/kap/web.guest" ]
point $? 'a monitor that is killed tidies nothing up'
kap_gdb --attach=web
wants 121 'but its guest is not found any more'
begin_kap --name=web -- echo again </dev/null
end_kap
shows again 'and its name is free'

echo reboot | session "$KAP" run --name=again --timeout 60 >"$out" 2>"$log"
is "$?/$(grep -c BusyBox "$out")" 0/2 'a guest with a name may reboot'
is "$(ls "$XDG_RUNTIME_DIR/kap")" '' 'and leaves nothing'

chmod 755 "$XDG_RUNTIME_DIR/kap"
kap_plain -- true
wants 0 'a guest without a name does not need the folder of names'
is "$(cat "$log")" '' 'and says nothing'
is "$(ls "$XDG_RUNTIME_DIR/kap")" '' 'and puts nothing where others may look'
rmdir "$XDG_RUNTIME_DIR/kap"
mkdir -m 700 "$dir/elsewhere"
ln -s "$dir/elsewhere" "$XDG_RUNTIME_DIR/kap"
kap_plain --name=linked -- true
is "$(ls "$dir/elsewhere")" '' 'nor where a link leads'
rm "$XDG_RUNTIME_DIR/kap"

# Somebody for whom neither place is of use.
stranger()
{
	setpriv --reuid=$stranger --regid=$stranger --clear-groups timeout 60 "$dir/for-all/kap" \
		run --timeout 50 "$@" </dev/null >"$out" 2>"$log"
	status=$?
}

stranger=$((70000 + $$ % 100000))
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ ! -e /tmp/kap-$stranger ]; then
	mkdir -m 755 "$dir/for-all"
	chmod 755 "$dir"
	cp "$KAP" build/vmlinux build/initramfs.cpio "$dir/for-all/"
	chmod -R a+rX "$dir/for-all"
	mkdir -m 700 /tmp/kap-$stranger
	stranger --name=web -- true
	wants 122 'a name, but no folder that could be used for it'
	one_line 'is an error, in one line'
	has "/tmp/kap-$stranger': Permission denied" 'which names the place'
	stranger -- echo let-go
	wants 0 'without a name the guest runs'
	is "$(cat "$log")" '' 'and says nothing of it'
	chown $stranger /tmp/kap-$stranger
	XDG_RUNTIME_DIR=/nonexistent stranger --name=web -- echo named
	wants 0 'without XDG_RUNTIME_DIR the other place does'
	rm -r /tmp/kap-$stranger
else
	skip 'a name without a folder for it' 'needs root to become another user'
fi

# ---- kap gdb starts and ends others

# A gdb that tells how it was called, does as it is told, and has a status of its own.
cat >"$dir/fake" <<'E'
#!/bin/sh
for arg; do echo "arg: $arg"; last=$arg; done
case "$*" in *"target remote "*) ;; *) exit 9 ;; esac
for arg; do
	case $arg in
	'target remote '*) [ -S "${arg#target remote }" ] && echo 'socket is there' ;;
	--stay) echo stays; trap 'echo hung-up; exit 3' HUP; while :; do sleep 0.05; done ;;
	esac
done
exit 7
E
chmod 755 "$dir/fake"

GDB=/nonexistent/gdb kap_gdb
wants 122 'a gdb that is not there'
has "'/nonexistent/gdb', which the environment variable GDB names" 'is named'
one_line 'in one line, and nothing was started'
mkdir "$dir/bin"
for tool in sh setsid timeout; do ln -s "$(command -v $tool)" "$dir/bin/$tool"; done
(
	PATH=$dir/bin
	session "$KAP" gdb >"$out" 2>"$log"
	echo $? >"$dir/status"
)
status=$(cat "$dir/status")
wants 122 'no gdb in PATH'
has 'apt-get install gdb' 'and how to get one'

export GDB="$dir/fake"
kap_gdb --gdb-option=--one --name=under-gdb --gdb-option 'two words' -- echo not-run
wants 7 'the status of gdb is that of kap gdb'
shows 'socket is there' 'the guest awaits it'
shows 'arg: --one' 'it gets options'
shows 'arg: two words' 'as they are given'
shows "arg: $(cd build && pwd)/vmlinux" 'and the vmlinux'
is "$(grep -c not-run "$out")" 0 'the guest was held'
is "$(ls "$XDG_RUNTIME_DIR/kap")" '' 'and is gone'
is "$(cat "$log")" '' 'without a word'
kap_gdb --initrd=/nonexistent
wants 121 'a guest that can'\''t be started: its status'
is "$(grep -c arg: "$out")" 0 'and no gdb'

# kap_gdb in the background, until its gdb runs; $monitor is the guest's.
begin_gdb()
{
	rm -f "$dir/sid"
	session "$KAP" gdb --gdb-option=--stay "$@" >"$out" 2>"$log" &
	job=$!
	until_shown stays
	sid=$(cat "$dir/sid")
}

begin_gdb -- true
kill -9 "$sid"
wait $job
is "$(gone 200)" 0 'kap gdb killed with -9 takes guest and gdb along'
shows hung-up 'gdb hears of it'
is "$(ls "$XDG_RUNTIME_DIR/kap")" '' 'the guest tidies up'
begin_gdb -- true
kill -TERM "$sid"
wait $job
is $? 143 'SIGTERM to kap gdb gives 143'
is "$(gone 200)" 0 'and ends both'

# Not in the environment of make check, where make would take its options from another one.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -o all install DESTDIR="$dir/root" prefix=/usr \
	mandir=/usr/share/man >"$dir/make.out" 2>&1
is $? 0 'make install DESTDIR='
[ -f "$dir/root/usr/lib/kap/kap-gdb.py" ]
point $? 'installs the helpers for gdb'
from_build=$KAP
KAP=$dir/root/usr/bin/kap
kap_gdb
wants 7 'kap gdb from there'
shows "arg: source $dir/root/usr/bin/../lib/kap/kap-gdb.py" 'finds them'
shows "arg: $dir/root/usr/bin/../lib/kap/vmlinux" 'and the kernel'
is "$(grep -c "without kap's helpers" "$log")" 0 'and misses nothing'
unset GDB
kap_gdb --gdb-option=-batch --gdb-option=-ex '--gdb-option=help kap-connect' -- true
wants 0 'with gdb itself, too'
shows 'kap-connect' 'which loads them'
KAP=$from_build

# ---- with gdb itself

kap_gdb --gdb-option=-batch --gdb-option=-ex '--gdb-option=print $rip' --gdb-option=-ex \
	'--gdb-option=info symbol $rip' -- echo not-run
wants 0 'kap gdb -batch'
shows 'kap_kernel_start in section' 'the guest stands at the first instruction of the kernel'
is "$(grep -c not-run "$out")" 0 'and has not run'
kap_gdb --gdb-option=-batch --gdb-option=-ex --gdb-option=continue -- sh -c 'echo to-out; cat'
wants 0 'a guest that runs to its end'
shows to-out 'its output is there'
shows 'exited' 'gdb is told of the end'
kap_gdb --gdb-option=-batch --gdb-option=-ex '--gdb-option=break kernel_init' --gdb-option=-ex \
	--gdb-option=continue --gdb-option=-ex '--gdb-option=call (void)emergency_restart()' \
	--gdb-option=-ex --gdb-option=kap-connect --gdb-option=-ex '--gdb-option=info symbol $rip'
has 'exited while in a function called' 'a guest that reboots ends the connection'
shows 'kap_kernel_start in section' 'kap-connect makes it again, at the first instruction'
expect_panic=yes
kap_gdb --gdb-option=-batch --gdb-option=-ex --gdb-option=continue --gdb-option=-ex --gdb-option=bt \
	--gdb-option=-ex '--gdb-option=info symbol $rip' -- sh -c 'echo c >/proc/sysrq-trigger'
shows 'panic' 'a guest that panics stops in gdb'
expect_panic=no

# at STEPS... -- ARGS...: at a terminal; $status
at()
{
	"$built/pty" "$@" >"$out" 2>"$log"
	status=99
	eval "$(grep '^status=' "$log" | tr ' ' '\n')"
	sid=${session:-0}
	[ "$status" != 99 ] || sed 's/^/# /' "$log"
	left=$(gone 200)
	[ "$status" = 99 ] || is "$left" 0 'nothing is left'
}

at 'expect=(gdb) ' 'send=continue\n' 'expect=# ' 'send=\x03' 'expect=(gdb) ' 'send=detach\n' \
	'expect=(gdb) ' 'send=quit\n' 'expect=end it? (y or n)' 'send=y\n' -- "$KAP" gdb
is "$status" 0 'a guest that was detached is ended when the user says yes'
is "$(grep -c "$(printf '\033\\[6n')" "$out")" 0 'its shell does not ask the terminal that gdb has'
at 'expect=(gdb) ' 'send=detach\n' 'expect=(gdb) ' 'send=quit\n' 'expect=end it? (y or n)' \
	'send=n\n' 'expect=let-go' -- "$KAP" gdb -- sh -c 'sleep 5; echo let-go'
is "$status" 0 'and runs to its end when the user says no'
at 'expect=(gdb) ' 'send=detach\n' 'expect=(gdb) ' 'send=quit\n' 'expect=end it? (y or n)' \
	'send=n\n' 'expect=goes on' 'send=\x03' -- "$KAP" gdb -- \
	sh -c 'echo started; sleep 100'
is "$status" 0 'or until Ctrl-C'
finish
