#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The examples in coco-inject(1) work as they are written there.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99
PATH=$top_builddir:$PATH

model=$top_srcdir/tests/double/launch-model
"$model" firmware OVMF.amdsev.fd
"$model" firmware OVMF.inteltdx.fd --pages 32
head -c 90001 /dev/urandom >vmlinuz
head -c 50001 /dev/urandom >initrd.img
digest=$("$model" digest --tech sev-es --firmware OVMF.amdsev.fd --kernel vmlinuz --initrd initrd.img --cmdline 'root=/dev/vda1 ro' --vcpus 2 --sig 0xa00f11)
double=$top_srcdir/tests/double/security-processor
# A platform with a test root instead of AMD's, which with_root passes to each example.
"$top_srcdir/tests/double/fake-platform" --bits 4096 host || exit 99
cat host/pdh.cert host/pek.cert host/oca.cert host/cek-exported.cert >platform.cert
cat host/ask.cert host/ark.cert >ask_ark_milan.cert
cp host/cek.cert cek.cert
head -c64 /dev/urandom | base64 -w0 >cpu0-id
mkdir -p www/cek/id
cp cek.cert "www/cek/id/$(base64 -d cpu0-id | xxd -p -c64)"
cp ask_ark_milan.cert www/
export XDG_CACHE_HOME=$work/xdg
background "$top_srcdir/tests/double/key-server" --port-file port www
appears port "${tap_pids[-1]}" || exit 99

# Save the literal blocks of the page's EXAMPLES.
/usr/bin/python3 - "$top_srcdir/man/coco-inject.1" <<'P'
import re, sys
text = open(sys.argv[1]).read().split(".Sh EXAMPLES")[1].split(".Sh ")[0]
for n, block in enumerate(re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.S | re.M)):
    open(f"example{n}", "w").write("set -e\n" + block.replace("\\e", "\\"))
P
check "twelve examples" test -e example11 -a ! -e example12
# with_root EXAMPLE: run an example as it is, with the root and the server of the test.
with_root() {
	# shellcheck disable=SC2016 # for the example's shell
	echo 'coco-inject() { if [ "$*" != "${*/--fetch/}" ]; then set -- "$@" --kds "http://127.0.0.1:$(cat port)"; fi; command coco-inject "$@" --anchor host/ark.cert; }' |
		cat - "$1" >with-root
	bash with-root
}
check "a platform" expect 0 with_root example0
check "is shown and verified" grep -q '^Good: all checks hold' out
if coco-inject chain verify --fetch --kds http://127.0.0.1:1 platform.cert ask_ark_milan.cert --chip-id "$(cat cpu0-id)" 2>&1 | grep -q 'built without HTTPS'; then
	skip "a platform, fetched" "coco-inject was built without libcurl"
else
	check "a platform, fetched" expect 0 with_root example1
	check "is verified" grep -q '^Good: all checks hold' out
fi
check "a session" expect 0 with_root example2
check "opens with the policy that the page says QEMU is given" cmp <("$double" --start --pdh-key host/pdh.key.pem --godh vm_godh.b64 \
	--session vm_session.b64 --policy 0xf) <(cat vm_tek.bin vm_tik.bin)
check "which it says" grep -q 'policy=0xf,dh-cert-file=vm_godh.b64,session-file=vm_session.b64' "$top_srcdir/man/coco-inject.1"

# start: start a monitor for one client.  The launch has that session and what the page's examples say.
start() {
	rm -f measurement.b64
	"$double" --listen vm.qmp --once --pdh-key host/pdh.key.pem --godh vm_godh.b64 --session vm_session.b64 --digest "$digest" --policy 0xf \
		--measurement-out measurement.b64 --gpa 0x80c000 --area-size 3072 --record record &
	tap_pids+=($!)
	appears vm.qmp $! || exit 99
}
start
check "a digest, and a measurement that is compared" expect 0 bash example3
check "are right" cmp out <(echo "$digest"; cat measurement.b64; echo)
check "an ID block" expect 0 bash example4
check "is of the digest" test "$(base64 -d vm.block | head -c48 | xxd -p -c48)" = \
	"$("$model" digest --tech snp --firmware OVMF.amdsev.fd --vcpus 2 --sig 0xa00f11 --features 1)"
check "MRTD" expect 0 bash example5
check "is right" test "$(cat out)" = "$("$model" digest --tech tdx --firmware OVMF.inteltdx.fd)"
check "a table" expect 0 bash example6
check "is one" test "$(head -c16 secrets.table | xxd -p)" = 42f5741edd71664d963eef4287ff173b
check "a packet" expect 0 bash example7
"$double" --open --tek vm_tek.bin --tik vm_tik.bin --measurement "$(cat measurement.b64)" --header header.b64 --payload payload.b64 >plain
check "opens, to the same table" cmp plain secrets.table
check "a guest" expect 0 bash example8
check "gets it and runs" bash -c 'grep -q sev-inject-launch-secret record && grep -q "\"cont\"" record'
check "the audit line is as the page says" grep -q \
	"audit: vm=vm policy=0xf digest=$digest measurement=$(cat measurement.b64) result=started\$" err
start
check "a guest of a file" expect 0 bash example9

if command -v mandoc >/dev/null; then
	check "the page is well-formed" mandoc -Tlint -Wwarning "$top_srcdir/man/coco-inject.1"
else
	skip "the page is well-formed" "mandoc is not installed"
fi
for verb in doctor plan "chain show" "chain verify" session measure id-block table packet inject relay; do
	# shellcheck disable=SC2086 # one word or two
	options=$(coco-inject $verb --help | sed -n '/^Options:/,/^$/ s/^ *\(-[a-z], \)\{0,1\}--\([a-z][a-z-]*\).*/\2/p')
	check "$verb has options" test "$(wc -w <<<"$options")" -ge 2
	for option in $options; do
		check "--$option of $verb is in the page" grep -q -E -e "Fl (h , )?-$option" "$top_srcdir/man/coco-inject.1"
	done
done

check "reference values" expect 0 bash example10
check "are those of each number and model" /usr/bin/python3 -c 'import json
assert len(set(json.load(open("out"))["digests"])) == 128'

# A host of which nothing is known but its encryption bit.
mkdir tree
# shellcheck disable=SC2016 # for the example's shell
echo 'coco-inject() { command coco-inject "$@" --root tree --cbitpos 51; }' | cat - example11 >planned
check "a plan" expect 0 bash planned
check "has the policy, the session and the kernel's hashes of the other examples" grep -q \
	'sev-guest,id=cgs0,cbitpos=51,reduced-phys-bits=1,policy=0xf,dh-cert-file=vm_godh.b64,session-file=vm_session.b64,kernel-hashes=on' out
check "and is stopped, with the monitor that inject asks" grep -q -- '-qmp unix:vm.qmp,server=on,wait=off' out
check "says the reason of each flag" grep -q '^# -S: stopped' out

finish
