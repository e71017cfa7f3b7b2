#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh [CONFIGURE ARGUMENT]...: installs the packages that ./configure misses. As
# root, or with sudo; otherwise prints the command for whoever may, and fails.

set -u
cd "$(dirname "$0")/.." || exit 1

packages=$(./configure --missing "$@") || exit 1
[ -n "$packages" ] || exit 0
packages=$(echo "$packages" | tr '\n' ' ')

give_up()
{
	echo "kap: $1; as root, run:" >&2
	echo "  apt-get install ${packages% }" >&2
	echo "kap: then run make again" >&2
	exit 1
}

command -v apt-get >/dev/null || {
	echo "kap: missing here, by their Debian names: $packages" >&2
	echo "kap: install them (there is no apt-get), then run make again" >&2
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
[ -z "$packages" ] || give_up "still missing after installing"
