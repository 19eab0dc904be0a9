#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cocod and cococtl, the real programs, with a directory of secrets instead of the kernel's.  No systemd is needed; the
# test passes the sockets as systemd does.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

luks=736869e5-84f0-4973-92ec-06879ce3da0b
token=0f2e573e-be4d-a7d6-bdc4-908077d7628d
late=11111111-2222-3333-4444-555555555555
conf=$work/root/etc/cocod
cococtl=("$top_builddir/cococtl" --socket="$work/api")
cocod=$top_builddir/cocod
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP cocod answers root only"; exit 0; }

start() {
	rm -f "$work/api" "$work/crypt"
	"$top_srcdir/tests/double/activate" "$work" "$cocod" --config-root="$work/root" >"$work/log" 2>&1 &
	pid=$!
	tap_pids+=("$pid")
	appears "$work/crypt" "$pid"
}

stop() {
	kill "-$1" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	:
}

restart() {
	stop "$1"
	start
}

fill() {
	mkdir -p "$conf/secrets.d" "$work/run" "$work/dir"
	printf 'correct horse\0' >"$work/dir/$luks"
	printf 'tok\nen' >"$work/dir/$token"
	printf '[Cocod]\nRequire=none\nSecretDirectory=%s\n' "$work/dir" >"$conf/cocod.conf"
	printf '[Secret]\nGuid=%s\n' "$token" >"$conf/secrets.d/token.conf"
}

json() { schema - "$work/out" && /usr/bin/python3 -c "import json,sys; d=json.load(open('$work/out')); sys.exit(0 if ($1) else repr(d))"; }
bytes_are() { printf '%b' "$1" | cmp - "$work/out"; }
gone() { ! [ -e "$work/dir/$1" ]; }
many_gets() { for _ in {1..200}; do "${cococtl[@]}" secrets get luks >/dev/null 2>&1; done; "${cococtl[@]}" secrets list >/dev/null; }
in_log() { grep -q -e "$1" "$work/log" || { cat "$work/log"; return 1; }; }

# ---- without cocod ----
check "cocod --help" expect 0 "$cocod" --help
check "cocod --version" expect 0 "$cocod" --version
check "cocod with an argument" expect 1 "$cocod" argument
check "cocod without sockets says how to start it" expect 1 "$cocod" --config-root="$work"
check "... in words" said 'systemctl start cocod.socket'
check "no cocod is status 3" expect 3 "${cococtl[@]}" status
check "... and says what to do" said 'systemctl start cocod.socket'
check "no verb is status 64" expect 64 "${cococtl[@]}"
check "an unknown verb" expect 64 "${cococtl[@]}" secrets eat
check "an unknown option" expect 64 "${cococtl[@]}" secrets list --eat
check "an option of another verb" expect 64 "${cococtl[@]}" secrets list --force
check "get without a name" expect 64 "${cococtl[@]}" secrets get
check "wipe without a name" expect 64 "${cococtl[@]}" secrets wipe
check "wipe with both" expect 64 "${cococtl[@]}" secrets wipe --all luks

