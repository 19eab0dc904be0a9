#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Launch secrets out of coco-broker: coco-inject checks the launch, the broker judges it by the policy of each secret and
# encrypts them, and the double of the security processor opens what it gets.  What is refused is neither sent nor started.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
double=$top_srcdir/tests/double/security-processor
luks=736869e5-84f0-4973-92ec-06879ce3da0b
other=e6f5a162-d67f-4750-a67c-5d065f2a9910
cd "$work" || exit 99
chmod 700 .
PATH=$top_builddir:$PATH

openssl ecparam -name prime256v1 -genkey -noout -out identity.key 2>/dev/null
openssl req -x509 -new -key identity.key -subj "/CN=test" -days 30 -out identity.pem 2>/dev/null
head -c 32 /dev/urandom >master.key
chmod 600 ./*.key
cat >broker.conf <<END
[Broker]
Name=localhost
Instance=test
[Store]
Address=sqlite:$work/store.sqlite
[Listen]
Plain=127.0.0.1:0
Admin=$work/admin.sock
[Admin]
Users=$(id -un)
END
head -c16 /dev/urandom >tek
head -c16 /dev/urandom >tik
head -c65536 /dev/urandom >fw
digest=$(sha256sum fw | cut -d ' ' -f 1)
printf 'correct horse battery staple' >pw
printf 'another horse' >pw2
coco-inject table --secret $luks:pw -o table 2>/dev/null
coco-inject table --secret $luks:pw --secret $other:pw2 -o table2 2>/dev/null
truncate -s 300M ram	# a hole but for what is injected

# policy RELEASE [LINE...]: a policy with these lines in [sev].
policy() {
	printf '[Release]\nRelease=%s\n' "$1"
	[ "$1" != once ] || echo Per=launch
	shift
	echo '[sev]'
	printf '%s\n' "$@"
}
whole=covers=firmware,kernel,initrd,cmdline
policy once "launch_digest=$digest" $whole policy_require=noks >good
policy always "launch_digest=$(printf %064d 1),$digest until=2999-01-01" $whole min_api=0.17 >good2
policy always "launch_digest=$(printf %064d 5)" $whole >bad2
broker() { coco-broker --config "$work/broker.conf" "$@"; }

serving() {
	local i

	for ((i = 0; i < 100; i++)); do
		if [ -S admin.sock ] && broker status >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	cat log
	return 1
}

# start [ARGUMENT...]: the double, for one client; a launch of its own, unless it is given a nonce.
start() {
	rm -f sock record m ./*.used
	: >record
	"$double" --listen sock --once --tek tek --tik tik --firmware fw --measurement-out m --record record --gpa 0x10000000 \
		--area-size 3072 --ram ram --policy 0x3 "$@" 2>double.err &
	pid=$!
	tap_pids+=("$pid")
	appears sock $pid || { cat double.err >&2; exit 99; }
}

# The double ends when its client is gone.  By then it has recorded everything.
stop() {
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	unset 'tap_pids[-1]'
}

# inject STATUS ARGUMENT...
inject() {
	local status=$1

	shift
	expect "$status" coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$digest" --policy nodbg,noks --area 0x10000000:3072 \
		--broker admin.sock "$@"
}

never_sent() { ! grep -q -e 'sev-inject-launch-secret' -e '"cont"' record; }
in_ram() { cmp -n "$(stat -c %s "$1")" -i 0:268435456 "$1" ram; }
wipe_ram() { truncate -s 0 ram; truncate -s 300M ram; }
export_log() { rm -f lines; broker audit export lines; }
released() { export_log && grep -c '"what":"\(release\|again\)"' lines; }

# nothing_for NAME STATUS PATTERN [INJECT-ARGUMENT...]: refused, with the reason, and nothing happens to the guest.
nothing_for() {
	local name=$1 status=$2 pattern=$3 before

	shift 3
	before=$(released)
	check "refused: $name" inject "$status" "$@"
	stop
	check "refused: $name: is said" said "$pattern"
	check "refused: $name: nothing is sent, and the guest not started" never_sent
	check "refused: $name: nothing was released" test "$(released)" = "$before"
}

start
nothing_unanswered() { inject 3 --secret luks:kbs:///default/luks/vm1; }
check "without a broker it is undecided" nothing_unanswered
check "... and says so" said "No broker answers at 'admin.sock'"
check "... and the guest is not started" never_sent
stop

STATE_DIRECTORY=$work coco-broker --config "$work/broker.conf" serve 2>log >/dev/null &
broker_pid=$!
tap_pids+=("$broker_pid")
check "the broker serves" serving
check "a secret for launches of SEV" broker secret add --policy good default/luks/vm1 pw
check "another one" broker secret add --policy good2 default/luks/vm2 pw2

# ---- the right launch ----

nonce=000102030405060708090a0b0c0d0e0f
start --nonce $nonce
check "the launch gets the secret" inject 0 --secret luks:kbs:///default/luks/vm1 --json
check "... and tells how much it was" grep -q "\"secrets\":1,\"size\":$(stat -c %s table)" out
check "... it is in the guest, in the clear" in_ram table
check "... and the guest runs" grep -q '"cont"' record
check "... and nobody else saw it" bash -c '! grep -q "correct horse" record out err log'
stop
check "the audit log is exported" export_log
check "... and has the launch" grep -q "\"what\":\"release\".*\"tee\":\"sev\".*\"measurement\":\"$digest\".*\"peer\":\"uid $(id -u)\"" lines
check "... and not the secret" bash -c '! grep -q "correct horse" lines'
wipe_ram
start --nonce $nonce
check "the same launch may ask again, as after a lost answer" inject 0 --secret luks:kbs:///default/luks/vm1
check "... it is in the guest" in_ram table
stop
check "... and the audit log says that it was the same" bash -c "coco-broker --config '$work/broker.conf' audit export again && grep -q '\"what\":\"again\"' again"
check "two releases so far" test "$(released)" = 2
wipe_ram
start
check "two secrets go into one packet" inject 0 --secret luks:kbs:///default/luks/vm1 --secret offline-kbc:kbs:///default/luks/vm2
check "... both are in the guest" in_ram table2
stop

# A packet for another tool.
start
measurement=$(cat m)
stop
packet=(coco-inject packet --tek tek --tik tik --launch-digest "$digest" --policy "nodbg,noks" --broker admin.sock --header h --payload p --force)
major=1 minor=55 build=24	# what the double says it is
opened() { "$double" --open --header h --payload p --measurement "$measurement" --tek tek --tik tik | cmp - table; }
check "packet writes one" expect 0 "${packet[@]}" --measurement "$measurement" --api "$major.$minor" --build "$build" --secret luks:kbs:///default/luks/vm1
check "... which this launch can open" opened
check_refused "packet without the launch" 64 "A broker judges the launch: describe it" coco-inject packet --tek tek --tik tik --broker admin.sock --header h2 \
	--payload p2 --measurement "$measurement" --secret luks:kbs:///default/luks/vm1
check_refused "packet for another firmware's version" 1 "" "${packet[@]}" --measurement "$measurement" --api "$major.$minor" --build $((build + 1)) \
	--secret luks:kbs:///default/luks/vm1
cat >scan.py <<'P'
import sys
pid = sys.argv[1]
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        area, mode = line.split()[:2]
        begin, end = (int(x, 16) for x in area.split("-"))
        if not mode.startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")) or end - begin > 1 << 30:
            continue
        try:
            memory.seek(begin)
            data = memory.read(end - begin)
        except OSError:
            continue
        with open("tek", "rb") as f, open("tik", "rb") as g:
            for secret in (b"correct horse", b"another horse", f.read(), g.read()):
                if secret in data:
                    sys.exit(f"{secret!r} is in {line}")
P
if [ "$(id -u)" = 0 ]; then
	check "nothing of the secrets stays in the broker's memory" python3 scan.py "$broker_pid"
else
	skip "nothing of the secrets stays in the broker's memory" "the broker lets only root look"
fi

# ---- launches that a policy refuses ----

# refuse_by NAME PATTERN FILE [DOUBLE-ARGUMENT...]: by this policy of a secret.
refuse_by() {
	local name=$1 pattern=$2 file=$3

	shift 3
	broker policy set default/luks/vm1 "$file" >/dev/null 2>&1 || { broker policy set default/luks/vm1 "$file"; exit 99; }
	start "$@"
	nothing_for "$name" 1 "$pattern" --secret luks:kbs:///default/luks/vm1
}
policy once "launch_digest=$(printf %064d 2)" $whole >bad
refuse_by "another digest" "the launch digest $digest is none of launch_digest=" bad
policy once "launch_digest=$digest" $whole policy_require=es,noks >bad
refuse_by "SEV where SEV-ES is asked for" "the guest's policy lacks es" bad
policy once "launch_digest=$digest" $whole min_api=200.0 >bad
refuse_by "an old firmware" "at least 200.0 and 0 are asked for" bad
policy once "launch_digest=$digest" $whole min_build=255 >bad
refuse_by "an old build" "are asked for" bad
printf '[Release]\nRelease=always\n[snp]\nmeasurement=%096d\n%s\n' 1 $whole >bad
refuse_by "a policy that is silent about SEV" "says nothing about launches of SEV" bad
until=$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)
policy once "launch_digest=$digest until=$until,$(printf %064d 3)" $whole >ending
broker policy set default/luks/vm1 ending >/dev/null
sleep 4
start
nothing_for "a digest that has ended" 1 "accepted no longer" --secret luks:kbs:///default/luks/vm1
broker policy set default/luks/vm1 good >/dev/null

# The host may debug it.
policy always "launch_digest=$digest" $whole >debug
broker policy set default/luks/vm1 debug >/dev/null
start --policy 0
check "refused: a guest that its host may debug" expect 1 coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$digest" --policy 0 \
	--area 0x10000000:3072 --broker admin.sock --secret luks:kbs:///default/luks/vm1
stop
check "... is said" said "it has no nodbg"
check "... and nothing is sent" never_sent
broker policy set default/luks/vm1 good >/dev/null

start
nothing_for "a secret that there is not" 1 "there is no such secret" --secret luks:kbs:///default/luks/none
printf '[Release]\nRelease=approve\n[sev]\nlaunch_digest=%s\nallow=partial-identity\n' "$digest" >approve
broker secret add --policy approve default/luks/vm3 pw2
start --nonce 101112131415161718191a1b1c1d1e1f
nothing_for "what somebody must approve" 1 "coco-broker approve" --secret luks:kbs:///default/luks/vm3
id=$(sed -n 's/.*coco-broker approve \([0-9a-f-]*\)).*/\1/p' err)
check "why knows it" bash -c "coco-broker --config '$work/broker.conf' why '$id' | grep -q sev"
check "it is approved" broker approve "$id"
wipe_ram
coco-inject table --secret $luks:pw2 -o table3 2>/dev/null
start --nonce 101112131415161718191a1b1c1d1e1f
check "then that launch gets it" inject 0 --secret luks:kbs:///default/luks/vm3
check "... it is in the guest" in_ram table3
stop
start
nothing_for "another launch than the one that was approved" 1 "coco-broker approve" --secret luks:kbs:///default/luks/vm3
start
check "refused: a launch that is another one than it should be" expect 1 coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$(printf %064d 4)" \
	--policy nodbg,noks --area 0x10000000:3072 --broker admin.sock --secret luks:kbs:///default/luks/vm1
