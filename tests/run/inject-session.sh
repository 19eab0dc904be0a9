#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject session: the security processor opens the session; all files are written, or no file; what it refuses.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
vectors=$COCO_VECTORS/sev
cd "$work" || exit 99

"$top_srcdir/tests/double/fake-platform" --bits 2048 host || exit 99
"$top_srcdir/tests/double/fake-platform" --bits 2048 other || exit 99
chain=(--chain host --anchor host/ark.cert)

# launch NAME POLICY [KEY]: print what the security processor finds in NAME's session.
launch() {
	"$double" --start --pdh-key "${3:-host/pdh.key.pem}" --godh "$1_godh.b64" --session "$1_session.b64" --policy "$2"
}
opens() { launch "$@" | cmp - <(cat "$1_tek.bin" "$1_tik.bin"); }

check "a session" expect 0 "$inject" session --pdh host/pdh.cert --policy nodbg,noks,nosend --name vm "${chain[@]}"
check "the policy is said" said 'Policy 0x0000000b: nodbg,noks,nosend'
check "the security processor finds our keys" opens vm 11
check "no other policy" expect 1 launch vm 3
check "is error 11" said 'BAD_MEASUREMENT (11)'
check "no other machine" expect 1 launch vm 11 other/pdh.key.pem
check "is error 11 too" said 'BAD_MEASUREMENT (11)'
check "four files" test "$(echo vm*)" = "vm_godh.b64 vm_session.b64 vm_tek.bin vm_tik.bin"
check "their modes" test "$(stat -c %a vm_* | tr '\n' ' ')" = "644 644 600 600 "
check "their sizes" test "$(stat -c %s vm_* | tr '\n' ' ')" = "2780 172 16 16 "
check "base64 without an end of line" test "$(cat vm_*.b64 | wc -l)" = 0
umask_run() { (umask 077 && "$inject" session --pdh host/pdh.cert --policy 1 --name umask "${chain[@]}") && [ "$(stat -c %a umask_godh.b64)" = 644 ]; }
check "whatever the umask" umask_run
check "a second one" expect 0 "$inject" session --pdh host/pdh.cert --policy 11 --name vm2 "${chain[@]}"
check "opens" opens vm2 11
check "and nothing is the same" bash -c 'for f in godh.b64 session.b64 tek.bin tik.bin; do cmp -s vm_$f vm2_$f && exit 1; done; ! cmp -s vm2_tek.bin vm2_tik.bin'

# Names and numbers, for every byte of the policy.
while read -r policy number words; do
	check "policy $policy" expect 0 "$inject" session --pdh host/pdh.cert --policy "$policy" --name p --force --json "${chain[@]}"
	check "policy $policy opens as $number" opens p "$number"
	check "policy $policy: as its schema says" schema session out
	check "policy $policy in words" grep -q -F "\"policy\":$((number)),\"policy_words\":\"$words\"" out
	check "policy $policy on standard error" said ": $words\$"
done <<'P'
1 1 nodbg
nodbg 1 nodbg
0x0000000f 15 nodbg,noks,es,nosend
es,noks,nodbg 7 nodbg,noks,es
nodbg,domain,sev 0x31 nodbg,domain,sev
nodbg,api=1.51 0x33010001 nodbg,api=1.51
0x37010007 0x37010007 nodbg,noks,es,api=1.55
P
check "policy api=2.0 is too new for this machine" expect 0 "$inject" session --pdh host/pdh.cert --policy nodbg,api=2.0 --name q "${chain[@]}"
check "and so the firmware says" expect 1 launch q 0x00020001
check "POLICY_FAILURE" said 'POLICY_FAILURE (7)'
check "no nosend" expect 0 "$inject" session --pdh host/pdh.cert --policy 1 --name w "${chain[@]}"
check "is warned of" said 'no nosend'
check "--allow-debug" expect 0 "$inject" session --pdh host/pdh.cert --policy noks --allow-debug --name debug "${chain[@]}"
check "warns" said 'no nodbg'
check "opens" opens debug 2
check "policy 0 with --allow-debug" expect 0 "$inject" session --pdh host/pdh.cert --policy 0 --allow-debug --name zero "${chain[@]}"
check "opens too" opens zero 0

