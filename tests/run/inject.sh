#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject table and packet: the files that they make, what they refuse, and their exit statuses.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
luks=736869e5-84f0-4973-92ec-06879ce3da0b
cd "$work" || exit 99

head -c16 /dev/urandom >tek
head -c16 /dev/urandom >tik
head -c48 /dev/urandom | base64 -w0 >measurement
measurement=$(cat measurement)
printf 'correct horse' >pw
printf 'with newline\n' >pw.nl
: >empty
head -c 3032 /dev/urandom >fits		# 20 + 20 + 3032 = 3072
head -c 3033 /dev/urandom >over

# want GUID FILE...: write the expected table with these secrets to the file want.  This shares no code with
# coco-inject.
cat >table.py <<'P'
import sys, struct, uuid
pairs = sys.argv[1:]
body = b""
for guid, path in zip(pairs[::2], pairs[1::2]):
    data = open(path, "rb").read()
    body += uuid.UUID(guid).bytes_le + struct.pack("<I", 20 + len(data)) + data
table = uuid.UUID("1e74f542-71dd-4d66-963e-ef4287ff173b").bytes_le + struct.pack("<I", 20 + len(body)) + body
sys.stdout.buffer.write(table + bytes(-len(table) % 16))
P
want() { /usr/bin/python3 table.py "$@" >want; }

