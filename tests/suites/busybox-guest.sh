# SPDX-License-Identifier: GPL-2.0-only
#
# Runs busybox's applets and checks what they print. It is read by `busybox sh -s` in a
# guest, with GUEST=1, and natively without what would change the machine. Each applet
# that is checked gives a line "ok - NAME" or "not ok - NAME".
# shellcheck shell=sh disable=SC2016,SC2086

work=$(mktemp -d) || exit 1
cd "$work" || exit 1

# is NAME EXPECTED COMMAND...: what the command prints, to both outputs
is()
{
	name=$1
	want=$2
	shift 2
	got=$("$@" 2>&1)
	if [ "$got" = "$want" ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		echo "# '$*' gave '$got', wanted '$want'"
	fi
}

# sh_is NAME EXPECTED SCRIPT
sh_is()
{
	is "$1" "$2" sh -c "$3"
}

# status NAME STATUS COMMAND...
status()
{
	name=$1
	want=$2
	shift 2
	"$@" >out 2>&1
	got=$?
	if [ $got = "$want" ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		echo "# '$*' ended with $got, wanted $want; it said '$(cat out)'"
	fi
}

# ---- text

printf 'pear 3\napple 10\nfig 7\napple 2\n' >fruit
is printf 'a1 b02' printf '%s%d %s%02d' a 1 b 2
is echo 'x y' echo x y
is cat "$(printf 'pear 3\napple 10\nfig 7\napple 2')" cat fruit
sh_is tac 'apple 2' 'tac fruit | head -n 1'
sh_is sort 'apple 2 apple 10 fig 7 pear 3 ' 'sort -k1,1 -k2,2n fruit | tr "\n" " "'
sh_is uniq '      2 apple' 'cut -d" " -f1 fruit | sort | uniq -c | grep apple'
sh_is cut '10' 'cut -d" " -f2 fruit | sed -n 2p'
is head 'pear 3' head -n 1 fruit
is tail 'apple 2' tail -n 1 fruit
sh_is wc '4 8 30' 'wc <fruit | awk "{ print \$1, \$2, \$3 }"'
is awk 22 awk '{ s += $2 } END { print s }' fruit
is sed 'apple=10' sed -n 's/^\(apple\) \(10\)/\1=\2/p' fruit
is grep 2 grep -c '^a' fruit
is egrep 'fig 7' egrep '^(fig|kiwi) ' fruit
is fgrep 'pear 3' fgrep 'r 3' fruit
sh_is tr 'PEAR' 'head -n 1 fruit | cut -c1-4 | tr a-z A-Z'
sh_is rev '3 raep' 'head -n 1 fruit | rev'
sh_is fold 'abc def g ' 'echo abcdefg | fold -w 3 | tr "\n" " "'
sh_is expand 'a       b' 'printf "a\tb\n" | expand'
sh_is unexpand "$(printf '\tb')" 'printf "        b\n" | unexpand'
sh_is nl '     2	b' 'printf "a\nb\n" | nl | tail -n 1'
sh_is paste '1,2,3' 'seq 3 | paste -s -d,'
sh_is shuf 5050 'seq 100 | shuf | awk "{ s += \$1 } END { print s }"'
sh_is seq '2 4 6 8 ' 'seq 2 2 8 | tr "\n" " "'
sh_is tee 'one one ' 'echo one | tee copy | cat - copy | tr "\n" " "'
sh_is strings 'findme' 'printf "\001\002findme\003\004" | strings'
sh_is xargs '[a] [b] ' 'echo a b | xargs -n 1 printf "[%s] "'
sh_is dos2unix '61 0a' 'printf "a\r\n" >dos; dos2unix dos; od -An -tx1 dos | sed "s/^ *//"'
sh_is yes 'n n n ' 'yes n | head -n 3 | tr "\n" " "'
sh_is ts 'x' 'echo x | ts %H:%M | sed "s/^[0-9]*:[0-9]* //"'
is expr 42 expr 6 '*' 7
is factor '1001: 7 11 13' factor 1001
sh_is bc 1267650600228229401496703205376 'echo "2 ^ 100" | bc'
sh_is dc 42 'echo "6 7 * p" | dc'
is basename file basename /a/b/file.c .c
is dirname /a/b dirname /a/b/file.c
sh_is cmp 'b c differ: char 2, line 1' 'printf abc >b; printf axc >c; cmp b c'
sh_is diff '+two' 'echo one >d1; printf "one\ntwo\n" >d2; diff -u d1 d2 | tail -n 1'
sh_is patch 'one two ' 'diff -u d1 d2 >p; patch d1 p >/dev/null; tr "\n" " " <d1'
sh_is ed 'ONE' 'printf "one\n" >e; printf "s/one/ONE/\nw\nq\n" | ed e >/dev/null; cat e'

# ---- sums and codes

head -c 300000 /dev/urandom >random
is md5sum '900150983cd24fb0d6963f7d28e17f72  b' md5sum b
is sha1sum 'a9993e364706816aba3e25717850c26c9cd0d89d  b' sha1sum b
is sha256sum 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b' sha256sum b
sh_is sha512sum ddaf35a193617aba 'sha512sum b | cut -c1-16'
sh_is sha3sum 32 'sha3sum b | cut -d" " -f1 | wc -c | awk "{ print \$1 - 25 }"'
sh_is crc32 352441c2 'crc32 b | cut -c1-8'
sh_is base64 YWJj 'base64 b'
sh_is uuencode abc 'uuencode -m x <b | uudecode -o -'
sh_is od ' 000061 000142' 'printf "1\000b\000" | od -An -to2'
sh_is hexdump '00000000  61 62 63                                          |abc|' 'hexdump -C b | head -n 1'
sh_is xxd 616263 'xxd -p b'

same()
{
	cmp random "$1" && echo same
}
gzip -c random >r.gz && gunzip -c r.gz >r1
is gzip same same r1
bzip2 -c random >r.bz2 && bunzip2 -c r.bz2 >r2
is bzip2 same same r2
sh_is zcat "$(md5sum <random)" 'zcat r.gz | md5sum'
mkdir tree && cp random tree/a && echo b >tree/b && ln -s a tree/link && mkdir tree/sub
tar -czf t.tgz tree && mkdir out1 && tar -xzf t.tgz -C out1 && cp out1/tree/a r3
is tar same same r3
is 'tar: a link' a readlink out1/tree/link
find tree | cpio -o -H newc >t.cpio 2>/dev/null
sh_is cpio 'tree/sub' 'cpio -t <t.cpio 2>/dev/null | grep sub'
printf '!<arch>\n%-16s%-12s%-6s%-6s%-8s%-10s`\nabc\n' b/ 0 0 0 100644 3 >x.a
sh_is ar b 'ar -t x.a'

# ---- files

sh_is ls 'a b link sub ' 'ls tree | tr "\n" " "'
sh_is cp same 'cp -a tree tree2 && cmp tree/a tree2/a && echo same'
sh_is mv moved 'mv tree2 tree3 && [ ! -e tree2 ] && [ -e tree3/sub ] && echo moved'
status rm 0 rm -r tree3
status rmdir 1 rmdir tree
sh_is mkdir d 'mkdir -p m/k/d && ls m/k'
sh_is ln 2 'ln b hard && stat -c %h b'
sh_is readlink a 'readlink tree/link'
is realpath "$(pwd -P)/tree/a" realpath tree/link
sh_is stat '3 644 regular file' 'chmod 644 b; stat -c "%s %a %F" b'
sh_is chmod 751 'chmod u=rwx,g=rx,o=x b; stat -c %a b'
sh_is touch 1000000000 'touch -d @1000000000 b; stat -c %Y b'
sh_is truncate 123456 'truncate -s 123456 hole; stat -c %s hole'
sh_is fallocate 65536 'fallocate -l 65536 full; stat -c %s full'
sh_is dd '6162 ' 'dd if=c of=dd1 bs=1 count=1 2>/dev/null; printf b >>dd1; xxd -p dd1 | tr "\n" " "'
sh_is du 4 'du -k b | cut -f1'
sh_is find './tree/a' 'find . -path "./tree/*" -type f -size +100k'
sh_is mktemp 1 'f=$(mktemp ./t.XXXXXX); [ -f $f ] && echo 1'
sh_is mkfifo 'through' 'mkfifo f1; echo through >f1 & cat f1'
sh_is shred 'gone' 'shred -u full 2>/dev/null; [ -e full ] || echo gone'
sh_is unlink no 'echo >u; unlink u; [ -e u ] || echo no'
sh_is test yes 'test -d tree -a ! -f tree && echo yes'
status false 1 false
status true 0 true
sh_is which ok '[ -x "$(which sort)" ] && echo ok'
sh_is run-parts '1 2 ' 'mkdir rp; for i in 1 2; do printf "#!/bin/sh\necho $i\n" >rp/$i; done
	chmod +x rp/*; run-parts rp | tr "\n" " "'
sh_is getopt " -a -b 'x y' -- 'z'" 'getopt -o ab: -- -a -b "x y" z'

# ---- processes and time

sh_is sleep 1 's=$(date +%s); sleep 1; e=$(date +%s); [ $((e - s)) -ge 1 ] && echo 1'
sh_is usleep ok 'usleep 1000 && echo ok'
status timeout 143 timeout 0.2 sleep 10
is date '2001-09-09 01:46:40' date -u -d @1000000000 '+%Y-%m-%d %H:%M:%S'
is cal 1 sh -c 'cal 9 2001 | grep -c "23 24 25 26 27 28 29"'
is env 'A=1' env -i A=1 env
sh_is 'kill, wait' 143 'exec 2>/dev/null; sleep 10 & kill $!; wait $!; echo $?'
sh_is ps 1 'sleep 97 & p=$!
	until grep -q ^sleep /proc/$p/cmdline; do :; done; ps -o pid,args | grep -c "^ *$p  *sleep 97"; kill $p'
sh_is pidof ok 'pidof sh | grep -qw $$ && echo ok'
sh_is setsid new 'setsid sh -c "[ \$(cut -d\" \" -f6 /proc/self/stat) != '$$' ] && echo new"'
sh_is start-stop-daemon 1 'start-stop-daemon -S -b -m -p pid -x /bin/sleep -- 30; usleep 200000
	[ -d /proc/$(cat pid) ] && start-stop-daemon -K -q -p pid && echo 1'
sh_is taskset 1 'taskset 1 sh -c "taskset -p \$\$" | sed "s/.*: //"'
sh_is nproc ok '[ $(nproc) -ge 1 ] && echo ok'
sh_is time real 'time true 2>&1 | sed -n "s/^\(real\).*/\1/p"'
sh_is 'a pipeline of ten' 500000 'head -c 500000 /dev/zero | cat | cat | cat | cat | cat | cat |
	cat | cat | wc -c'
sh_is ash '3 2 1 ' 'f() { [ $1 = 0 ] || { printf "%s " $1; f $(($1 - 1)); }; }; f 3'
sh_is 'ash: trap' 'bye' 'trap "echo bye" EXIT; exit 3'
sh_is 'ash: here' 'x1' 'v=1; cat <<END
x$v
END'
sh_is 'forks of a shell' 200 'i=0; while [ $i -lt 200 ]; do (exit 0) && i=$((i + 1)); done; echo $i'
sh_is who ok 'who >/dev/null && echo ok'
sh_is whoami "$(id -un)" 'whoami'
sh_is id "$(awk '/^Uid:/ { print $2 }' /proc/self/status)" 'id -u'
sh_is uname Linux 'uname -s'
sh_is hostname "$(cat /proc/sys/kernel/hostname)" 'hostname'
sh_is uptime ok 'uptime | grep -q "load average" && echo ok'
sh_is free ok '[ $(free | awk "/^Mem:/ { print \$2 }") -gt 1000 ] && echo ok'
sh_is df ok 'df /dev | tail -n 1 | grep -q "/dev$" && echo ok'
sh_is sysctl "$(cat /proc/sys/kernel/ostype)" 'sysctl -n kernel.ostype'
sh_is tty 'not a tty' 'tty </dev/null'
sh_is watch ok 'exec 2>/dev/null; timeout 1 watch -n 0.1 -t echo hi >w; grep -q hi w && echo ok'

# ---- the network of the machine itself

sh_is ipcalc 'NETWORK=10.1.0.0' 'ipcalc -n 10.1.2.3/16'
if [ -n "${GUEST-}" ]; then
	ifconfig lo 127.0.0.1 up
	sh_is ifconfig 127.0.0.1 'ifconfig lo | sed -n "s/.*addr:\([0-9.]*\).*/\1/p"'
	sh_is ip '127.0.0.1/8' 'ip addr show lo | awk "/inet / { print \$2 }"'
	sh_is ping '0% packet loss' 'ping -c 3 -i 0.1 127.0.0.1 | grep -o "[0-9]*% packet loss"'
	sh_is route ok 'route -n >/dev/null && echo ok'
	sh_is netstat ok 'netstat -an >/dev/null && echo ok'
	sh_is nc 'over tcp' 'echo "over tcp" | nc -l -p 4000 >/dev/null & usleep 200000
		nc 127.0.0.1 4000 </dev/null'
	mkdir www && cp random www/ && echo page >www/index.html
	httpd -p 127.0.0.1:8000 -h "$work/www"
	usleep 200000
	sh_is 'httpd, wget' page 'wget -q -O - http://127.0.0.1:8000/'
	sh_is 'wget: 300 kB' "$(md5sum <random)" 'wget -q -O - http://127.0.0.1:8000/random | md5sum'
	sh_is logger 1 'syslogd -O $PWD/log; usleep 100000; logger kap-says-hi; usleep 300000
		grep -c kap-says-hi log; killall syslogd'
fi

# ---- what only root of a guest may do

if [ -n "${GUEST-}" ]; then
	sh_is 'mount: tmpfs' tmpfs 'mkdir mnt; mount -t tmpfs none mnt; awk "\$2 == \"'$work'/mnt\" { print \$3 }" /proc/mounts'
	status umount 0 umount mnt
	sh_is mkswap ok 'truncate -s 0 /tmp/s; dd if=/dev/zero of=swap bs=1M count=4 2>/dev/null
		mkswap swap >/dev/null && echo ok'
	sh_is 'losetup, blockdev' 4 'dd if=/dev/zero of=disk bs=1M count=4 2>/dev/null
		losetup /dev/loop0 disk; mke2fs /dev/loop0 >/dev/null 2>&1; blockdev --getsize64 /dev/loop0 |
		awk "{ print \$1 / 1048576 }"'
	sh_is 'mke2fs, mount of a loop device' kept 'mount /dev/loop0 mnt && echo kept >mnt/f &&
		umount mnt && mount /dev/loop0 mnt && cat mnt/f; umount mnt; losetup -d /dev/loop0'
	sh_is mknod '1,3' 'mknod n c 1 3; stat -c "%t,%T" n'
	sh_is chown '12 34' 'echo >own; chown 12:34 own; stat -c "%u %g" own'
	sh_is chgrp 56 'chgrp 56 own; stat -c %g own'
	sh_is chroot in 'mkdir -p root/bin; cp /bin/busybox root/bin/; chroot root /bin/busybox echo in'
	sh_is su 65534 'su -s /bin/sh nobody -c "id -u"'
	sh_is setpriv 1 'setpriv --nnp sh -c "grep NoNewPrivs /proc/self/status" | tr -cd 01'
	sh_is unshare other 'unshare --uts sh -c "hostname other; hostname"'
	sh_is nsenter ok 'nsenter -t 1 -u hostname >/dev/null && echo ok'
	sh_is dmesg ok 'dmesg | grep -q "Linux version" && echo ok'
	sh_is lsmod ok 'lsmod >/dev/null && echo ok'
	sh_is renice 7 'sleep 5 & renice -n 7 -p $! >/dev/null; cut -d" " -f19 /proc/$!/stat; kill $!'
	sh_is 'renice, sh' 12 'renice -n 12 -p $$ >/dev/null; sh -c "cut -d\" \" -f19 /proc/self/stat"'
	sh_is ionice ok 'ionice -c 3 true && echo ok'
	sh_is 'date: set' 2033 'date -s 2033-05-18 >/dev/null; date +%Y'
	sh_is stty '24 80' 'stty -F /dev/console rows 24 cols 80 2>/dev/null; stty -F /dev/console size'
	sh_is top ok 'top -b -n 1 | grep -q "^CPU" && echo ok'
	sh_is sync ok 'sync && echo ok'
	sh_is mkpasswd ok 'mkpasswd -m sha512 -S saltsalt kap | grep -q "^.6.saltsalt" && echo ok'
	sh_is crond 1 'mkdir -p tabs; echo "* * * * * true" >tabs/root; crond -c $PWD/tabs -L /dev/null
		usleep 200000; pidof crond | wc -w; killall crond'
fi

cd /
rm -r "$work"
echo '# end'