# ---- forms of the PDH ----
cat host/pdh.cert host/pek.cert host/oca.cert host/cek.cert >exported
cat host/pek.cert host/oca.cert host/cek.cert >cert_chain
cat host/ask.cert host/ark.cert >ask_ark
base64 host/pdh.cert >pdh.txt
form() {
	local name=$1

	shift
	check "PDH: $name" expect 0 "$inject" session --policy 9 --name form --force "$@"
	check "PDH: $name: opens" opens form 9
}
form "base64, with QEMU's chain" --pdh pdh.txt --chain cert_chain --chain ask_ark --anchor host/ark.cert
form "an export, with itself" --pdh exported --chain exported --chain ask_ark --anchor host/ark.cert
form "a folder" --pdh host "${chain[@]}"
form "unverified" --pdh host/pdh.cert
check "which is said" said 'was not verified'

# ---- refused ----
none() { bash -c '! ls x_* 2>/dev/null'; }
bad() {
	local name=$1 status=$2 text=$3

	shift 3
	check "refused: $name" expect "$status" "$inject" session --name x "$@"
	check "refused: $name: is said" said "$text"
	check "refused: $name: no file" none
}
bad "no nodbg" 1 'add nodbg' --pdh host/pdh.cert --policy noks "${chain[@]}"
bad "policy 0" 1 'allow-debug' --pdh host/pdh.cert --policy 0 "${chain[@]}"
bad "an unknown flag" 64 "nodbg, noks, es" --pdh host/pdh.cert --policy nodbg,fast "${chain[@]}"
bad "a reserved bit" 64 'reserved' --pdh host/pdh.cert --policy 0x41 "${chain[@]}"
bad "33 bits" 64 'too large' --pdh host/pdh.cert --policy 0x100000001 "${chain[@]}"
bad "no policy" 64 'needs --policy' --pdh host/pdh.cert "${chain[@]}"
bad "no PDH" 64 'needs --pdh' --policy 1 "${chain[@]}"
bad "a PDH that is not there" 74 'No such file' --pdh nowhere --policy 1
bad "a PEK" 2 'no PDH' --pdh host/pek.cert --policy 1
bad "no certificate" 2 'not an SEV certificate' --pdh host/pdh.key.pem --policy 1
bad "the PDH of another machine" 1 'is not the one of --chain' --pdh other/pdh.cert --policy 1 "${chain[@]}"
bad "the PDH of another machine, the chain without" 1 'pdh-sig' --pdh other/pdh.cert --policy 1 --chain cert_chain --chain ask_ark --anchor host/ark.cert
bad "a chain that is not AMD's" 1 'ark-unknown' --pdh host/pdh.cert --policy 1 --chain host
bad "a chain without an ASK" 3 'ask-missing' --pdh host/pdh.cert --policy 1 --chain exported --anchor host/ark.cert
bad "a chain with the exported CEK" 3 'cek-unsigned' --pdh host/cases/cek-exported --policy 1 --chain host/cases/cek-exported --anchor host/ark.cert
for case in pdh-off-curve pdh-zero pdh-x-too-large pdh-wrong-curve pdh-version; do
	bad "$case" 2 '' --pdh host/cases/$case --policy 1
done
for case in pdh-usage pdh-algo pdh-curve; do
	bad "$case" 1 "$case" --pdh host/cases/$case --policy 1
done
bad "a bad signature, with --chain" 1 'pdh-sig' --pdh host/cases/pdh-other --policy 1 --chain host/cases/pdh-other --anchor host/ark.cert
bad "--anchor for nothing" 64 '' --pdh host/pdh.cert --policy 1 --anchor
for name in '' . .. a/b /tmp/x -x .x 'a b' "$(printf 'x%.0s' {1..201})"; do
	check "refused: the name '$name'" expect 64 "$inject" session --pdh host/pdh.cert --policy 1 "--name=$name"