stop
check "... and nothing is sent" never_sent

head -c 3072 /dev/zero | tr '\0' x >long
broker secret add --policy good2 default/luks/long long
start
check "refused: what does not fit into the guest's area" inject 1 --secret luks:kbs:///default/luks/long
stop
check "... is said" said "does not fit into the guest's area of 3072 bytes"
check "... and nothing is sent" never_sent

# ---- policies that would be no policy ----

refused_policy() {
	local name=$1 pattern=$2

	check_refused "$name" 2 "$pattern" broker policy set default/luks/vm1 "$work/bad"
}
policy once $whole >bad
refused_policy "[sev] without a digest" "names no launch_digest"
policy once "launch_digest=$digest" >bad
refused_policy "digests of who knows what" "may not cover kernel, initrd and command line"
policy once "launch_digest=$digest" covers=firmware,kernel >bad
refused_policy "digests without initrd and command line" "may not cover"
policy once "launch_digest=$digest" allow=partial-identity >bad
refused_policy "a digest that strangers may have" "needs Release=approve beside it"
printf '[Release]\nRelease=once\nPer=vm\nVmField=host_data\n[sev]\nlaunch_digest=%s\n%s\n' "$digest" $whole >bad
refused_policy "what a launch of SEV does not show" "do not go together"
policy once "launch_digest=${digest}00" $whole >bad
refused_policy "a digest that is too long" "launch_digest= takes HEX, 32 bytes"
policy once "launch_digest=$digest" $whole policy_require=api=1.51 >bad
refused_policy "a version among the bits" "policy_require= takes"
policy once "launch_digest=$digest" $whole measurement=00 >bad
refused_policy "an option that there is not" "there is no option 'measurement' in \[sev\]"
policy once "launch_digest=$digest until=2001-01-01" $whole >bad
refused_policy "only digests that have ended" "every value of launch_digest= has ended"

