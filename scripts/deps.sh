#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh [CONFIGURE ARGUMENT]...: installs the packages that ./configure misses. As
# root, or with sudo; otherwise prints the command for whoever may, and fails,
# unless only some tests would use them.

set -u
cd "$(dirname "$0")/.." || exit 1

packages=$(./configure --missing "$@") || exit 1
[ -n "$packages" ] || exit 0
needed=$(./configure --missing=needed "$@")
packages=$(echo "$packages" | tr '\n' ' ')

# What can be done without is not worth stopping for.
go_on_without()
{
	[ -z "$needed" ] || return
	echo "kap: going on without: $packages (only some tests use them)" >&2
	exit 0
}

give_up()
{
	echo "kap: $1; as root, run:" >&2
	echo "  apt-get install ${packages% }" >&2
	go_on_without
	echo "kap: then run make again" >&2
	exit 1
}

command -v apt-get >/dev/null || {
	echo "kap: missing here, by their Debian names: $packages" >&2
	echo "kap: install them (there is no apt-get), then run make again" >&2
	go_on_without
	exit 1
}

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
	sudo="sudo"
else
	give_up "packages are missing, and this user can't install them"
fi

install()
{
	# shellcheck disable=SC2086 # lists of words
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages
}

echo "kap: installing: $packages" >&2
# A fresh system has no package lists yet, and an old one stale lists.
install || { $sudo apt-get update -q && install; } || give_up "the packages could not be installed"

packages=$(./configure --missing "$@" | tr '\n' ' ')
needed=$(./configure --missing=needed "$@")
[ -z "$packages" ] || go_on_without
[ -z "$packages" ] || give_up "still missing after installing"
