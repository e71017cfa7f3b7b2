#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh: checks every source file of the project; lint.sh --format: applies the C style.
# Tools that are not installed are named and skipped; what can be checked without
# them always is. Exit status 1 when anything was found.

set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.." || exit 2

files()
{
	find . \( -path ./build -o -path ./.git \) -prune -o -type f "$@" -print | sed 's|^\./||' | sort
}

c_files()
{
	files -name '*.[ch]'
}

# Those that are sourced say so by their names; "source=" in them is from this folder.
scripts()
{
	files | while read -r file; do
		case $file in
		*.sh|*.t) echo "$file" ;;
		*) head -n 1 "$file" | grep -qaE '^#!/bin/(ba)?sh' && echo "$file" ;;
		esac
	done
}

# What clang-format would change in a file. It can't express the kernel's columns of
# tabs (values of macros, comments of members), so widths of blanks don't count.
style_diff()
{
	clang-format "$1" | diff -bBu "$1" -
}

if [ "${1-}" = --format ]; then
	for file in $(c_files); do
		style_diff "$file" | patch -s "$file" || exit 1
	done
	exit 0
fi

bad=0
report()
{
	echo "lint: $*"
	bad=1
}

have()
{
	command -v "$1" >/dev/null && return
	echo "lint: skipped: $1 is not installed"
	return 1
}

# Data, documents and licences carry no SPDX line.
for file in $(files ! -name '*.md' ! -name '*.list' ! -path './rootfs/etc/*' ! -name 'COPYING*' \
	! -name LICENSE ! -name '*.txt' ! -name '*.expect'); do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
		report "$file: no SPDX line in its first three lines"
done

for file in $(files); do
	if grep -nE '(^|[^A-Za-z0-9_.])/(work|home)/[a-z]' "$file" | grep -v '/home/user' |
		sed "s|^|$file:|" | grep .; then
		report "$file: absolute path of one machine"
	fi
done

for file in $(files \( -name '*.[chS]' -o -name '*.sh' -o -name '*.mk' -o -name '*.t' \)); do
	lines=$(wc -l <"$file")
	[ "$lines" -lt 600 ] || report "$file: $lines lines, 600 is the limit"
	grep -nE '[ 	]+$' "$file" /dev/null && report "$file: blanks at the end of a line"
done
for file in $(c_files); do
	expand "$file" | awk -v f="$file" 'length > 100 { print f ":" NR ": longer than 100 columns"; e = 1 }
		END { exit e }' || bad=1
done

# Its versions don't agree on what is right.
have_clang_format()
{
	have clang-format || return
	case $(clang-format --version) in
	*' version 14.'*) ;;
	*)
		echo "lint: skipped: clang-format is not version 14, whose style is ours"
		return 1
		;;
	esac
}

if have_clang_format; then
	for file in $(c_files); do
		style_diff "$file" || report "$file: not in our style; make format applies it"
	done
	# shellcheck disable=SC2046 # one word a file
	grep -nE '^        ' $(c_files) && report "indentation by blanks; use tabs"
fi
if have shellcheck; then
	# shellcheck disable=SC2046 # one word a file
	shellcheck -x -P SCRIPTDIR $(scripts) || bad=1
fi
if have cppcheck; then
	cppcheck --quiet --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem -Ihostos -Ikernel-shim/include -D__x86_64__ \
		hostos rootfs || bad=1
fi
[ $bad = 0 ] && echo "lint: clean"
exit $bad