# firmware.py BASE SIZE [LENGTH]: write an image that ends as OVMF's does to standard output.
cat >firmware.py <<'P'
import sys, struct, uuid, os
le = lambda g: uuid.UUID(g).bytes_le
base, size = int(sys.argv[1], 0), int(sys.argv[2], 0)
entry = struct.pack("<IIH", base, size, 26) + le("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
length = len(entry) + 18 if len(sys.argv) == 3 else int(sys.argv[3])
sys.stdout.buffer.write(os.urandom(200000) + entry + struct.pack("<H", length) + le("96b582de-1fb2-45f7-baea-a366c55a082d") + bytes(32))
P
/usr/bin/python3 firmware.py 0x80c000 3072 >fw
/usr/bin/python3 firmware.py 0x80cf00 3072 >fw-odd
/usr/bin/python3 firmware.py 0x80c000 65536 >fw-large
/usr/bin/python3 firmware.py 0 0 >fw-none
/usr/bin/python3 firmware.py 0x80c000 3072 17 >fw-broken
head -c 4096 /dev/zero >fw-zero

# ---- the program ----
check "--help" expect 0 "$inject" --help
check "--help names the verbs" grep -q '^  packet ' out
check "--version" expect 0 "$inject" --version
for verb in table packet inject; do
	check "$verb --help" expect 0 "$inject" $verb --help
done
check "no verb" expect 64 "$inject"
check "an unknown verb" expect 64 "$inject" destroy
check "the next step is said" said 'coco-inject --help'
check "a full disk is no success" expect 74 sh -c '"$0" --help >/dev/full' "$inject"

# ---- table ----
check "a table" expect 0 "$inject" table --secret luks:pw -o t1
want $luks pw
check "is byte for byte what others make" cmp want t1
check "and 0600" test "$(stat -c %a t1)" = 600
check "an existing file is not overwritten" expect 74 "$inject" table --secret luks:pw.nl -o t1
check "and stays" cmp want t1
check "nothing is left beside it" test "$(echo t1*)" = t1
check "--force overwrites" expect 0 "$inject" table --secret luks:pw.nl --force -o t1
want $luks pw.nl
check "and the newline is kept" cmp want t1
check "and is warned about" said "Secret 'luks' ends with a newline, .* --strip-newline"
check "--strip-newline" expect 0 "$inject" table --secret luks:pw.nl --strip-newline -o t2
printf 'with newline' >stripped
want $luks stripped
check "takes it off" cmp want t2
check "several secrets, one empty" expect 0 "$inject" table --secret luks-key:pw --secret 0F2E573E-be4d-a7d6-bdc4-908077d7628d:empty \
	--secret online-kbc:pw.nl --secret offline-kbc:stripped -o t3
check "which is said" said "is empty"
want $luks pw 0f2e573e-be4d-a7d6-bdc4-908077d7628d empty 1ee27366-0c87-43a6-af48-28543eaf7cb0 pw.nl \
	e6f5a162-d67f-4750-a67c-5d065f2a9910 stripped
check "in their order" cmp want t3
want $luks pw
check "a descriptor" bash -c '"$0" table --secret luks:/dev/fd/7 -o t4 7<pw 2>/dev/null && cmp want t4' "$inject"
check "standard input" bash -c '"$0" table --secret luks:- -o t5 <pw 2>/dev/null && cmp want t5' "$inject"
check "standard output" bash -c '"$0" table --secret luks:pw -o - 2>/dev/null | cmp want -' "$inject"
check "is no file" test ! -e -
check "standard output that is full" bash -c '! "$0" table --secret luks:pw -o - >/dev/full 2>/dev/null' "$inject"
check "standard output beside --json" expect 64 "$inject" table --secret luks:pw -o - --json
check "prints nothing" test ! -s out
check "a terminal" bash -c '[ "$(script -qec "$0 table --secret luks:pw -o -; echo status \$?" /dev/null </dev/null | grep -c "is a terminal\|status 64")" = 2 ]' "$inject"
check "a terminal, --force" bash -c 'script -qec "$0 table --secret luks:pw -o - --force 2>/dev/null" /dev/null </dev/null | grep -qa "correct horse"' "$inject"

# warned WHAT BYTES [ARGUMENT...]: a secret with these bytes is warned of; "" means no warning.
warned() {
	local text=$1

	printf '%b' "$2" >line
	shift 2
	expect 0 "$inject" table --secret luks:line -o tw --force "$@" || return 1
	if [ -n "$text" ]; then said "$text"; else ! grep -qi warning err && ! grep -q "newline\|carriage" err; fi
}
check "a passphrase with UTF-8 and a newline" warned "ends with a newline" 'cl\xc3\xa9\n'
check "a newline of Windows" warned "ends with a newline" 'pw\r\n'
check "a newline of Windows, stripped" warned "carriage return" 'pw\r\n' --strip-newline
check "nothing but a newline" warned "ends with a newline" '\n'
check "nothing but a newline, stripped" warned "is empty" '\n' --strip-newline
check "bytes that happen to end so" warned "" '\x01\x02\x03\n'
check "several lines" warned "" '{\n}\n'
check "no newline" warned "" 'pw'
check "a stripped newline" warned "" 'pw\n' --strip-newline
check "--json" expect 0 "$inject" table --secret luks:pw --json -o t6
check "is as its schema says" schema table out
check "is JSON, without a secret" /usr/bin/python3 -c 'import json
o = json.load(open("out"))
assert o == {"schema": "coco-table", "version": 1, "output": "t6", "secrets": 1, "size": 64}, o'
head -c 1048536 /dev/zero >mib
check "a table of 1 MiB" expect 0 "$inject" table --secret luks:mib -o t7
printf x >>mib
check "and not one of a byte more" expect 1 "$inject" table --secret luks:mib -o t8
check "which is not there" test ! -e t8

bad_table() {
	local name=$1 status=$2 text=$3

	shift 3
	check "table: $name" expect "$status" "$inject" table -o t9 "$@"
	check "table: $name: is said" said "$text"
	check "table: $name: no file" test ! -e t9
}
bad_table "no secret" 64 "needs --secret"
bad_table "no colon" 64 "not NAME:FILE" --secret luks
bad_table "no file name" 64 "not NAME:FILE" --secret luks:
bad_table "an unknown name" 64 "neither a GUID" --secret lux:pw
bad_table "half a GUID" 64 "neither a GUID" --secret 736869e5-84f0-4973-92ec:pw
bad_table "the zero GUID" 64 "wiped" --secret 00000000-0000-0000-0000-000000000000:pw
bad_table "a GUID twice" 64 "given twice" --secret luks:pw --secret $luks:pw.nl
bad_table "no such file" 74 "No such file" --secret luks:nowhere
bad_table "a folder" 74 "Is a directory" --secret luks:.
bad_table "an option of another verb" 64 "not an option of table" --secret luks:pw --tek tek
bad_table "a stray word" 64 "is not an option" --secret luks:pw pw
check "table: an option twice" expect 64 "$inject" table --secret luks:pw -o t9 -o t9
check "table: an option without its value" expect 64 "$inject" table --secret luks:pw -o
check "table: a folder that is not there" expect 74 "$inject" table --secret luks:pw -o no/t9

# ---- packet ----
keys=(--tek tek --tik tik --measurement "$measurement")
opened() { "$double" --open --tek tek --tik tik --measurement "${3:-$measurement}" --header "$1" --payload "$2"; }
check "a packet" expect 0 "$inject" packet "${keys[@]}" --secret luks:pw --header h1 --payload p1
check "the security processor opens it" bash -c "$(declare -f opened); double=$double measurement=$measurement; opened h1 p1 >plain"
check "and finds the table" cmp want plain
check "base64 without an end of line" test "$(wc -lc <h1 | tr -s ' ')" = ' 0 72'
check "0600, both" test "$(stat -c %a h1 p1 | tr '\n' ' ')" = '600 600 '
check "a second packet" expect 0 "$inject" packet "${keys[@]}" --secret luks:pw --header h2 --payload p2
check "has another IV" bash -c '! cmp -s h1 h2 && ! cmp -s p1 p2'
check "32 bytes of measurement" expect 0 "$inject" packet --tek tek --tik tik --secret luks:pw --header h3 --payload p3 \
	--measurement "$(base64 -d measurement | head -c32 | base64)"
check "are as good" opened h3 p3
check "a measurement in lines" expect 0 "$inject" packet --tek tek --tik tik --secret luks:pw --header h4 --payload p4 \
	--measurement "$(base64 -d measurement | base64 -w20)"
check "is the same" opened h4 p4
check "a packet of another launch" expect 0 "$inject" packet --tek tek --tik tik --secret luks:pw --header h5 --payload p5 \
	--measurement "$(head -c48 /dev/urandom | base64)"
check "does not open" expect 1 opened h5 p5
check "a packet with another TIK" bash -c '"$0" packet --tek tek --tik <(head -c16 /dev/urandom) --measurement "$1" --secret luks:pw \
	--header h6 --payload p6 2>err' "$inject" "$measurement"
check "does not open either" expect 1 opened h6 p6
check "the error is the firmware's" said BAD_MEASUREMENT
check "the area of the firmware, full" expect 0 "$inject" packet "${keys[@]}" --firmware fw --secret luks:fits --header h7 --payload p7
check "opens" opened h7 p7
check "--area-size" expect 0 "$inject" packet "${keys[@]}" --area-size 0xc00 --secret luks:fits --header h8 --payload p8 --json
check "packet --json: as its schema says" schema packet out
check "packet --json" /usr/bin/python3 -c 'import json
assert json.load(open("out")) == {"schema": "coco-packet", "version": 1, "header": "h8", "payload": "p8", "secrets": 1, "size": 3072}'
head -c 16344 /dev/urandom >most
check "Linux' limit with huge pages" expect 0 "$inject" packet "${keys[@]}" --huge-pages --firmware fw-large --secret luks:most --header h9 --payload p9
check "opens too" opened h9 p9
check "the header to standard output" bash -c '"$0" packet "$@" --secret luks:pw --header - --payload pstd >hstd 2>/dev/null' "$inject" "${keys[@]}"
check "and the payload to a file" opened hstd pstd
check "the payload to standard output" bash -c '"$0" packet "$@" --secret luks:pw --header hstd2 --payload - >pstd2 2>/dev/null' "$inject" "${keys[@]}"
check "and the header to a file" opened hstd2 pstd2
check "a full standard output leaves no half" bash -c '! "$0" packet "$@" --secret luks:pw --header hfull --payload - >/dev/full 2>/dev/null && [ ! -e hfull ]' "$inject" "${keys[@]}"
check "an existing packet stays" expect 74 "$inject" packet "${keys[@]}" --secret luks:pw --header h1 --payload new
check "and no half is left" test ! -e new

printf x >>most
head -c15 tek >k15
cat tek tik >k32
xxd -p tek >khex
bad_packet() {
	local name=$1 status=$2 text=$3

	shift 3
	check "packet: $name" expect "$status" "$inject" packet --header hx --payload px "$@"
	check "packet: $name: is said" said "$text"
	check "packet: $name: no file" bash -c '[ ! -e hx ] && [ ! -e px ]'
}
one=(--secret luks:pw)
bad_packet "no TEK" 64 "needs --tek" --tik tik --measurement "$measurement" "${one[@]}"
bad_packet "a TEK of 15 bytes" 2 "TEK in 'k15' is not 16 bytes" --tek k15 --tik tik --measurement "$measurement" "${one[@]}"
bad_packet "TEK and TIK in one file" 2 "cut in two" --tek k32 --tik tik --measurement "$measurement" "${one[@]}"
bad_packet "a TIK in hexadecimal" 2 "TIK in 'khex'" --tek tek --tik khex --measurement "$measurement" "${one[@]}"
bad_packet "no TIK file" 74 "No such file" --tek tek --tik nowhere --measurement "$measurement" "${one[@]}"
bad_packet "one key for both" 2 "same key" --tek tek --tik tek --measurement "$measurement" "${one[@]}"
bad_packet "a measurement that is not base64" 2 "not base64" --tek tek --tik tik --measurement '4l8LXeNlSPUDlXPJG5966/8%YZ' "${one[@]}"
bad_packet "a measurement of 47 bytes" 2 "neither 48 bytes" --tek tek --tik tik --measurement "$(head -c47 /dev/zero | base64)" "${one[@]}"
bad_packet "a measurement of 49 bytes" 2 "neither 48 bytes\|not base64" --tek tek --tik tik --measurement "$(head -c49 /dev/zero | base64)" "${one[@]}"
bad_packet "no measurement" 2 "neither 48 bytes" --tek tek --tik tik --measurement "" "${one[@]}"
bad_packet "a byte over the area" 1 "too long: 3088 bytes" "${keys[@]}" --firmware fw --secret luks:over
bad_packet "a byte over --area-size" 1 "too long: 3088 bytes" "${keys[@]}" --area-size 3072 --secret luks:over
bad_packet "over Linux' limit" 1 "too long" "${keys[@]}" --huge-pages --firmware fw-large --secret luks:most
bad_packet "across a page" 1 "boundary of 4 KiB" "${keys[@]}" --firmware fw-odd --secret luks:fits
bad_packet "firmware without an area" 1 "has no area" "${keys[@]}" --firmware fw-none "${one[@]}"
bad_packet "firmware without a table" 1 "has no area" "${keys[@]}" --firmware fw-zero "${one[@]}"
bad_packet "firmware with a broken table" 2 "broken" "${keys[@]}" --firmware fw-broken "${one[@]}"
bad_packet "no firmware there" 74 "No such file" "${keys[@]}" --firmware nowhere "${one[@]}"
bad_packet "an area of nothing" 1 "0 bytes" "${keys[@]}" --area-size 0 "${one[@]}"
bad_packet "an area that is no number" 64 "not a number" "${keys[@]}" --area-size 3k "${one[@]}"
bad_packet "two areas" 64 "given twice" "${keys[@]}" --area-size 3072 --firmware fw "${one[@]}"
check "packet: one file for both" expect 64 "$inject" packet "${keys[@]}" "${one[@]}" --header hx --payload hx
check "the passphrase is in no output" bash -c '! grep -l "correct horse" out err h[0-9] p[0-9] 2>/dev/null'

# ---- inputs that others say must be refused ----
cases=$COCO_VECTORS/sev/secret/c-cases.json
if [ -e "$cases" ]; then
	/usr/bin/python3 - "$cases" >reject.list <<'P'
import json, sys
for case in json.load(open(sys.argv[1]))["reject"]:
    words = []
    for i, e in enumerate(case["entries"]):
        name = f'{case["name"]}.{i}'
        open(name, "wb").write(bytes.fromhex(e["data"]))
        words += ["--secret", f'{e["guid"]}:{name}']
    print(case["name"], "--area-size", case["area_size"], *words)
P
	check "all cases to refuse are there" test "$(wc -l <reject.list)" -ge 5
	while read -r name words; do
		# shellcheck disable=SC2086
		check "refused: $name" bash -c '! "$@" --huge-pages --header hr --payload pr' - "$inject" packet "${keys[@]}" $words
		check "refused: $name: no file" bash -c '[ ! -e hr ] && [ ! -e pr ]'
	done <reject.list
else
	skip "cases to refuse" "no $cases"
fi
finish