done

# ---- all files or no file ----
for f in godh.b64 session.b64 tek.bin tik.bin; do
	mkdir half && cd half || exit 99
	echo old >vm_$f
	check "$f exists" expect 74 "$inject" session --pdh ../host/pdh.cert --policy 1 --name vm
	check "$f exists: is said" said "vm_$f' exists"
	check "$f exists: and stays alone" test "$(ls)/$(cat vm_$f)" = "vm_$f/old"
	check "$f exists: --force" expect 0 "$inject" session --pdh ../host/pdh.cert --policy 1 --name vm --force
	check "$f exists: --force replaces it" test "$(echo *)/$(stat -c %s vm_$f)" != "vm_$f/4"
	check "$f exists: --force opens" launch vm 1 ../host/pdh.key.pem
	check "$f exists: nothing is left beside" test "$(echo *)" = "vm_godh.b64 vm_session.b64 vm_tek.bin vm_tik.bin"
	# A folder is in the place of the last file, so the others are restored.
	rm vm_tik.bin && mkdir vm_tik.bin
	cat vm_*.b64 vm_tek.bin | sha256sum >../sum
	check "a folder in the way" expect 74 "$inject" session --pdh ../host/pdh.cert --policy 1 --name vm --force
	check "a folder in the way: the old files are back" test "$(cat vm_*.b64 vm_tek.bin | sha256sum)" = "$(cat ../sum)"
	check "a folder in the way: nothing is left beside" test "$(echo *)" = "vm_godh.b64 vm_session.b64 vm_tek.bin vm_tik.bin"
	cd .. && rm -rf half
done
if [ "$(id -u)" != 0 ]; then
	mkdir ro && chmod 555 ro
	check "a folder that takes no files" bash -c 'cd ro && "$0" session --pdh ../host/pdh.cert --policy 1 --name vm 2>/dev/null; [ $? = 74 ]' "$inject"
else
	check "a folder that takes no files" bash -c 'cd /proc && "$0" session --pdh "$1" --policy 1 --name vm 2>/dev/null; [ $? = 74 ]' "$inject" "$work/host/pdh.cert"
fi
# Root may lock memory beyond the limit, unless it lacks the capability.
unlockable() {
	(
		ulimit -l 0
		if [ "$(id -u)" = 0 ]; then
			setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "$@"
		else
			"$@"
		fi
	)
}
if grep -q __asan_init "$inject"; then
	skip "no memory that may be locked" "AddressSanitizer turns mlock() into nothing"
else
	check "no memory that may be locked" expect 74 unlockable "$inject" session --pdh host/pdh.cert --policy 1 --name x
	check "is said" said 'ulimit -l'
	check "and leaves nothing" none
fi
keys_are_nowhere() {
	local hex

	for f in vm_tek.bin vm_tik.bin; do
		hex=$(xxd -p "$f")
		if grep -l -e "$hex" -e "$(base64 "$f")" out err vm_*.b64; then return 1; fi
	done
}
check "the keys are in no output" keys_are_nowhere

# ---- machines of others ----
if [ -e "$vectors/session/cases.json" ]; then
	for name in s0 s1 s2 s3 s-xlead0 s-zlead0; do
		check "others: $name" expect 0 "$inject" session --pdh "$vectors/session/$name.pdh.cert" --policy 3 --name "v$name"
		check "others: $name: opens" opens "v$name" 3 "$vectors/session/$name.pdh.pem"
	done
	check "a real machine, verified" expect 0 "$inject" session --pdh "$vectors/certs/rome/pdh.cert" --chain "$vectors/certs/rome" --policy nodbg,noks,nosend --name rome
else
	skip "machines of others" "no $vectors"
fi
finish
