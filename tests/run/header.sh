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
refuse() { ! "$@"; }
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

# ---- as systemd has it ----
units=/run/systemd/generator
mkdir -p $units
attach() { printf "[Unit]\nSourcePath=/proc/cmdline\n[Service]\nExecStart=/lib/systemd/systemd-cryptsetup attach %s\nExecStop=/lib/systemd/systemd-cryptsetup detach '%s'\n" "$2" "$1"; }
head -c 6000 /dev/urandom >"$work/root"
rm -f /etc/crypttab
attach my-root "'my-root' '$work/root' '' 'headless,header=$copies/my-root.hdr'" >"$units/systemd-cryptsetup@my\\x2droot.service"
check "a volume of the kernel's command line is copied" expect 0 "$header" copy my-root
check "it is its header" cmp "$work/root" $copies/my-root.hdr
check_refused "a volume that neither systemd nor crypttab has" 1 'Cannot read /etc/crypttab' "$header" copy --if-used root
tab "data $work/root none header=$copies/data.hdr"
attach data "'data' '$work/disk' '' 'header=$copies/data.hdr'" >$units/systemd-cryptsetup@data.service
rm -f $copies/data.hdr
check "if both have it, what systemd runs counts" expect 0 "$header" copy data
check "... its device" cmp "$work/disk" $copies/data.hdr
rm $copies/*
attach data "'data' '$work/disk' '' 'headless'" >$units/systemd-cryptsetup@data.service
check_refused "there too, no header=" 1 "needs the option header=$copies/data.hdr, and has no header=" "$header" copy data
check "with --if-used nothing is done for it" expect 0 "$header" copy --if-used data
attach data "'data' '$work/disk' '' 'header=/boot/data.hdr'" >$units/systemd-cryptsetup@data.service
check_refused "... but another header= is a mistake" 1 "another header=" "$header" copy --if-used data
attach data "'other' '$work/disk' '' 'header=$copies/data.hdr'" >$units/systemd-cryptsetup@data.service
check_refused "a unit of another volume" 1 "is not as systemd-cryptsetup-generator makes it" "$header" copy data
attach data "data $work/disk - -" >$units/systemd-cryptsetup@data.service
check_refused "a unit of another form" 1 "is not as systemd-cryptsetup-generator makes it" "$header" copy --if-used data
: >$units/systemd-cryptsetup@data.service
check_refused "an empty unit" 1 "is not as systemd-cryptsetup-generator makes it" "$header" copy --if-used data
check "of all that nothing is left, either" no_copies

# ---- in an initramfs without systemd ----
rm -r /run/systemd
umount $copies && rmdir $copies
all() { "$header" copy-all --crypttab=/etc/crypttab "$@"; }
check_refused "no crypttab is named" 1 "crypttab" "$header" copy-all
tab "data $work/disk none luks" "root $work/root none luks,header=/boot/root.hdr"
check "no volume has its header in the folder" expect 0 all
check "... which is not even made" [ ! -e $copies ]
tab "late $work/nowhere none header=$copies/late.hdr" "data $work/disk none luks,header=$copies/data.hdr" \
	"root $work/root root luks,header=$copies/root.hdr" "bad $work/root none header=$copies/../bad.hdr"
check_refused "one is copied after the other, what is missing is said" 1 "Cannot open '$work/nowhere'.*No such device" all
check "the name of another file is refused" said "Volume 'bad' needs the option header="
check "the folder is a ramfs of root's alone" mode_is 700 $copies
check "... a ramfs" [ "$(stat -f -c %T $copies)" = ramfs ]
check "nothing else is there" [ "$(find $copies -type f | sort | xargs)" = "$copies/data.hdr $copies/root.hdr" ]
check "each is its volume's" cmp "$work/root" $copies/root.hdr
head -c 6000 /dev/urandom >"$work/root"
cp "$work/disk" "$work/nowhere"
expect 1 all
check "a device that came later is copied then" cmp "$work/disk" $copies/late.hdr
check "a copy is not made twice: what was judged stays" refuse cmp "$work/root" $copies/root.hdr
rm $copies/late.hdr "$work/nowhere"
(sleep 0.5; cp "$work/disk" "$work/later" && mv "$work/later" "$work/nowhere") &
expect 1 all --wait=20s
check "it waits for a device" cmp "$work/disk" $copies/late.hdr
mkfifo "$work/fifo"
check "a FIFO for a device keeps nobody" expect 1 timeout 20 "$header" copy-all --crypttab=<(echo "fifo $work/fifo none header=$copies/fifo.hdr")

finish
