#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject inject with a scripted monitor: the normal case, and every lie of the host's.  Whatever the monitor says,
# "cont" is sent only if the measurement was right and the secret was accepted.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
luks=736869e5-84f0-4973-92ec-06879ce3da0b
area=0x10000000:3072
cd "$work" || exit 99

head -c16 /dev/urandom >tek
head -c16 /dev/urandom >tik
head -c65536 /dev/urandom >fw
printf 'correct horse' >pw
"$inject" table --secret $luks:pw -o table 2>/dev/null
truncate -s 300M ram	# a hole but for what is injected

# start ARGUMENTS...: start a double for one client.  $measurement is what it should measure.
start() {
	rm -f sock record m ./*.used
	: >record
	"$double" --listen sock --once --tek tek --tik tik --firmware fw --measurement-out m --record record --gpa 0x10000000 \
		--area-size 3072 --ram ram "$@" 2>double.err &
	pid=$!
	tap_pids=("$pid")
	appears sock $pid || { cat double.err >&2; exit 99; }
	measurement=$(cat m)
}

# The double ends when its client is gone.  By then it has recorded everything.
stop() {
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	tap_pids=()
}

run() {
	local status=$1

	shift
	expect "$status" "$inject" inject --qmp sock --tek tek --tik tik --measurement "$measurement" --secret luks:pw --area "$area" "$@"
}

asked() { /usr/bin/python3 -c 'import json, sys
print(" ".join(json.loads(line)["execute"] for line in sys.stdin))' <record; }
sequence() { [ "$(asked)" = "$*" ] || { echo "asked: $(asked)"; return 1; }; }
never_continued() { ! grep -q '"cont"' record; }
never_sent() { ! grep -q 'sev-inject-launch-secret' record; }
in_ram() { cmp -n "$(stat -c %s table)" -i 0:268435456 table ram; }
wipe_ram() { truncate -s 0 ram; truncate -s 300M ram; }

# good NAME DOUBLE-ARGUMENTS...
good() {
	local name=$1

	shift
	wipe_ram
	start "$@"
	check "$name" run 0
	stop
	check "$name: the table is in the guest" in_ram
	check "$name: in this order" sequence qmp_capabilities query-status query-sev query-sev-launch-measure sev-inject-launch-secret cont
}
good "honest"
good "byte by byte" --lie split
good "with events between" --lie events
good "a greeting that is not ASCII" --lie utf8
good "QEMU 7.2" --lie old
good "a guest that is paused" --lie paused
check "the address of --area goes to QEMU" grep -q '"gpa": 268435456' record
check "and no plaintext" bash -c '! grep -q "correct horse" record'

start
check "--json" run 0 --json
stop
check "is as its schema says" schema inject out
check "tells what was done" /usr/bin/python3 - "$measurement" <<'P'
import json, sys
o = json.load(open("out"))
assert o == {"schema": "coco-inject", "version": 1, "result": "started", "step": None, "measurement": sys.argv[1], "policy": 3, "secrets": 1, "size": 64, "injected": True, "continued": True}, o
P
wipe_ram
start
check "--dry-run" run 0 --dry-run --json
stop
check "--dry-run: says so" grep -q '"injected":false,"continued":false' out
check "--dry-run: asks only" sequence qmp_capabilities query-status query-sev query-sev-launch-measure
check "--dry-run: leaves the guest alone" bash -c '! grep -q . <(tr -d "\0" <ram)'

start
measurement=$(base64 -d m | head -c32 | base64)
check "a measurement without the nonce" run 0
stop
start
other=x
[ "$(base64 -d m | tail -c1 | od -An -c | tr -d ' ')" != x ] || other=y
measurement=$(base64 -d m | head -c47 | cat - <(printf %s "$other") | base64)
check "a measurement with another nonce" run 1
stop
check "another nonce: no secret is sent" never_sent

# The firmware has the area.  QEMU finds its address.
cat >firmware.py <<'P'
import struct, sys, uuid
le = lambda g: uuid.UUID(g).bytes_le
entry = struct.pack("<IIH", 0x10000000, 3072, 26) + le("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
sys.stdout.buffer.write(bytes(9999) + entry + struct.pack("<H", 44) + le("96b582de-1fb2-45f7-baea-a366c55a082d") + bytes(32))
P
/usr/bin/python3 firmware.py >fw
wipe_ram
start
check "--firmware" expect 0 "$inject" inject --qmp sock --tek tek --tik tik --measurement "$measurement" --secret luks:pw --firmware fw
stop
check "--firmware: in the guest" in_ram
check "--firmware: no address is sent" bash -c '! grep -q gpa record'
start
check "neither" expect 0 "$inject" inject --qmp sock --tek tek --tik tik --measurement "$measurement" --secret luks:pw
stop
check "neither: is warned about" said "not checked"

# Wait only briefly where no answer is expected, and long enough for a busy machine otherwise.
patience() {
	case "$*" in
	*mute*|*drip*|*babble*|*no-greeting*) echo "--timeout 1s" ;;
	*) echo "--timeout 5min" ;;
	esac
}

# bad NAME STATUS TEXT DOUBLE-ARGUMENTS...: it is refused before a secret is sent.
bad() {
	local name=$1 status=$2 text=$3

	shift 3
	wipe_ram
	start "$@"
	# shellcheck disable=SC2046
	check "$name" run "$status" $(patience "$@")
	stop
	check "$name: is said" said "$text"
	check "$name: no secret is sent" never_sent
	check "$name: never continued" never_continued
}
bad "another firmware" 1 "not the expected one" --lie measurement
bad "47 bytes of measurement" 2 "not 48 bytes" --lie measure-47
bad "a measurement that is not base64" 2 "not base64" --lie measure-text
bad "no measurement" 1 "not available" --lie measure-none
bad "not SEV" 1 "not protected by SEV" --lie not-sev
check "not SEV: the objects were asked for" sequence qmp_capabilities query-status query-sev qom-list
bad "SNP" 1 "protected by SEV-SNP, .* at run time" --lie snp
bad "TDX" 1 "protected by TDX, .* at run time" --lie tdx
bad "TDX, of a QEMU without SEV" 1 "protected by TDX, .* at run time" --lie tdx-without-sev
bad "an object of a long type" 1 "not protected by SEV" --lie object-long
bad "no answer about the objects" 1 "not protected by SEV" --lie not-sev --at qom-list
bad "a policy of 33 bits" 2 "policy is a number too large" --lie policy-33
bad "a policy that is no number" 2 "policy is not a number" --lie policy-text
bad "a version of 65 bits" 3 "a number in the answer is too large" --lie api-65
bad "a kind that nobody knows" 1 "'unknown' is not known" --lie type
bad "a guest that runs" 1 "start QEMU with -S" --lie running
for lie in running-word running-flag no-status; do
	bad "a guest that runs ($lie)" 1 "start QEMU with -S" --lie $lie
done
bad "a launch that is over" 1 "too late" --lie late
bad "a launch that is not measured" 1 "'launch-update'" --lie early
bad "no greeting" 3 "another client" --lie no-greeting
bad "another greeting" 3 "does not speak QMP" --lie bad-greeting
for at in qmp_capabilities query-status query-sev query-sev-launch-measure; do
	bad "hung up in $at" 3 "hung up" --lie eof --at $at
	bad "no JSON in $at" 3 "does not speak QMP" --lie not-json --at $at
done
# refused_json STATUS STEP RESULT DOUBLE-ARGUMENTS...: JSON is printed for a refused launch too.
refused_json() {
	local status=$1 step=$2 result=$3

	shift 3
	start "$@"
	# shellcheck disable=SC2046
	check "--json: $*" run "$status" --json $(patience "$@")
	stop
	check "--json: $*: says which step" /usr/bin/python3 - "$step" "$result" <<'P'
import json, sys
o = json.load(open("out"))
step, result = sys.argv[1:]
assert (o["step"], o["result"], o["injected"], o["continued"]) == (step, result, False, False), o
assert (o["measurement"] is None) == (step in ("connect", "paused", "sev", "policy")) and (o["policy"] is None) == (step in ("connect", "paused", "sev")), o
P
	check "--json: $*: never continued" never_continued
}
refused_json 1 measurement refused --lie measurement
refused_json 1 sev refused --lie tdx
refused_json 1 paused refused --lie running
refused_json 1 inject refused --lie fw-error
refused_json 3 connect undecided --lie bad-greeting
bad "no answer to query-sev" 3 "no answer in time" --lie mute
bad "an answer that drips" 3 "no answer in time" --lie drip
bad "events without end" 3 "no answer in time" --lie babble
bad "another command's id" 3 "does not speak QMP" --lie wrong-id
bad "no id" 3 "does not speak QMP" --lie no-id
bad "return and error" 3 "does not speak QMP" --lie both
bad "brackets without end" 3 "does not speak QMP" --lie deep
bad "a line without end" 3 "does not speak QMP" --lie long
bad "an array" 3 "does not speak QMP" --lie array
bad "an error that moves the cursor" 1 "QEMU refuses query-sev" --lie escape
check "nothing of it reaches the terminal" bash -c '! grep -q "[^ -~]" err'

# refused NAME STATUS TEXT DOUBLE-ARGUMENTS...: the secret was sent, encrypted, and not accepted.
refused() {
	local name=$1 status=$2 text=$3

	shift 3
	wipe_ram
	start "$@"
	# shellcheck disable=SC2046
	check "$name" run "$status" $(patience "$@")
	stop
	check "$name: is said" said "$text"
	check "$name: never continued" never_continued
}
refused "firmware error 11" 1 "is the TIK the one of its session" --lie fw-error
refused "no area in QEMU's firmware" 1 "no secret area found" --lie no-area
refused "no memory there" 1 "No memory is mapped" --lie bad-gpa
refused "hung up while injecting" 3 "not known" --lie eof --at sev-inject-launch-secret
refused "no answer to the injection" 3 "not known" --lie mute --at sev-inject-launch-secret
refused "the wrong answer to the injection" 3 "not known" --lie wrong-id --at sev-inject-launch-secret
cp tik right.tik
start
head -c16 /dev/urandom >tik
check "another TIK" run 1
stop
cp right.tik tik
check "another TIK: is the firmware's to notice" said "fw_error=11"
check "another TIK: never continued" never_continued
start
head -c16 /dev/urandom >tek.other
check "another TEK cannot be noticed before the guest reads" expect 0 "$inject" inject --qmp sock --tek tek.other --tik tik \
	--measurement "$measurement" --secret luks:pw --area $area
stop

start --lie cont-error
check "QEMU does not start the guest" run 3
stop
check "QEMU does not start the guest: is said" said "does not let it run"
start --lie mute --at cont
check "no answer to cont" run 3 --timeout 1s
stop
check "no answer to cont: is said" said "whether it runs is not known"

# Mistakes on our side are found before the monitor is contacted.
local_fault() {
	local name=$1 status=$2

	shift 2
	start
	check "$name" run "$status" "$@"
	stop
	check "$name: nothing is asked" test ! -s record
}
head -c 3033 /dev/urandom >over
local_fault "too long for the area" 1 --secret 0f2e573e-be4d-a7d6-bdc4-908077d7628d:over
local_fault "a GUID twice" 64 --secret $luks:pw
local_fault "no such secret" 74 --secret 0f2e573e-be4d-a7d6-bdc4-908077d7628d:nowhere
local_fault "an invalid time" 64 --timeout soon
local_fault "no time at all" 64 --timeout 0
local_fault "two areas" 64 --firmware fw
for a in 0x10000000 :3072 0x10000000: 0x10000000:0 x:3072 0xffffffffffffffff:2 " 0:1"; do
	check "--area '$a'" expect 64 "$inject" inject --qmp sock --tek tek --tik tik --measurement "$measurement" --secret luks:pw --area "$a"
done
check "no socket" expect 74 "$inject" inject --qmp nowhere --tek tek --tik tik --measurement "$measurement" --secret luks:pw --area $area
check "no socket: is said" said "nowhere"
check "a path that is too long" expect 74 "$inject" inject --qmp "$(printf 'x%.0s' {1..108})" --tek tek --tik tik \
	--measurement "$measurement" --secret luks:pw --area $area

# ---- a recorded exchange of QEMU 9.1's shape ----
vectors=$COCO_VECTORS/sev
if [ -e "$vectors/qmp/sim-sev-ok.jsonl" ]; then
	rm -f sock
	cat >replay.py <<'P'
import base64, json, os, socket, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(sys.argv[2], "tests", "double"))
import processor
vectors = sys.argv[1]
messages = [json.loads(line) for line in open(f"{vectors}/qmp/sim-sev-ok.jsonl")]
case = next(c for c in json.load(open(f"{vectors}/secret/c-cases.json"))["build"] if c["name"] == "one-luks")
for name in ("tek", "tik"):
    open(f"rec.{name}", "wb").write(bytes.fromhex(case[name]))
open("rec.pw", "wb").write(bytes.fromhex(case["entries"][0]["data"]))
measure = bytes.fromhex(case["measurement"])
open("rec.m", "w").write(base64.b64encode(measure).decode())
answers = {"query-status": [[{"return": {"status": "prelaunch", "singlestep": False, "running": False}}]]}
for m in messages:
    if m["dir"] == "->":
        answers.setdefault(m["msg"]["execute"], []).append(current := [])
    elif "QMP" not in m["msg"]:
        current.append(m["msg"])
listener = socket.socket(socket.AF_UNIX)
listener.bind("sock.new")
listener.listen(1)
os.rename("sock.new", "sock")
f = listener.accept()[0].makefile("rw")
print(json.dumps(messages[0]["msg"]), file=f, flush=True)
for line in f:
    command = json.loads(line)
    if command["execute"] == "sev-inject-launch-secret":
        packet = [base64.b64decode(command["arguments"][k]) for k in ("packet-header", "secret")]
        cpu = processor.Processor(bytes.fromhex(case["tek"]), bytes.fromhex(case["tik"]), measure=measure)
        assert cpu.open_packet(*packet).hex() == case["table"]
    for message in answers[command["execute"]].pop(0):
        if "event" not in message:
            message["id"] = command["id"]
        print(json.dumps(message), file=f, flush=True)
P
	/usr/bin/python3 replay.py "$vectors" "$top_srcdir" &
	pid=$!
	tap_pids=("$pid")
	check "a recorded exchange: the monitor" appears sock $pid
	check "a recorded exchange" expect 0 "$inject" inject --qmp sock --tek rec.tek --tik rec.tik --measurement "$(cat rec.m)" \
		--secret $luks:rec.pw --area $area
	check "a recorded exchange: the packet was opened" wait $pid
else
	skip "a recorded exchange" "no $vectors"
fi
finish