# ---- list and show ----
fill
start
check "status" expect 0 "${cococtl[@]}" status
check "... warns of Require=none" grep -q 'WARNING: Require=none' "$work/out"
check "... warns of the directory" grep -q 'WARNING: SecretDirectory=' "$work/out"
check "status --json" expect 0 "${cococtl[@]}" status --json
check "... says that nothing is required" json "d['gate']['open'] and d['gate']['state'] == 'not-required' and d['secrets']['present'] == 2"
# Collateral of a machine that is recorded: a certificate with so many days left.
machine=$work/machine
days_left() {
	mkdir -p "$machine/.probe" "$machine/var/cache/cocod" && date +%s >"$machine/.probe/time" &&
		openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -days "$1" -subj "/CN=of $1 days" -out "$machine/var/cache/cocod/cert-vcek.pem" 2>"$work/err"
}
expires="expires within 14 days: '/var/cache/cocod/cert-vcek.pem'"
days_left 20
check "status where collateral is good for 20 days" expect 0 "${cococtl[@]}" status --root="$machine"
check "... says nothing of it" test -z "$(grep cert-vcek "$work/out")"
days_left 10
check "status where it is good for 10 days" expect 0 "${cococtl[@]}" status --root="$machine"
check "... warns" grep -q "WARNING: .*$expires.*of 10 days" "$work/out"
check "... and names the timer" grep -q 'systemctl enable --now cocod-collateral.timer' "$work/out"
check "with --json" expect 0 "${cococtl[@]}" status --json --root="$machine"
check "... too" json "[w for w in d['warnings'] if \"$expires\" in w and 'cocod-collateral.timer' in w]"
mkdir -p "$machine/etc/systemd/system/timers.target.wants"
ln -s /lib/systemd/system/cocod-collateral.timer "$machine/etc/systemd/system/timers.target.wants/cocod-collateral.timer"
check "with the timer enabled" expect 0 "${cococtl[@]}" status --root="$machine"
check "... why it has not worked is in the journal" grep -q "WARNING: .*$expires.*journalctl -u cocod-collateral.service" "$work/out"
printf '\33[31mno certificate\n' >"$machine/var/cache/cocod/cert-vcek.pem"
check "with a file that is malformed" expect 0 "${cococtl[@]}" status --root="$machine"
check "... it warns" grep -q "WARNING: Collateral is malformed: '/var/cache/cocod/cert-vcek.pem'" "$work/out"
check "a machine that is not there" expect 0 "${cococtl[@]}" status --root="$work/nowhere"
check "list" expect 0 "${cococtl[@]}" secrets list
check "... has both, aligned" grep -q "^luks   $luks    14  directory  present  " "$work/out"
check "list --json" expect 0 "${cococtl[@]}" secrets list --json
check "... has names, sizes, consumers" json "sorted((s['name'], s['size'], tuple(s['consumers'])) for s in d['secrets']) == [('luks', 14, ('cryptsetup', 'get')), ('token', 6, ('get',))]"
check "show by GUID" expect 0 "${cococtl[@]}" secrets show "$token" --json
check "... is the one" json "d['name'] == 'token' and d['state'] == 'present' and d['wipe'] == 'delivered' and d['times']['wiped'] is None"
check "show of nothing is status 2" expect 2 "${cococtl[@]}" secrets show nothing
check "a name that is too long is status 2" expect 2 "${cococtl[@]}" secrets show "$(printf '%0100d' 0)"

# ---- get ----
check "get gives the bytes, all of them" expect 0 "${cococtl[@]}" secrets get luks
check "... exactly" bytes_are 'correct horse\0'
check "... and keeps what a volume has to confirm" test -e "$work/dir/$luks"
check "get --keep" expect 0 "${cococtl[@]}" secrets get token --keep --newline
check "... has nothing to say of wiping" test ! -s "$work/err"
check "... with a newline when told" bytes_are 'tok\nen\n'
check "... changes nothing" test -e "$work/dir/$token"
full() { "${cococtl[@]}" secrets get token >/dev/full; }
check "a write that fails is status 1" expect 1 full
check "... and keeps the secret" test -e "$work/dir/$token"
closed_pipe() { (sleep 0.2; "${cococtl[@]}" secrets get token 2>/dev/null; echo $? >"$work/status") | true; sleep 0.5; grep -qx 1 "$work/status"; }
check "a reader that is gone is status 1" closed_pipe
check "... and keeps the secret too" test -e "$work/dir/$token"
terminal() { script -qec "${cococtl[*]} secrets get token" /dev/null >"$work/out" 2>&1 </dev/null; }
check "a terminal is refused" expect 1 terminal
check "... without a byte of it" bash -c "! grep -q tok.en '$work/out'"
check "get wipes what is wiped when delivered" expect 0 "${cococtl[@]}" secrets get token
check "... and says so before" said "Secret 'token' is wiped as soon as it has been written here"
check "... after the bytes" bytes_are 'tok\nen'
check "... it is gone" gone "$token"
check "a wiped one is status 4" expect 4 "${cococtl[@]}" secrets get token
check "... and says who had it" said "Secret 'token' was wiped at 20.*, after it had gone to 'get'"
check "one that never was is status 2" expect 2 "${cococtl[@]}" secrets get nothing
check "... and says so" said "There is no secret 'nothing'; see"
check "one that is nearly there is status 2 too" expect 2 "${cococtl[@]}" secrets get TOEKN
check "... and is named" said "There is no secret 'TOEKN'; did you mean token? See 'cococtl secrets list'"
check "... by the other verbs too" expect 2 "${cococtl[@]}" secrets wipe lusk
check "... with the same words" said "There is no secret 'lusk'; did you mean luks?"
check "... and by has" expect 1 "${cococtl[@]}" secrets has luk
check "... which says it as a reason" said "there is none of that name; did you mean luks?"
completed() { "$top_builddir/cococtl" --complete-words --socket="$work/api" "$@" >"$work/out" 2>"$work/err"; }
check "completion of names" completed secrets get t
check "... has those that begin so" bash -c "[ \"\$(cat '$work/out')\" = token ]"
check "completion of an option's value" completed luks test --secret=
check "... has all" bash -c "[ \"\$(sort '$work/out' | tr '\n' ' ')\" = '--secret=luks --secret=token ' ]"
if [ "$(id -u)" = 0 ]; then
	chmod o+x "$work"
	chmod 666 "$work/api"
	# Who may not list secrets is told no names.
	check "a user hears no name" expect 3 setpriv --reuid=65534 --regid=65534 --clear-groups -- "${cococtl[@]}" secrets get TOEKN
	check "... whatever is near" bash -c "! grep -qi -e token -e 'did you mean' '$work/err'"