# ---- what cannot be meant ----

check_refused "secrets of two ways" 64 "all must come one way" coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$digest" --policy 3 \
	--secret luks:kbs:///default/luks/vm1 --secret offline-kbc:pw
check_refused "--strip-newline" 64 "is for files" coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$digest" --policy 3 \
	--strip-newline --secret luks:kbs:///default/luks/vm1
check_refused "--broker without a need" 64 "no secret is a broker's" coco-inject inject --qmp sock --tek tek --tik tik --launch-digest "$digest" --policy 3 \
	--broker admin.sock --secret luks:pw
check_refused "--measurement alone" 64 "judges what was launched" coco-inject inject --qmp sock --tek tek --tik tik --measurement "$measurement" \
	--secret luks:kbs:///default/luks/vm1
check_refused "a table in the clear" 64 "goes out to a launch only" coco-inject table --secret luks:kbs:///default/luks/vm1 -o table9
start
nothing_for "another broker's address" 64 "is not the name of a broker's secret" --secret luks:kbs://example.org/default/luks/vm1
start
nothing_for "one GUID twice" 1 "is given twice" --secret luks:kbs:///default/luks/vm1 --secret luks-key:kbs:///default/luks/vm2
before=$(released)
start
check "--dry-run asks the broker, which would" inject 0 --dry-run --secret luks:kbs:///default/luks/vm1
stop
check "... and nothing is sent" never_sent
check "... nothing was released" test "$(released)" = "$before"
broker policy set default/luks/vm2 bad2 >/dev/null
start
nothing_for "a dry run of two secrets, of which the broker would not give one" 1 "'default/luks/vm2' would not be released: the launch digest $digest is none" --dry-run \
	--secret luks:kbs:///default/luks/vm1 --secret offline-kbc:kbs:///default/luks/vm2
start
nothing_for "two secrets, of which the broker does not give one" 1 "'default/luks/vm2' is not released: the launch digest $digest is none.*coco-broker why" \
	--secret luks:kbs:///default/luks/vm1 --secret offline-kbc:kbs:///default/luks/vm2
broker policy set default/luks/vm2 good2 >/dev/null

# Another user, who may read all files but not ask the broker.
if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	chmod 711 .
	chmod 644 tek tik
	chmod 666 admin.sock
	check "refused: another user" expect 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$top_builddir/coco-inject" packet --tek tek --tik tik --launch-digest "$digest" \
		--policy nodbg,noks --broker admin.sock --header /dev/null --payload /dev/full --force --measurement "$measurement" --api "$major.$minor" --build "$build" \
		--secret luks:kbs:///default/luks/vm1
	check "... is said" said "does not answer you: be root"
fi
check "the audit log is whole" broker audit verify
finish
