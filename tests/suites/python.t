#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Python's own regression tests on Debian 12, in a guest and natively in the same tree: whatever
# passes natively must pass in the guest, or python.expected says why not. Arguments, or
# PYTHON_TESTS, name modules; "all" is all that there are, about half an hour; without them
# those of python.list, about three minutes. Native results are kept in build/python.

# shellcheck source=tests/boot/boot.sh
. "$(dirname "$0")/../boot/boot.sh"
suites=tests/suites
tree=build/debian/root
kept=build/python
script=$suites/python-run.py
jobs=2

none()
{
	echo "1..0 # SKIP $1"
	exit 0
}

if [ ! -e $tree/usr/lib/python3.11/test/test_os.py ] || [ ! -s build/debian.ext4 ]; then
	none 'there is no Debian with the tests: make check-python'
fi
if [ "$(id -u)" != 0 ] || ! unshare --mount --pid --net --ipc --uts --fork true 2>/dev/null; then
	none 'only root can run the tests natively, in a root and a network of their own'
fi

# shellcheck disable=SC2086 # a list of names
[ $# != 0 ] || set -- ${PYTHON_TESTS-}
# shellcheck disable=SC2046
case ${1-} in
'')	set -- $(sed 's/#.*//' $suites/python.list) ;;
all)	set -- $($suites/python-native $tree $script --list) ;;
esac

# ---- natively, what isn't known yet

mkdir -p $kept
stamp=$(cat build/debian/stamp $script $suites/python-native | cksum)
if [ "$(cat $kept/stamp 2>/dev/null)" != "$stamp" ]; then
	: >$kept/native
	echo "$stamp" >$kept/stamp
fi
unknown=
for module; do
	grep -qF "@@ module $module " $kept/native || unknown="$unknown $module"
done
if [ -n "$unknown" ]; then
	echo "# natively first: $(echo "$unknown" | wc -w) modules"
	# shellcheck disable=SC2086
	$suites/python-native $tree $script -j $jobs $unknown >$kept/native.new \
		2>"$dir/native.err" </dev/null
	grep '^@@ [tm]' $kept/native.new >>$kept/native
	if ! grep -qx '@@ finished' $kept/native.new; then
		sed 's/^/# /' "$dir/native.err"
		none 'the tests do not run natively'
	fi
fi

# ---- in a guest

# report NAMES-OF-FAILED [FINAL]: reads the guest's words as they come; with FINAL every
# difference counts
report()
{
	: >"$1"
	: >"$dir/module"
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$dir/module"
		case $line in
		'@@ module '*) ;;
		*) continue ;;
		esac
		name=${line#@@ module }
		name=${name%% *}
		awk -v module="$name" -f $suites/expected.awk -f $suites/python-report.awk \
			part=1 $suites/python.expected part=2 $kept/native part=3 "$dir/module" >"$dir/notes"
		different=$?
		cat "$dir/notes"
		if [ $different = 0 ]; then
			point 0 "$name"
		elif [ -z "${2-}" ]; then
			echo "# $name: once more, alone"
			echo "$name" >>"$1"
		else
			point 1 "$name"
		fi
		echo "$name" >>"$dir/seen"
		: >"$dir/module"
	done
	echo "$points" "$failed" >"$dir/points-failed"
}

# in_guest JOBS FAILED FINAL MODULE...
in_guest()
{
	as_many=$1
	file=$2
	final=$3
	shift 3
	: >"$dir/seen"
	mkfifo "$dir/words"
	report "$file" "$final" <"$dir/words" &
	# What the guest says has to be seen as it comes.
	session "$KAP" run --verbose --timeout $((600 + $# * 60)) --mem 2G --disk build/debian.ext4,ro \
		--root /dev/vda -- sh -c '
			cat >/tmp/python-run.py
			exec python3 /tmp/python-run.py "$@" </dev/null' sh -j "$as_many" "$@" \
		<$script >"$dir/words" 2>"$log"
	status=$?
	wait $!
	rm "$dir/words"
	read -r points failed <"$dir/points-failed"
	[ $status = 0 ] || point 1 "the guest comes to its end: status $status"
	for module; do
		grep -qxF "$module" "$dir/seen" || point 1 "$module: the guest has no result"
	done
	after 'the tests of Python'
}

in_guest $jobs "$dir/again" '' "$@"
# A machine with other work to do makes time-outs of tests expire: not twice, and not alone.
if [ -s "$dir/again" ]; then
	# shellcheck disable=SC2046
	in_guest 1 "$dir/none" final $(cat "$dir/again")
fi
finish
