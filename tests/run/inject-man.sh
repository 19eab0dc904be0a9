#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The examples of coco-inject(1), as they are written there, and the completion: what is shown to people must work.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99
PATH=$top_builddir:$PATH

head -c16 /dev/urandom >vm_tek.bin
head -c16 /dev/urandom >vm_tik.bin
/usr/bin/python3 - >OVMF.amdsev.fd <<'P'
import struct, sys, uuid
le = lambda g: uuid.UUID(g).bytes_le
entry = struct.pack("<IIH", 0x80c000, 3072, 26) + le("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
sys.stdout.buffer.write(bytes(9999) + entry + struct.pack("<H", 44) + le("96b582de-1fb2-45f7-baea-a366c55a082d") + bytes(32))
P
double=$top_srcdir/tests/double/security-processor
"$double" --listen vm.qmp --once --tek vm_tek.bin --tik vm_tik.bin --firmware OVMF.amdsev.fd --measurement-out measurement.b64 --gpa 0x80c000 \
	--area-size 3072 --record record &
tap_pids+=($!)
appears vm.qmp $! || exit 99

# The n-th literal block of the page's EXAMPLES.
/usr/bin/python3 - "$top_srcdir/man/coco-inject.1" <<'P'
import re, sys
text = open(sys.argv[1]).read().split(".Sh EXAMPLES")[1].split(".Sh ")[0]
for n, block in enumerate(re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.S | re.M)):
    open(f"example{n}", "w").write("set -e\n" + block.replace("\\e", "\\"))
P
check "three examples" test -e example2 -a ! -e example3
check "a table" expect 0 bash example0
check "is one" test "$(head -c16 secrets.table | xxd -p)" = 42f5741edd71664d963eef4287ff173b
check "a packet" expect 0 bash example1
"$double" --open --tek vm_tek.bin --tik vm_tik.bin --measurement "$(cat measurement.b64)" --header header.b64 --payload payload.b64 >plain
check "opens, to the same table" cmp plain secrets.table
check "a guest" expect 0 bash example2
check "gets it and runs" bash -c 'grep -q sev-inject-launch-secret record && grep -q "\"cont\"" record'

if command -v mandoc >/dev/null; then
	check "the page is well-formed" mandoc -Tlint -Wwarning "$top_srcdir/man/coco-inject.1"
else
	skip "the page is well-formed" "mandoc is not installed"
fi
for verb in table packet inject; do
	for option in $(coco-inject $verb --help | sed -n 's/^  .*--\([a-z-]*\).*/\1/p'); do
		check "--$option of $verb is in the page" grep -q -e "Fl -$option" "$top_srcdir/man/coco-inject.1"
	done
done

# ---- completion ----
# complete WORD...: what is offered for the last word.
complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMP_LINE="$*"
	COMP_POINT=${#COMP_LINE}
	_coco_inject 2>/dev/null
	echo "${COMPREPLY[*]}"
}
# shellcheck source=/dev/null
. "$top_srcdir/inject/completion/coco-inject"
offers() {
	local want=$1 got

	shift
	got=$(complete_words coco-inject "$@")
	[ "$got" = "$want" ] || { echo "offered: $got"; return 1; }
}
check "completion: verbs" offers "--help --version table packet inject" ""
check "completion: the beginning of a verb" offers "packet" pa
check "completion: options" offers "--measurement" inject --me
check "completion: options of this verb only" offers "" table --me
check "completion: names" offers "luks: luks-key:" table --secret lu
check "completion: the file behind a name" offers "secrets.table" table --secret luks : secr
check "completion: files" offers "vm_tek.bin" packet --tek vm_te
finish
