#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject inject with a real QEMU.  A stock QEMU without SEV is refused and stays as it is.  With the double of the
# security processor in between, the secrets get into the stopped guest's memory before its first instruction.  Nothing
# is booted.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
address=268435456	# 0x10000000
cd "$work" || exit 99

if ! command -v qemu-system-x86_64 >/dev/null; then
	skip "a real QEMU" "qemu-system-x86_64 is not installed (Debian: qemu-system-x86)"
	finish
fi

head -c16 /dev/urandom >tek
head -c16 /dev/urandom >tik
head -c65536 /dev/urandom >fw
printf 'correct horse' >pw
measurement=$(head -c48 /dev/urandom | base64 -w0)
"$inject" table --secret luks:pw -o table 2>/dev/null

qemu() {
	truncate -s 512M ram
	qemu-system-x86_64 -accel tcg -S -display none -nodefaults -machine q35,memory-backend=ram -m 512M \
		-object memory-backend-file,id=ram,size=512M,mem-path=ram,share=on -qmp "unix:$1,server=on,wait=off" >qemu.log 2>&1 &
	qemu_pid=$!
	tap_pids+=("$qemu_pid")
	appears "$1" $qemu_pid || { cat qemu.log >&2; exit 99; }
}

# ask SOCKET COMMAND: print the "return" member of QEMU's answer.  This shares no code with coco-inject.
cat >ask.py <<'P'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
for command in ("qmp_capabilities", sys.argv[2]):
    print(json.dumps({"execute": command}), file=f, flush=True)
    while "event" in (reply := json.loads(f.readline())):
        pass
print(json.dumps(reply["return"]))
P
ask() { /usr/bin/python3 ask.py "$@"; }
status_is() { ask "$1" query-status | grep -q "\"status\": \"$2\"" || { ask "$1" query-status; return 1; }; }
run() {
	local status=$1

	shift
	expect "$status" "$inject" inject --tek tek --tik tik --measurement "$measurement" --secret luks:pw --timeout 5min \
		--area "$address:3072" "$@"
}
in_ram() { cmp -n "$(stat -c %s table)" -i "0:$address" table ram; }

# ---- stock ----
qemu stock
check "a guest without SEV is refused" run 1 --qmp stock
check "by its name" said "not protected by SEV"
check "and is still stopped" status_is stock prelaunch
/usr/bin/python3 - stock >held <<'P' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.recv(1)
print("held", flush=True)
time.sleep(3600)
P
holder=$!
tap_pids+=("$holder")
until [ -s held ]; do sleep 0.05; done
check "a monitor that another client holds" expect 3 "$inject" inject --qmp stock --tek tek --tik tik --measurement "$measurement" \
	--secret luks:pw --area "$address:3072" --timeout 500ms
check "is said to be held" said "another client"
kill $holder
wait $holder
ask stock quit >/dev/null
wait $qemu_pid

# ---- with a security processor ----
qemu real
start() {
	rm -f sock m record
	"$double" --listen sock --qemu real --ram ram --gpa $address --area-size 3072 --tek tek --tik tik --firmware fw --api 1.55 --build 24 --policy 3 \
		--measurement-out m --record record "$@" 2>double.err &
	double_pid=$!
	tap_pids+=("$double_pid")
	appears sock $double_pid || { cat double.err >&2; exit 99; }
	measurement=$(cat m)
}
stop() {
	kill $double_pid
	wait $double_pid
}

start --lie measurement
check "another firmware" run 1 --qmp sock
check "another firmware: QEMU is still stopped" status_is sock prelaunch
check "another firmware: nothing is in its memory" bash -c '! grep -q . <(tr -d "\0" <ram)'
stop
start
cp tik right.tik
head -c16 /dev/urandom >tik
check "another TIK" run 1 --qmp sock
check "another TIK: said as QEMU says it" said "fw_error=11 'Bad measurement'"
check "another TIK: QEMU is still stopped" status_is sock prelaunch
check "another TIK: nothing is in its memory" bash -c '! grep -q . <(tr -d "\0" <ram)'
cp right.tik tik
check "--dry-run" run 0 --qmp sock --dry-run
check "--dry-run: QEMU is still stopped" status_is sock prelaunch
check "all is right" run 0 --qmp sock
check "the guest runs" status_is sock running
check "the table is in its memory" in_ram
check "a second time is too late" run 1 --qmp sock
check "which is said" said "not stopped"
ask sock stop >/dev/null
check "nor when it is stopped again" run 1 --qmp sock
check "which is said too" said "too late"
ask sock quit >/dev/null
wait $qemu_pid
wait $double_pid
check "the double ends with QEMU" test $? = 0
finish