else
	skip "a user hears no name" "not root"
fi

# ---- restarts ----
restart TERM
check "after a restart" expect 0 "${cococtl[@]}" secrets list --json
check "... the states are as they were" json "{s['name']: s['state'] for s in d['secrets']} == {'luks': 'delivered', 'token': 'wiped'}"
restart KILL
check "after kill -9" expect 0 "${cococtl[@]}" secrets show luks --json
check "... too, with who had it" json "d['state'] == 'delivered' and d['delivered_to'] == 'get' and d['times']['delivered']"
check "boot-time after kill -9" expect 0 "${cococtl[@]}" boot-time --json
steps_of_token="[s['step'] for s in sorted(d['steps'], key=lambda s: s['boottime_usec']) if s['secret'] == 'token']"
check "... has the steps from before" json "${steps_of_token}[-3:] == ['read', 'delivered', 'wiped']"
stamps=$work/run/stamps
for kind in "mkdir -m 700 $stamps" "ln -s /etc/hostname $stamps" "mkfifo $stamps" "cp /bin/sh $stamps" "truncate -s 20M $stamps"; do
	stop TERM
	rm -rf "$stamps"
	$kind
	start
	check "cocod starts when the stamps are made by '${kind%% *}'" expect 0 "${cococtl[@]}" boot-time --json
	check "... says what is the matter" in_log "stamps' is damaged or cannot be read"
	check "... and has none from before" json "$steps_of_token == []"
done
stop TERM
rm -rf "$stamps"
start
stop TERM
rm "$work/dir/$luks"
printf 'torn' >>"$work/run/journal"
start
check "a damaged journal, and a secret that was unlinked meanwhile" expect 0 "${cococtl[@]}" secrets show luks --json
check "... is wiped" json "d['state'] == 'wiped'"
check "... and the damage is said" in_log 'was damaged'
printf 'late' >"$work/dir/$late"
check "a secret that comes later is found" expect 0 "${cococtl[@]}" secrets get "$late"
check "... and given" bytes_are late

# ---- a damaged journal ----
journal=$work/run/journal
check "the same, many times" many_gets
check "... leaves the journal as long as it was" bash -c "[ \$(stat -c %s '$journal') -le 4096 ]"
odd() {
	stop KILL
	rm -rf "$journal" "$journal.bad"
	"$@"
	start
}
anew() {
	odd true
	printf 'a' >"$work/dir/$luks"
	printf 'b' >"$work/dir/$token"
	"${cococtl[@]}" status >"$work/out"
}
for kind in "mkdir -m 700 $journal" "ln -s /etc/hostname $journal" "mkfifo $journal" "cp /bin/sh $journal" "truncate -s 20M $journal"; do
	# shellcheck disable=SC2086 # words
	odd $kind
	check "cocod starts when the journal is made by '${kind%% *}'" expect 0 "${cococtl[@]}" status --json
	check "... says what is the matter" json "any('was damaged' in w for w in d['warnings'])"
	check "... and writes a new one" test -f "$journal" -a ! -L "$journal"
