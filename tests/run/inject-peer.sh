#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt's virt-qemu-sev-validate as a judge: it agrees with the double about the launch's measurement, makes the same table as coco-inject from the
# same secrets, and each one's packet opens.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
peer=$(command -v virt-qemu-sev-validate)
if [ -z "$peer" ] || ! /usr/bin/python3 "$peer" --help >/dev/null 2>&1; then
	skip "libvirt's opinion" "virt-qemu-sev-validate does not run here (Debian: libvirt-clients-qemu, python3-lxml)"
	finish
fi

head -c16 /dev/urandom >tek
head -c16 /dev/urandom >tik
cat tek tik >tk
head -c65536 /dev/urandom >fw
printf 'correct horse' >pw
printf 'another one of thirty-one bytes' >other
other=0f2e573e-be4d-a7d6-bdc4-908077d7628d
"$double" --listen sock --once --tek tek --tik tik --firmware fw --policy 3 --api 1.51 --build 3 --measurement-out m &
tap_pids+=($!)
appears m $! || exit 99
validate() { /usr/bin/python3 "$peer" --insecure --firmware fw --tk tk --api-major 1 --api-minor 51 --build-id 3 --policy "$@"; }
opened() { "$double" --open --tek tek --tik tik --measurement "$(cat m)" --header "$1" --payload "$2"; }

check "the double's measurement is right" expect 0 validate 3 --measurement "$(cat m)"
check "and wrong for another policy" expect 1 validate 1 --measurement "$(cat m)"
check "its packet" expect 0 validate 3 --measurement "$(cat m)" --inject-secret luks-key:pw --inject-secret $other:other \
	--secret-header their.h --secret-payload their.p
check "our packet" expect 0 "$inject" packet --tek tek --tik tik --measurement "$(cat m)" --secret luks-key:pw \
	--secret $other:other --header our.h --payload our.p
opened their.h their.p >their.table
opened our.h our.p >our.table
check "ours opens" test -s our.table
check "theirs opens" test -s their.table
# Theirs may have 16 zeros more.
check "both hold the same table" cmp -n "$(stat -c %s our.table)" our.table their.table
finish
