#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cocod-header in a mount namespace, with a crypttab and a ramfs of its own.
# shellcheck disable=SC2317 # functions are called by check
if [ "${1-}" != inside ]; then
	[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP a mount namespace wants root"; exit 0; }
	exec unshare --mount --propagation private "$0" inside
fi
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
mount -t tmpfs tmpfs /run && mkdir /run/upper /run/work /run/cocod.headers || exit 99
if ! mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc; then
	skip "cocod-header" "no overlay can be mounted over /etc"
	exit
fi
header=$top_builddir/cocod-header
copies=/run/cocod.headers
head -c 20000000 /dev/urandom >"$work/disk"
tab() { printf '%s\n' "$@" >/etc/crypttab; }
line="data $work/disk none luks,nofail,header=$copies/data.hdr"
mode_is() { test "$(stat -c %a "$2")" = "$1"; }
no_copies() { test -z "$(ls -A "$copies")"; }

tab "$line"
check_refused "a folder that is not a ramfs" 1 'is not a ramfs' "$header" copy data
mount -t ramfs -o mode=700 ramfs $copies || exit 99
check "a copy is made" expect 0 "$header" copy data
check "it is the first 16 MiB" cmp <(head -c 16777216 "$work/disk") $copies/data.hdr
check "it is its owner's alone" mode_is 600 $copies/data.hdr
head -c 5000 /dev/urandom >"$work/disk"
check "it is made anew" expect 0 "$header" copy data
check "a short device is copied whole" cmp "$work/disk" $copies/data.hdr
rm $copies/*

check_refused "no such volume" 1 "has no volume 'other'" "$header" copy other
check_refused "a name that leads elsewhere" 1 "not a volume's name" "$header" copy ../data
check_refused "a hidden name" 1 "not a volume's name" "$header" copy .data
check_refused "no name" 1 "VOLUME" "$header" copy
tab "$line" "$line"
check_refused "a volume that is there twice" 1 'twice' "$header" copy data
tab "data $work/disk none luks"
check_refused "no header=" 1 "needs the option header=$copies/data.hdr, and has no header=" "$header" copy data
tab "data $work/disk none header=$copies/other.hdr"
check_refused "another header=" 1 'has another header=' "$header" copy data
tab "$line,header=$work/disk"
check_refused "header= twice" 1 'has header= twice' "$header" copy data
tab "data"
check_refused "no device" 1 "has no volume 'data'" "$header" copy data
tab "data LABEL=a/../b none header=$copies/data.hdr"
check_refused "a label that udev writes in another way" 1 "use UUID=" "$header" copy data
tab "data /dev/null none header=$copies/data.hdr"
check_refused "a device without blocks" 1 'neither a block device nor a file' "$header" copy data
: >"$work/disk"
tab "$line"
check_refused "an empty device" 1 'is empty' "$header" copy data
rm /etc/crypttab
check_refused "no crypttab" 1 'Cannot read /etc/crypttab' "$header" copy data
check "of all that nothing is left" no_copies

# A device that comes late.
rm "$work/disk"
tab "$line"
"$header" copy data &
sleep 0.3
check "without its device nothing is copied" no_copies
head -c 5000 /dev/urandom >"$work/late" && mv "$work/late" "$work/disk"
check "when it is there" wait $!
check "it is copied" cmp "$work/disk" $copies/data.hdr

finish