done
restart KILL
check "that something was lost is still known after a restart" expect 0 "${cococtl[@]}" status
check "... as text, too" grep -q 'WARNING: The journal of states was damaged' "$work/out"

# Write a journal of the previous version: $1 bytes of records, of which the last one for each secret counts.
version_1() {
	/usr/bin/python3 - "$journal" "$1" "$luks" "$token" <<'P'
import struct, sys, uuid
def record(guid, state, to, rejected=0):
    return struct.pack("=4sBB2x16s16sQ4Q128s", b"ccj1", state, rejected, uuid.UUID(guid).bytes_le, b"directory", 14, 1, 1, 0, 0, to)
path, size, luks, token = sys.argv[1:]
one = record(token, 1, b"get")
with open(path, "wb") as f:
    f.write(one * (int(size) // len(one)))
    f.write(record(luks, 1, b"cryptsetup:data", 1) + record(luks, 1, b"cryptsetup:home"))
    f.write(one[:100])                                  # there was no room for all of it
    f.write(record(luks, 1, b"cryptsetup:nas"))
P
}
printf 'a' >"$work/dir/$luks"
printf 'b' >"$work/dir/$token"
odd version_1 9000000
check "a journal of 9 MB of the version before, cut in the middle" expect 0 "${cococtl[@]}" secrets show luks --json
check "... what stands behind the cut counts" json "d['state'] == 'delivered' and d['delivered_to'] == 'cryptsetup:nas'"
check "... each volume has its outcome" json "d['deliveries']['cryptsetup:data'] == 'rejected' and d['deliveries']['cryptsetup:nas'] == 'undecided'"
check "... the other's is 'taken'" expect 0 "${cococtl[@]}" secrets show token
check "... in words" grep -q 'Outcomes: get=taken' "$work/out"
check "... and it is small now" bash -c "[ \$(stat -c %s '$journal') -le 4096 ]"

# The file system is full, or files are limited in size.
full_run() {
	stop TERM
	mount -t tmpfs -o size=64k none "$work/run" || return
	printf 'a' >"$work/dir/$luks"
	printf 'b' >"$work/dir/$token"
	printf '[Secret]\nGuid=%s\nWipe=manual\n' "$token" >"$conf/secrets.d/token.conf"
	start
	"${cococtl[@]}" status >/dev/null
	dd if=/dev/zero of="$work/run/fill" bs=4k 2>/dev/null
	:
}
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=4k none "$work/run" 2>/dev/null; then
	umount "$work/run"
	full_run
	check "with a full file system a secret is had" expect 0 "${cococtl[@]}" secrets get token
	check "... the state holds" expect 0 "${cococtl[@]}" secrets show token --json
	check "... in memory" json "d['state'] == 'delivered'"
	check "... status warns" expect 0 "${cococtl[@]}" status
	check "... what to do" grep -q 'WARNING: The journal of states cannot be written.*Make room' "$work/out"
	check "... and the log, once" in_log 'Failed to write the journal of states'
	restart KILL
	check "cocod starts on a full file system" expect 0 "${cococtl[@]}" secrets list
	"${cococtl[@]}" secrets get token >/dev/null
	rm "$work/run/fill"
	check "with room again all is written at the next change" expect 0 "${cococtl[@]}" secrets get luks
	check "... which is said" in_log 'is written again'
	restart KILL
	check "... also what could not be written before" expect 0 "${cococtl[@]}" secrets list --json
	check "... all of it" json "{s['name']: s['state'] for s in d['secrets']}['token'] == 'delivered' and {s['name']: s['state'] for s in d['secrets']}['luks'] == 'delivered'"
	stop TERM
	umount "$work/run"
	printf '[Secret]\nGuid=%s\n' "$token" >"$conf/secrets.d/token.conf"
else
	skip "with a full file system a secret is had" "no tmpfs can be mounted here"
fi
anew
if prlimit --pid "$pid" --fsize=0 2>/dev/null; then
	check "with RLIMIT_FSIZE a secret is had" expect 0 "${cococtl[@]}" secrets get luks
	check "... status warns" expect 0 "${cococtl[@]}" status --json
	check "... and cocod lives" json "any('cannot be written' in w for w in d['warnings'])"
else
	skip "with RLIMIT_FSIZE a secret is had" "prlimit is not there"
fi

# ---- wipe ----
anew
rm "$work/dir/$token"
check "a secret that somebody unlinks is wiped" expect 0 "${cococtl[@]}" secrets show token --json
"${cococtl[@]}" status >/dev/null
printf 'host' >"$work/dir/$token"
check "one that was wiped and is there again" expect 0 "${cococtl[@]}" status --json
check "... is a warning that says what to do" json "any('was wiped, and its source shows it again' in w and 'secrets wipe token' in w for w in d['warnings'])"
check "... nobody gets it" expect 4 "${cococtl[@]}" secrets get token
restart KILL
check "... nor after a restart" expect 4 "${cococtl[@]}" secrets get token
check "... it can be wiped again" expect 0 "${cococtl[@]}" secrets wipe token
check "... it is gone" gone "$token"
check "... and the warning too" expect 0 "${cococtl[@]}" status --json
check "... all of it" json "d['warnings'] == []"
anew
check "wipe" expect 0 "${cococtl[@]}" secrets wipe luks
check "... unlinks" gone "$luks"
check "wipe of nothing is status 2" expect 2 "${cococtl[@]}" secrets wipe nothing
check "wipe --all" expect 0 "${cococtl[@]}" secrets wipe --all
check "... unlinks the rest" gone "$token"
printf '[Secret]\nGuid=%s\nWipe=boot-complete\n' "$token" >"$conf/secrets.d/token.conf"
anew
check "boot-complete: get" expect 0 "${cococtl[@]}" secrets get token
check "... keeps it" test -e "$work/dir/$token"
check "wipe --boot-complete" expect 0 "${cococtl[@]}" secrets wipe --boot-complete
check "... wipes that one" gone "$token"
check "... and no other" test -e "$work/dir/$luks"

# ---- who may ask ----
printf '[Secret]\nGuid=%s\nName=disk\nConsumers=cryptsetup:data\n' "$luks" >"$conf/secrets.d/disk.conf"
restart TERM
check "Consumers= without get" expect 1 "${cococtl[@]}" secrets get disk
check "... is said" said "does not have 'get'"
check "... not a byte" bytes_are ''
sed -i 's/^Require=none$//' "$conf/cocod.conf"
printf '[Secret]\nGuid=%s\nName=disk\n' "$luks" >"$conf/secrets.d/disk.conf"
restart TERM
"${cococtl[@]}" status --json >"$work/out"
if json "d['tee'] == 'none'" >/dev/null 2>&1; then
	check "on a machine that is no confidential VM the gate is closed" json "not d['gate']['open'] and 'Require=none' in d['gate']['reason']"
	check "... get is status 1" expect 1 "${cococtl[@]}" secrets get disk
	check "... and says where to look" said "cococtl status"
	check "... the secret is kept" test -e "$work/dir/$luks"
else
	skip "on a machine that is no confidential VM the gate is closed" "this machine is one"
fi

"${cococtl[@]}" status --json >"$work/out"
check "without a policy the default is Require=attested" json "d['gate']['require'] == 'attested' and d['gate']['require_reason'] == 'the default, without an attest.conf'"
printf '[snp]\nid_key_digest=%096d\n' 1 >"$conf/attest.conf"
restart TERM
"${cococtl[@]}" status --json >"$work/out"
check "with one it is Require=evidence" json "d['gate']['require'] == 'evidence' and d['gate']['require_reason'] == 'the default, because there is an attest.conf'"
check "... and nothing is given without" expect 1 "${cococtl[@]}" secrets get disk
check "... --check-config says so too" expect 0 "$cocod" --check-config --config-root="$work/root"
check "... in words" grep -q 'Require=evidence' "$work/out"
printf 'Require=attested\n' >>"$conf/cocod.conf"
restart TERM
check "what is set goes before the default" expect 0 "${cococtl[@]}" status
check "... and status says that it is set" grep -q 'Require: attested (set in cocod.conf)' "$work/out"
rm "$conf/attest.conf"
sed -i '/^Require=attested$/d' "$conf/cocod.conf"
restart TERM

# ---- a client that lies ----
cat >"$work/liar.py" <<'P'
import socket, struct, sys
def talk(data):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(5)
    s.connect(sys.argv[1])
    s.send(data)
    try:
        return s.recv(65536)
    except ConnectionResetError:
        return b""
good = struct.pack("=IHHIi", 0x6f636f63, 1, 1, 0, 0)
assert len(talk(good)) > 16
bad = [b"x", good[:15], good + b"x", b"\0" * 16, struct.pack("=IHHIi", 0x6f636f63, 2, 1, 0, 0), struct.pack("=IHHIi", 0x6f636f63, 1, 99, 0, 0),
       struct.pack("=IHHIi", 0x6f636f63, 1, 0, 0, 0), struct.pack("=IHHIi", 0x6f636f63, 1, 9, 0, 0), struct.pack("=IHHIi", 0x6f636f63, 1, 1, 0xffffffff, 0),
       struct.pack("=IHHIi", 0x6f636f63, 1, 3, 65, 0) + b"x" * 65, struct.pack("=IHHIi", 0x6f636f63, 1, 2, 3, 0) + b"xxx", good + bytes(20000)]
for b in bad:
    assert talk(b) == b"", b[:40]
many = []
for i in range(100):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    many.append(s)
for s in many:
    s.close()
assert len(talk(good)) > 16
P
check "malformed frames end their client, not cocod" /usr/bin/python3 "$work/liar.py" "$work/api"
cat >"$work/stranger.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.bind(sys.argv[2].encode().decode("unicode_escape"))
s.connect(sys.argv[1])
s.shutdown(socket.SHUT_WR)
assert len(s.recv(100)) == int(sys.argv[3])
P
# With nothing it would try an empty key.
check "a key is not for who is no systemd-cryptsetup, which gets 40 bytes that nobody knows" /usr/bin/python3 "$work/stranger.py" "$work/crypt" '\0abc/cryptsetup/data' 40
check "... which is said" in_log "systemd-cryptsetup@.service of that volume"
check "nor for a name of another kind" /usr/bin/python3 "$work/stranger.py" "$work/crypt" '\0abc/unit/x.service/y' 0
check "cocod is still there" expect 0 "${cococtl[@]}" status

# ---- the configuration ----
stop TERM
wrong() {
	printf '%b' "$1" >"$conf/cocod.conf"
	expect 1 "$cocod" --check-config --config-root="$work/root" && said "$2"
}
check "an unknown option" wrong '[Cocod]\n\nRequires=none\n' "cocod.conf:3: Unknown option 'Requires'; did you mean Require?"
check "a bad value" wrong '[Cocod]\nRequire=maybe\n' "cocod.conf:2: Require= takes 'attested', 'evidence' or 'none', not 'maybe'"
check "an empty value" wrong '[Cocod]\nRequire=\n' "cocod.conf:2: Require= takes"
check "an unknown section" wrong '[Cocod]\nRequire=none\n[Other]\na=b\n' "Unknown section \[Other\]"
check "an option before its section" wrong 'Require=none\n[Cocod]\n' "cocod.conf:1: the option 'Require' stands before any section"
check "an invalid line" wrong '[Cocod]\nRequire=none\ngarbage\n' "cocod.conf:3: it is neither Name=value"
check "an invalid time" wrong '[Cocod]\nReadTimeoutSec=0\n' "ReadTimeoutSec= takes a time"
check "a path that is relative" wrong '[Cocod]\nSecretDirectory=dir\n' "SecretDirectory= takes an absolute path"
check "a section that does not close" wrong '[Cocod\nRequire=none\n' "cocod.conf:1:"
printf '[Cocod]\nRequire=none\nSecretDirectory=%s\n' "$work/dir" >"$conf/cocod.conf"
secret() {
	printf '%b' "$1" >"$conf/secrets.d/disk.conf"
	expect 1 "$cocod" --check-config --config-root="$work/root" && said "$2"
}
check "a secret without GUID and URI" secret '[Secret]\nName=x\n' "disk.conf: Guid= and Uri= are missing"
check "an invalid GUID" secret '[Secret]\nGuid=1234\n' "disk.conf:2: Guid= takes a GUID"
check "the GUID of another" secret "[Secret]\nGuid=$token\n" "Guid= is the same"
check "the name of another" secret "[Secret]\nGuid=$luks\nName=token\n" "another secret's already"
check "a name that is another's GUID" secret "[Secret]\nGuid=$luks\nName=$late\n" "is another secret's GUID"
check "an invalid name" secret "[Secret]\nGuid=$luks\nName=a/b\n" "disk.conf:3: Name= takes"
check "an invalid consumer" secret "[Secret]\nGuid=$luks\nConsumers=everyone\n" "disk.conf:3: Consumers= takes"
check "an invalid moment" secret "[Secret]\nGuid=$luks\nWipe=never\n" "disk.conf:3: Wipe= takes"
start
check "with an error cocod runs" expect 0 "${cococtl[@]}" status --json
check "... with the gate closed, and says which file" json "not d['gate']['open'] and 'disk.conf:3' in d['gate']['reason']"
rm "$conf/secrets.d/disk.conf"
check "a good configuration" expect 0 "$cocod" --check-config --config-root="$work/root"
mkdir -p "$work/root/usr/lib/cocod/secrets.d" "$work/root/run/cocod/cocod.conf.d"
printf 'nonsense' >"$work/root/usr/lib/cocod/secrets.d/vendor.conf"
check "a vendor's file counts" expect 1 "$cocod" --check-config --config-root="$work/root"
ln -s /dev/null "$conf/secrets.d/vendor.conf"
check "... until it is masked" expect 0 "$cocod" --check-config --config-root="$work/root"
printf '[Cocod]\nRequire=attested\n' >"$work/root/run/cocod/cocod.conf.d/50-later.conf"
check "a drop-in overrides" expect 0 "$cocod" --check-config --config-root="$work/root"
check "... the file" grep -q 'Require=attested' "$work/out"

rm "$work/root/run/cocod/cocod.conf.d/50-later.conf"
printf '[Cocod]\n' >"$conf/cocod.conf"
check "without Require=" expect 0 "$cocod" --check-config --config-root="$work/root"
check "... it is attested" grep -q 'Require=attested' "$work/out"
printf '[snp]\nid_key_digest=%096d\n' 1 >"$conf/attest.conf"
check "with an attest.conf" expect 0 "$cocod" --check-config --config-root="$work/root"
check "... evidence" grep -q 'Require=evidence' "$work/out"
printf '[Cocod]\nRequire=none\n' >"$conf/cocod.conf"
check "... or what is said in so many words" expect 0 "$cocod" --check-config --config-root="$work/root"
check "... none" grep -q 'Require=none' "$work/out"
rm "$conf/attest.conf"

# ---- a broker ----
pem=$conf/broker.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -subj /CN=kbs -days 9 2>"$work/openssl"
cp "$work/cert.pem" "$pem"
broker() { printf '[Broker]\nUrl=vsock://2:8743 https://KBS.example:443\n%b' "$1" >"$conf/broker.conf"; }
checked() { expect "$1" "$cocod" --check-config --config-root="$work/root"; }
refused() {
	broker "$1"
	checked 1 && said "$2"
}
printf '[Cocod]\nSecretDirectory=%s\n' "$work/dir" >"$conf/cocod.conf"
printf '[Secret]\nUri=kbs:///default/luks/root\nConsumers=cryptsetup:root get\n' >"$conf/secrets.d/root.conf"
check "a secret of a broker without a broker.conf" checked 1
check "... names the file" said "root.conf: Uri= names a secret at a broker, and there is no broker.conf"
check "a broker that nobody authenticates" refused 'TimeoutSec=9\n' "broker.conf: Identity=, PublicKey= and Authority= are all missing: a broker that nobody authenticates is refused"
check "two ways to recognise it" refused 'Identity=/etc/cocod/broker.pem\nPublicKey=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n' \
	"broker.conf:4: There are both Identity= and PublicKey="
check "an option twice" refused 'Curve=P-256\nCurve=P-521\n' "broker.conf:4: the option 'Curve' is given twice"
check "an Identity= that does not exist" refused 'Identity=/etc/cocod/nothing.pem\n' "nothing.pem: it does not exist or is empty, and nothing else recognises the broker"
: >"$pem"
check "an Identity= that is empty" refused 'Identity=/etc/cocod/broker.pem\n' "broker.pem: it does not exist or is empty"
cat "$work/cert.pem" "$work/key.pem" >"$pem"
check "an Identity= with the broker's private key" refused 'Identity=/etc/cocod/broker.pem\n' "broker.pem: it has a private key"
start
check "with such an error cocod runs" expect 0 "${cococtl[@]}" status --json
check "... and both gates are closed" json "not d['gate']['open'] and not d['broker']['open'] and d['broker']['state'] == 'closed' and 'broker.pem' in d['broker']['reason']"
check "... also for who asks" expect 31 "${cococtl[@]}" secrets get root
stop TERM
cp "$work/cert.pem" "$pem"
broker 'Identity=/etc/cocod/broker.pem\n'
check "a good broker.conf" checked 0
check "... is described" grep -q 'The broker is recognised by Identity=, at 2 addresses; it has 1 of the secrets' "$work/out"
start
check "status with a broker" expect 0 "${cococtl[@]}" status --json
check "... its gate does not ask for attest.conf" json "not d['gate']['open'] and d['broker']['open'] and d['broker']['state'] == 'configured' and d['broker']['last'] is None"
check "... its addresses" json "d['broker']['urls'] == ['vsock://2:8743', 'https://kbs.example']"
check "... and one secret is remote" json "d['secrets']['remote'] == 1 and [s['secrets'] for s in d['sources'] if s['name'] == 'kbs'] == [1]"
check "status, as text" expect 0 "${cococtl[@]}" status
check "... has the broker" grep -q '   Broker: configured, the broker signs what it releases' "$work/out"
check "... and the secret" grep -q '  Secrets: 1 remote, ' "$work/out"
check "show of a remote secret" expect 0 "${cococtl[@]}" secrets show root
check "... has its name at the broker" grep -q '         Uri: kbs:///default/luks/root' "$work/out"
check "... is remote" grep -q '       State: remote' "$work/out"
check "completion of a broker's secret" completed broker get kbs:///d
check "... has its name there, and no other secret" bash -c "[ \"\$(cat '$work/out')\" = kbs:///default/luks/root ] && ! [ -s '$work/err' ]"
check "list --json" expect 0 "${cococtl[@]}" secrets list --json
check "... has no size of it" json "[(s['state'], s['size'], s['uri'], s['source']) for s in d['secrets'] if s['name'] == 'root'] == [('remote', None, 'kbs:///default/luks/root', 'kbs')]"
check "list, as text" expect 0 "${cococtl[@]}" secrets list
check "... too" grep -Eq '^root .* -  kbs +remote ' "$work/out"
guid=$("${cococtl[@]}" secrets show root | sed -n 's/ *Guid: //p')
printf evil >"$work/dir/$guid"
check "a launch secret with its GUID" expect 0 "${cococtl[@]}" secrets show root --json
check "... is not it" json "d['state'] == 'remote' and d['size'] is None"
check "it can be wiped" expect 0 "${cococtl[@]}" secrets wipe root
check "... which is said" in_log "Secret 'root' is wiped: the broker is not asked for it again in this boot"
restart KILL
check "after kill -9" expect 0 "${cococtl[@]}" secrets show root --json
check "... it stays wiped" json "d['state'] == 'wiped' and d['source'] == 'kbs'"
check "... and is given to nobody" expect 4 "${cococtl[@]}" secrets get root
check "... not by its name at the broker either" expect 31 "${cococtl[@]}" broker get kbs:///default/luks/root
check "... with the reason" said 'this secret was wiped'
stop TERM
printf '[Secret]\nUri=kbs:///default/luks/home\nConsumers=cryptsetup:home\n' >"$conf/secrets.d/home.conf"
start
check "a volume's secret is not for who names it" expect 31 "${cococtl[@]}" broker get kbs:///default/luks/home
check "... with the reason" said "does not have 'get'"
check "nor is a secret that nobody configured" expect 31 "${cococtl[@]}" broker get kbs:///default/luks/other
check "... with the reason" said 'nor below UriPrefix='
stop TERM
rm "$conf/secrets.d/home.conf"
broker 'PublicKey=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
check "TLS alone" checked 0
check "... is warned of" said "what the broker releases is not signed"
start
check "... and by status too" expect 0 "${cococtl[@]}" status
check "... in words" grep -q 'WARNING: the broker is tls-only' "$work/out"
check "... and in the log" in_log "(tls-only)"
stop TERM

# ---- what it leaves behind ----
leaks() { ! grep -r -q -e 'correct horse' "$work/run" "$work/log"; }
check "no secret in the journal or the log" leaks
finish
