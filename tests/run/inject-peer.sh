#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compares with libvirt's virt-qemu-sev-validate: it agrees with the double and with coco-inject about the launch
# measurement, it makes the same table from the same secrets, and the packets of both open.
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
# Their table may have 16 more zeros.
check "both hold the same table" cmp -n "$(stat -c %s our.table)" our.table their.table

# ---- measurements ----
"$top_srcdir/tests/double/launch-model" firmware fw --pages 64
head -c 123457 /dev/urandom >kernel
head -c 100003 /dev/urandom >initrd
nonce=$(head -c16 /dev/urandom | base64)

# agree NAME POLICY OUR-ARGUMENTS... -- THEIR-ARGUMENTS...: they accept our measurement, but not one with another
# policy.
agree() {
	local name=$1 policy=$2 ours=() m

	shift 2
	while [ "$1" != -- ]; do
		ours+=("$1")
		shift
	done
	shift
	m=$("$inject" measure --firmware fw --tik tik --policy "$policy" --api 1.51 --build 3 --nonce "$nonce" "${ours[@]}" 2>err)
	check "our measurement: $name" expect 0 validate "$policy" --measurement "$m" "$@"
	m=$("$inject" measure --firmware fw --tik tik --policy "$((policy ^ 2))" --api 1.51 --build 3 --nonce "$nonce" "${ours[@]}" 2>err)
	check "our measurement: $name: not of another policy" expect 1 validate "$policy" --measurement "$m" "$@"
}
es=(--num-cpus 4 --cpu-family 25 --cpu-model 1 --cpu-stepping 1)
agree "SEV" 1 --tech sev --
agree "a kernel, an initrd and a command line" 3 --tech sev --kernel kernel --initrd initrd --cmdline 'root=/dev/vda1 ro' -- \
	--kernel kernel --initrd initrd --cmdline 'root=/dev/vda1 ro'
agree "a kernel alone" 3 --tech sev --kernel kernel -- --kernel kernel
agree "SEV-ES" 7 --tech sev-es --vcpus 4 --vcpu-type EPYC-Milan -- "${es[@]}"
agree "SEV-ES and a kernel" 7 --tech sev-es --vcpus 4 --vcpu-sig 0xa00f11 --kernel kernel --initrd initrd --cmdline ro -- "${es[@]}" --kernel kernel \
	--initrd initrd --cmdline ro
"$top_srcdir/tests/double/launch-model" vmsa vmsa0 --eip 0xfffffff0 --sig 0x830f10
"$top_srcdir/tests/double/launch-model" vmsa vmsa1 --eip 0x80b004 --sig 0x830f10
agree "SEV-ES, pages from files" 5 --tech sev-es --vcpus 3 --vmsa vmsa0 --vmsa vmsa1 -- --num-cpus 3 --vmsa-cpu0 vmsa0 --vmsa-cpu1 vmsa1
m=$("$inject" measure --firmware fw --tech sev-es --vcpus 4 --vcpu-type EPYC-Milan --tik tik --policy 7 --api 1.51 --build 3 --nonce "$nonce" --variant init2)
check "init2 is not what they know" expect 1 validate 7 --measurement "$m" "${es[@]}"
finish
