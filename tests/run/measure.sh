#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject measure: compares digests and measurements with an independent model and with known answers; what it
# refuses; how it explains a difference.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

inject=$top_builddir/coco-inject
model=$top_srcdir/tests/double/launch-model

"$model" firmware fw
"$model" firmware fw2 --seed other
"$model" firmware fw-plain --without secret,hashes,reset,asev,tdvf
"$model" firmware fw-no-hashes --without hashes
head -c 123457 /dev/urandom >kernel
head -c 300001 /dev/urandom >initrd
: >empty
head -c16 /dev/urandom >tik
head -c16 /dev/urandom >tik2
nonce=$(head -c16 /dev/urandom | base64)
printf 'root=/dev/vda1 ro' >cmdline
printf 'root=/dev/vda1 ro\n' >cmdline.nl
args=(--firmware fw)

prints() { [ "$(cat out)" = "$1" ] || { echo "printed $(cat out), not $1"; return 1; }; }
measure() { "$inject" measure "$@"; }

# same NAME TECH MODEL-ARGUMENTS... -- OUR-ARGUMENTS...: the digest is the same as the model's.
same() {
	local name=$1 tech=$2 theirs=()

	shift 2
	while [ "$1" != -- ]; do
		theirs+=("$1")
		shift
	done
	shift
	check "$name" expect 0 "$inject" measure --tech "$tech" --firmware fw "$@"
	check "$name: is the model's" prints "$("$model" digest --tech "$tech" --firmware fw "${theirs[@]}")"
}
k=(--kernel kernel --initrd initrd --cmdline 'root=/dev/vda1 ro')
same "sev" sev -- --digest
same "sev: the digest is the default" sev --
same "sev with a kernel" sev "${k[@]}" -- "${k[@]}"
same "sev with a kernel alone" sev --kernel kernel -- --kernel kernel
same "sev with an empty kernel" sev --kernel empty -- --kernel empty
same "a command line in a file" sev "${k[@]}" -- --kernel kernel --initrd initrd --cmdline-file cmdline
same "and one newline at its end" sev "${k[@]}" -- --kernel kernel --initrd initrd --cmdline-file cmdline.nl
for n in 1 2 64; do
	same "sev-es, $n CPUs" sev-es --vcpus $n --sig 0xa00f11 -- --vcpus $n --vcpu-sig 0xa00f11
done
same "sev-es, a model by name" sev-es --vcpus 2 --sig 0x830f10 -- --vcpus 2 --vcpu-type EPYC-Rome
same "sev-es, a model in lower case" sev-es --vcpus 2 --sig 0xa00f11 -- --vcpus 2 --vcpu-type epyc-MILAN-v2
same "sev-es, family, model and stepping" sev-es --vcpus 2 --sig 0xaa0f02 -- --vcpus 2 --vcpu-sig 25/160/2
same "sev-es, a model's version" sev-es --vcpus 2 --sig 0xa00f11 -- --vcpus 2 --vcpu-type EPYC-Milan-v2
same "sev-es, init2" sev-es --vcpus 4 --sig 0xa10f10 --form init2 -- --vcpus 4 --vcpu-type EPYC-Genoa --variant init2
same "sev-es, debugswap" sev-es --vcpus 2 --sig 0xb00f00 --features 0x20 -- --vcpus 2 --vcpu-type EPYC-Turin --variant legacy+debugswap
same "sev-es, features" sev-es --sig 0x800f12 --features 0x20 -- --vcpu-type EPYC --guest-features 0x20
same "sev-es with a kernel" sev-es --vcpus 3 --sig 0xa00f11 "${k[@]}" -- --vcpus 3 --vcpu-sig 10489617 "${k[@]}"
"$model" vmsa vmsa0 --eip 0xfffffff0 --sig 0xa00f11
"$model" vmsa vmsa1 --eip 0x80b004 --sig 0xa00f11
same "sev-es, pages from files" sev-es --vcpus 4 --sig 0xa00f11 -- --vcpus 4 --vmsa vmsa0 --vmsa vmsa1
same "sev-es, as many CPUs as pages" sev-es --vcpus 2 --sig 0xa00f11 -- --vmsa vmsa0 --vmsa vmsa1
same "snp" snp --vcpus 1 --sig 0xa00f11 --features 1 -- --vcpu-type EPYC-Milan
same "snp, 64 CPUs" snp --vcpus 64 --sig 0xa00f11 --features 1 -- --vcpu-type EPYC-Milan --vcpus 64
for v in "snp+debugswap 0x21" "snp+securetsc 0x201" "snp+debugswap+securetsc 0x221"; do
	same "${v% *}" snp --vcpus 3 --sig 0xa00f11 --features "${v#* }" -- --vcpu-type EPYC-Milan --vcpus 3 --variant "${v% *}"
done
same "snp without the FPU's state" snp --vcpus 3 --sig 0xa00f11 --features 1 --form legacy -- --vcpu-type EPYC-Milan --vcpus 3 --variant snp-no-fpu
same "EC2" snp --vcpus 3 --monitor ec2 --rdx 0x600 --features 1 -- --vcpus 3 --variant snp-ec2
same "EC2 before 2026" snp --vcpus 3 --monitor ec2 --rdx 0 --features 1 -- --vcpus 3 --variant snp-ec2-before-2026
same "GCE" snp --vcpus 3 --monitor gce --rdx 0x600 --features 1 -- --vcpus 3 --variant snp-gce
same "sev-es, init2 with debugswap" sev-es --vcpus 2 --sig 0xa00f11 --features 0x20 --form init2 -- --vcpus 2 --vcpu-type EPYC-Milan \
	--variant init2+debugswap
same "snp with a kernel, features" snp --vcpus 4 --sig 0xa00f11 --features 0x21 "${k[@]}" -- --vcpu-type EPYC-Milan --vcpus 4 \
	--guest-features 0x21 "${k[@]}"
same "tdx" tdx --
same "tdx in two passes" tdx --two-pass -- --variant two-pass
check "a firmware from a pipe" bash -c "'$inject' measure --tech sev --firmware <(cat fw) >out"
check "is the same" prints "$("$model" digest --tech sev --firmware fw)"

# The firmware's pages were hashed before.
measure --tech snp --firmware fw --vcpu-type EPYC-Milan --json >json
pages=$(/usr/bin/python3 -c 'import json; print(json.load(open("json"))["firmware_digest"])')
same "snp, a firmware digest" snp --sig 0xa00f11 --features 1 -- --vcpu-type EPYC-Milan --firmware-digest "$pages"
check "snp, another firmware digest" expect 0 "$inject" measure --tech snp --firmware fw --vcpu-type EPYC-Milan --firmware-digest "${pages/[0-8]/9}"
check "is another digest" bash -c "! grep -q $(/usr/bin/python3 -c 'import json; print(json.load(open("json"))["digest"])') out"

# ---- beside each other ----
# Files that are large enough to be hashed by threads of their own, with one processor and with all.
"$model" firmware fw-large --pages 1001
head -c 2000001 /dev/urandom >kernel-large
head -c 5000003 /dev/urandom >initrd-large
large=(--firmware fw-large --kernel kernel-large --initrd initrd-large --cmdline ro)
one=(taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')")
for tech in sev "sev-es --vcpus 2" "snp --vcpus 2"; do
	[ "$tech" = sev ] && theirs=() ours=() || theirs=(--sig 0xa00f11) ours=(--vcpu-sig 0xa00f11)
	[[ $tech = snp* ]] && theirs+=(--features 1)
	# shellcheck disable=SC2086 # options
	want=$("$model" digest --tech $tech "${theirs[@]}" "${large[@]}")
	# shellcheck disable=SC2086
	check "large, ${tech%% *}" expect 0 "$inject" measure --tech $tech "${ours[@]}" "${large[@]}"
	check "large, ${tech%% *}: is the model's" prints "$want"
	# shellcheck disable=SC2086
	check "large, ${tech%% *}, one processor" expect 0 "${one[@]}" "$inject" measure --tech $tech "${ours[@]}" "${large[@]}"
	check "large, ${tech%% *}, one processor: is the same" prints "$want"
done
mkfifo fw.pipe kernel.pipe initrd.pipe
# in_order INITRD: one program writes them, and each only after the one before.
in_order() {
	local r=0

	# shellcheck disable=SC2016 # for that shell
	timeout 60 sh -c 'cat fw-large >fw.pipe && cat kernel-large >kernel.pipe && { [ "$0" != initrd.pipe ] || cat initrd-large >initrd.pipe; }' "$1" &
	expect 0 timeout 60 "$inject" measure --tech snp --vcpus 2 --vcpu-sig 0xa00f11 --firmware fw.pipe --kernel kernel.pipe --initrd "$1" --cmdline ro || r=1
	kill $! 2>/dev/null
	wait $! 2>/dev/null
	return "$r"
}
check "large, by pipes, one after the other" in_order initrd.pipe
check "large, by pipes: is the same" prints "$want"
check "large, by pipes, beside a file" in_order initrd-large
check "large, by pipes, beside a file: is the same" prints "$want"
check "large, from standard input" bash -c '"$@" <kernel-large >out' - "$inject" measure --tech snp --vcpus 2 --vcpu-sig 0xa00f11 --firmware fw-large --kernel - \
	--initrd initrd-large --cmdline ro
check "large, from standard input: is the same" prints "$want"
# Of a large firmware the end is kept, unless what it says of itself is elsewhere.  It may come from anywhere.
far() {
	/usr/bin/python3 - <<-'EOF'
	import struct
	image = bytearray(open("fw-large", "rb").read())
	at = len(image) - 1024
	n = struct.unpack_from("<I", image, at + 4)[0]
	image[5000:5000 + n] = image[at:at + n]  # the model looks at the usual place
	entry = struct.pack("<IH", 1024, 22)
	assert image.count(entry) == 1
	open("fw-far", "wb").write(image.replace(entry, struct.pack("<IH", len(image) - 5000, 22)))
	EOF
}
check "large, its metadata at the other end" far
check "large, its metadata at the other end: snp" expect 0 "$inject" measure --tech snp --vcpu-sig 0xa00f11 --firmware fw-far
check "large, its metadata at the other end: is the model's" prints "$("$model" digest --tech snp --firmware fw-far --sig 0xa00f11 --features 1)"
want=$("$model" digest --tech snp --firmware fw-large --sig 0xa00f11 --features 1)
check "large firmware, from standard input" bash -c '"$@" <fw-large >out' - "$inject" measure --tech snp --vcpu-sig 0xa00f11 --firmware -
check "large firmware, from standard input: is the same" prints "$want"
{ head -c 4096 /dev/zero; cat fw-large; } >fw-behind
check "large firmware, the rest of standard input" bash -c '{ head -c 4096 >head && "$@"; } <fw-behind >out' - \
	"$inject" measure --tech snp --vcpu-sig 0xa00f11 --firmware -
check "large firmware, the rest of standard input: is the same" prints "$want"
{ echo; cat fw-large; } >fw-odd
check_refused "large firmware, not whole pages" 2 "whole pages" "$inject" measure --tech snp --vcpu-type EPYC --firmware fw-odd
"$model" igvm igvm-large --platforms 2,0
cat fw-large >>igvm-large
check_refused "large firmware, an IGVM file" 2 "IGVM file with pages for native, snp" "$inject" measure --tech snp --vcpu-type EPYC --firmware igvm-large
# cut_off PROGRAM...: with one processor the firmware is hashed after the kernel, whose writer cuts it off.
cut_off() {
	cp fw-large fw-cut
	timeout 60 sh -c 'exec 3>kernel.pipe && truncate -s 1M fw-cut && cat kernel-large >&3' &
	timeout 60 "${one[@]}" "$@"
}
check_refused "large firmware, cut off meanwhile" 74 "firmware 'fw-cut' was changed" cut_off "$inject" measure --tech snp --vcpu-type EPYC --firmware fw-cut \
	--kernel kernel.pipe
# What comes first on the command line's way is told first, and nobody waits for a file that is of no use any more.
truncate -s 1T endless
check_refused "an endless kernel, no firmware" 74 "firmware 'nowhere'" timeout 60 "$inject" measure --tech sev --firmware nowhere --kernel endless --initrd none
check_refused "an endless initrd, no kernel" 74 "kernel 'nowhere'" timeout 60 "$inject" measure --tech sev --firmware fw --kernel nowhere --initrd endless
check_refused "an endless initrd, a firmware without metadata" 1 "would not check" timeout 60 "$inject" measure --tech snp --vcpu-type EPYC --firmware fw-no-hashes \
	--kernel kernel-large --initrd endless
check_refused "a kernel that is a folder" 74 "kernel '.'" timeout 60 "$inject" measure --tech sev --firmware fw --kernel . --initrd endless

# ---- measurements ----
keyed=(--tik tik --policy 0x3 --api 1.55 --build 24 --nonce "$nonce")
digest=$("$model" digest --tech sev --firmware fw)
want=$("$model" measurement --digest "$digest" --tik tik --policy 3 --api 1.55 --build 24 --nonce "$nonce")
check "a measurement" expect 0 "$inject" measure --tech sev "${args[@]}" "${keyed[@]}"
check "is the model's" prints "$want"
check "its policy by name" expect 0 "$inject" measure --tech sev "${args[@]}" --tik tik --policy nodbg,noks --api 1.55 --build 0x18 --nonce "$nonce"
check "is the same" prints "$want"
check "of a digest" expect 0 "$inject" measure --tech sev --launch-digest "$digest" "${keyed[@]}"
check "is the same" prints "$want"
check "--expect" expect 0 "$inject" measure --tech sev "${args[@]}" "${keyed[@]}" --expect "$want"
check "--expect brings the nonce" expect 0 "$inject" measure --tech sev "${args[@]}" "${keyed[@]:0:8}" --expect "$want"
check "--expect without the nonce" expect 0 "$inject" measure --tech sev "${args[@]}" "${keyed[@]}" \
	--expect "$(echo "$want" | base64 -d | head -c32 | base64)"
check "--expect of a digest" expect 0 "$inject" measure --tech sev "${args[@]}" --expect "$digest"
check "in base64" expect 0 "$inject" measure --tech sev "${args[@]}" --expect "$(echo "$digest" | xxd -r -p | base64)"
check "--json" expect 0 "$inject" measure --tech sev "${args[@]}" "${keyed[@]}" --expect "$want" --json
check "tells all" /usr/bin/python3 - "$digest" "$want" <<'P'
import json, sys
o = json.load(open("out"))
assert o == {"schema": "coco-measure", "version": 1, "tech": "sev", "digest": sys.argv[1], "covers": ["firmware"], "measurement": sys.argv[2], "match": True}, o
P
# The words for covers= of a policy: no kernel if the firmware does not check it.
covers() {
	local want=$1

	shift
	expect 0 "$inject" measure --json "$@" && /usr/bin/python3 -c 'import json, sys
o = json.load(open("out"))
assert ",".join(o.get("covers", ["nothing is known"])) == sys.argv[1], o' "$want"
}
for tech in sev "sev-es --vcpu-sig 1" "snp --vcpu-sig 1"; do
	# shellcheck disable=SC2086 # options
	check "covers, ${tech%% *}: firmware" covers firmware --tech $tech --firmware fw
	# shellcheck disable=SC2086
	check "covers, ${tech%% *}: kernel" covers firmware,kernel,initrd,cmdline --tech $tech --firmware fw --kernel kernel
done
check "covers, tdx: firmware" covers firmware --tech tdx --firmware fw
check "covers: a kernel that nobody checks" covers firmware --tech sev --firmware fw-no-hashes --kernel kernel --unchecked-kernel
check "covers: a digest of others" covers "nothing is known" --tech sev --launch-digest "$digest"
check "an API of 0.17" expect 0 "$inject" measure --tech sev "${args[@]}" --tik tik --policy 3 --api 0.17 --build 0 --nonce "$nonce"
check "and not of 0.16" expect 1 "$inject" measure --tech sev "${args[@]}" --tik tik --policy 3 --api 0.16 --build 0 --nonce "$nonce"
check "which is said" said "too old"

# Every bit of the expected measurement counts.
bits() {
	local i flipped

	for ((i = 0; i < 256; i += 17)); do
		flipped=$(/usr/bin/python3 -c 'import base64, sys
b = bytearray(base64.b64decode(sys.argv[1])); i = int(sys.argv[2]); b[i // 8] ^= 1 << i % 8; print(base64.b64encode(b).decode())' "$want" "$i")
		expect 1 "$inject" measure --tech sev "${args[@]}" "${keyed[@]}" --expect "$flipped" || return
	done
}
check "a flipped bit" bits

# ---- explanations ----
# explained NAME TEXT MODEL-DIGEST-ARGUMENTS... -- OUR-ARGUMENTS...: the first launch is measured where the second is
# expected.
explained() {
	local name=$1 text=$2 theirs=() policy=${policy:-7} api=${api:-1.55} build=${build:-24} m

	shift 2
	while [ "$1" != -- ]; do
		theirs+=("$1")
		shift
	done
	shift
	m=$("$model" measurement --digest "$("$model" digest --firmware fw "${theirs[@]}")" --tik tik --policy "$policy" --api "$api" --build "$build" \
		--nonce "$nonce")
	check "explained: $name" expect 1 "$inject" measure --firmware fw --tik tik --policy 7 --api 1.55 --build 24 --expect "$m" "$@"
	check "explained: $name: is said" said "$text"
}
es=(--tech sev-es --vcpus 4 --sig 0xa00f11)
our=(--tech sev-es --vcpus 4 --vcpu-type EPYC-Milan)
explained "another variant" "VMSA variant init2" "${es[@]}" --form init2 -- "${our[@]}"
explained "debugswap" "VMSA variant legacy+debugswap" "${es[@]}" --features 0x20 -- "${our[@]}"
explained "fewer CPUs" "with: 2 CPUs" --tech sev-es --vcpus 2 --sig 0xa00f11 -- "${our[@]}"
explained "more CPUs" "with: 200 CPUs" --tech sev-es --vcpus 200 --sig 0xa00f11 -- "${our[@]}"
explained "more CPUs than most have" "with: 4096 CPUs" --tech sev-es --vcpus 4096 --sig 0xa00f11 -- "${our[@]}"
explained "another CPU model" "CPU model EPYC-Genoa" --tech sev-es --vcpus 4 --sig 0xa10f10 -- "${our[@]}"
explained "two at once" "1 CPU; VMSA variant init2" --tech sev-es --vcpus 1 --sig 0xa00f11 --form init2 -- "${our[@]}"
explained "plain SEV" "plain SEV" --tech sev -- "${our[@]}"
explained "SEV-ES" "SEV-ES, with the CPUs' state" "${es[@]}" -- --tech sev
explained "pages from files, CPUs" "with: 3 CPUs" --tech sev-es --vcpus 3 --sig 0xa00f11 -- --tech sev-es --vcpus 4 --vmsa vmsa0 --vmsa vmsa1
explained "no hashes" "no kernel hashes" "${es[@]}" -- "${our[@]}" "${k[@]}"
explained "no initrd" "with: no initrd" "${es[@]}" --kernel kernel --cmdline 'root=/dev/vda1 ro' -- "${our[@]}" "${k[@]}"
explained "no command line" "with: no command line" "${es[@]}" --kernel kernel --initrd initrd -- "${our[@]}" "${k[@]}"
explained "a newline" "a newline at the end" "${es[@]}" --kernel kernel --initrd initrd --cmdline $'root=/dev/vda1 ro\n' -- "${our[@]}" "${k[@]}"
explained "a blank" "no blanks or newlines" "${es[@]}" "${k[@]}" -- "${our[@]}" --kernel kernel --initrd initrd --cmdline 'root=/dev/vda1 ro '
explained "exchanged files" "kernel and initrd exchanged" "${es[@]}" --kernel initrd --initrd kernel -- "${our[@]}" --kernel kernel --initrd initrd
explained "initrd and CPUs" "no initrd; 3 CPUs" --tech sev-es --vcpus 3 --sig 0xa00f11 --kernel kernel -- "${our[@]}" --kernel kernel --initrd initrd
explained "initrd and model" "no initrd; CPU model EPYC-Genoa" --tech sev-es --vcpus 4 --sig 0xa10f10 --kernel kernel -- "${our[@]}" \
	--kernel kernel --initrd initrd
explained "initrd and variant" "no initrd; VMSA variant init2" "${es[@]}" --form init2 --kernel kernel -- "${our[@]}" --kernel kernel --initrd initrd
policy=5 explained "policy" "policy 0x5 (nodbg,es)" "${es[@]}" -- "${our[@]}"
policy=0x07000000 explained "a policy in the wrong byte order" "policy 0x7000000" "${es[@]}" -- "${our[@]}"
build=23 explained "build" "with: build 23" "${es[@]}" -- "${our[@]}"
api=1.51 explained "API" "with: API 1.51" "${es[@]}" -- "${our[@]}"
snp_explained() {
	local name=$1 text=$2 d

	shift 2
	d=$("$model" digest --tech snp --firmware fw "$@")
	check "explained: snp: $name" expect 1 "$inject" measure --tech snp --firmware fw --vcpu-type EPYC-Milan --vcpus 2 --expect "$d" "${k[@]}"
	check "explained: snp: $name: is said" said "$text"
}
snp_explained "features" "guest features 0x21" --vcpus 2 --sig 0xa00f11 --features 0x21 "${k[@]}"
snp_explained "CPUs" "with: 5 CPUs" --vcpus 5 --sig 0xa00f11 --features 1 "${k[@]}"
snp_explained "many CPUs" "with: 4096 CPUs" --vcpus 4096 --sig 0xa00f11 --features 1 "${k[@]}"
snp_explained "secure TSC" "VMSA variant snp+securetsc" --vcpus 2 --sig 0xa00f11 --features 0x201 "${k[@]}"
snp_explained "both features" "VMSA variant snp+debugswap+securetsc" --vcpus 2 --sig 0xa00f11 --features 0x221 "${k[@]}"
snp_explained "a feature without a name" "guest features 0x9" --vcpus 2 --sig 0xa00f11 --features 9 "${k[@]}"
snp_explained "no FPU" "VMSA variant snp-no-fpu" --vcpus 2 --sig 0xa00f11 --features 1 --form legacy "${k[@]}"
snp_explained "EC2" "VMSA variant snp-ec2 (Amazon" --vcpus 2 --monitor ec2 --rdx 0x600 --features 1 "${k[@]}"
snp_explained "EC2 before 2026" "VMSA variant snp-ec2-before-2026" --vcpus 2 --monitor ec2 --rdx 0 --features 1 "${k[@]}"
snp_explained "GCE" "VMSA variant snp-gce" --vcpus 2 --monitor gce --rdx 0x600 --features 1 "${k[@]}"
for sig in "0xa00f10 Milan" "0xa10f11 Genoa" "0xaa0f02 Bergamo or Siena" "0xb00f21 Turin" "0xb10f10 Turin Dense"; do
	snp_explained "-cpu host on ${sig#* }" "CPU signature ${sig%% *} (as -cpu host has it on ${sig#* })" --vcpus 2 --sig "${sig%% *}" --features 1 "${k[@]}"
done
snp_explained "hashes" "no kernel hashes" --vcpus 2 --sig 0xa00f11 --features 1
check "explained: tdx" expect 1 "$inject" measure --tech tdx --firmware fw --expect "$("$model" digest --tech tdx --firmware fw --two-pass)"
check "explained: tdx: is said" said "two-pass"
check "--json with an explanation" expect 1 "$inject" measure --tech sev "${args[@]}" --expect "$("$model" digest "${es[@]}" --firmware fw)" --json
check "has it" /usr/bin/python3 -c 'import json
o = json.load(open("out"))
assert o["match"] is False and "SEV-ES" in o["would_match"], o'
check "another TIK" expect 1 "$inject" measure --tech sev "${args[@]}" --tik tik2 "${keyed[@]:2}" --expect "$want"
check "another TIK: is said" said "Nothing near it is"
check "another TIK: may be the cause" said "the TIK"
check "another firmware" expect 1 "$inject" measure --tech sev --firmware fw2 "${keyed[@]}" --expect "$want"
check "another firmware: is said" said "Nothing near it is"
# These cannot be told from another firmware, so no cause is named.
unexplained() {
	local name=$1 hint=$2 d

	shift 2
	d=$("$model" digest --tech snp --firmware fw --features 1 "$@")
	check "unexplained: $name" expect 1 "$inject" measure --tech snp --firmware fw --vcpu-type EPYC-Milan --vcpus 2 --expect "$d"
	check "unexplained: $name: no cause" said "a digest does not tell what differs"
	check "unexplained: $name: what may be" said "$hint"
	check "unexplained: $name: no key" bash -c '! grep -q TIK err'
	check "unexplained: $name: no claim" bash -c '! grep -q "It would be with\|another one" err'
}
unexplained "a kernel of the host's" "a kernel that the host loads and that was not given" --vcpus 2 --sig 0xa00f11 --kernel kernel
unexplained "an unknown processor" "the CPUs and their state" --vcpus 2 --sig 0x12345678
check "another nonce" expect 1 "$inject" measure --tech sev "${args[@]}" "${keyed[@]:0:8}" --nonce "$(head -c16 /dev/zero | base64)" --expect "$want"

# ---- what is refused ----
refused() { check_refused "${@:1:3}" "$inject" measure "${@:4}"; }
refused "no technology" 64 "needs --tech" "${args[@]}"
refused "an unknown one" 64 "not one of sev" --tech sgx "${args[@]}"
refused "no firmware" 64 "needed" --tech sev
refused "no such firmware" 74 "nowhere" --tech sev --firmware nowhere
refused "an empty firmware" 2 "is empty" --tech sev --firmware empty
refused "an endless firmware" 2 "64 MiB" --tech sev --firmware /dev/zero
refused "no such kernel" 74 "nowhere" --tech sev "${args[@]}" --kernel nowhere
refused "a command line without a kernel" 64 "without --kernel" --tech sev "${args[@]}" --cmdline ro
refused "an initrd without a kernel" 64 "without --kernel" --tech sev "${args[@]}" --initrd initrd
refused "two command lines" 64 "twice" --tech sev "${args[@]}" --kernel kernel --cmdline ro --cmdline-file cmdline
refused "a NUL in the command line" 2 "NUL" --tech sev "${args[@]}" --kernel kernel --cmdline-file <(printf 'a\0b')
refused "a firmware that does not check the kernel" 1 "would not check" --tech sev --firmware fw-no-hashes --kernel kernel
refused "the same for SNP" 1 "would not check" --tech snp --firmware fw-no-hashes --kernel kernel --vcpu-type EPYC
check "--unchecked-kernel" expect 0 "$inject" measure --tech sev --firmware fw-no-hashes --kernel kernel --unchecked-kernel
check "warns" said "does not check"
refused "no CPU" 64 "vcpu-type" --tech sev-es "${args[@]}"
refused "two CPUs" 64 "twice" --tech sev-es "${args[@]}" --vcpu-sig 1 --vcpu-type EPYC
refused "an unknown CPU" 64 "vcpu-sig" --tech sev-es "${args[@]}" --vcpu-type host
refused "no CPU at all" 64 "not a number from 1" --tech sev-es "${args[@]}" --vcpu-type EPYC --vcpus 0
refused "too many" 64 "not a number" --tech sev-es "${args[@]}" --vcpu-type EPYC --vcpus 4097
refused "no reset address" 1 "second CPU" --tech sev-es --firmware fw-plain --vcpu-type EPYC --vcpus 2
refused "a stepping over 15" 64 "FAMILY/MODEL/STEPPING" --tech sev-es "${args[@]}" --vcpu-sig 25/1/16
refused "half a signature" 64 "FAMILY/MODEL/STEPPING" --tech sev-es "${args[@]}" --vcpu-sig 25/1
refused "a signature over 32 bits" 64 "32 bits" --tech sev-es "${args[@]}" --vcpu-sig 0x100000000
for v in snp-ec2 snp-ec2-before-2026 snp-gce; do
	refused "a signature with $v" 64 "leave --vcpu-sig away" --tech snp "${args[@]}" --variant $v --vcpu-sig 0xa00f11
	refused "a model with $v" 64 "leave --vcpu-type away" --tech snp "${args[@]}" --variant $v --vcpu-type EPYC
done
refused "an SNP variant for ES" 64 "not one of legacy" --tech sev-es "${args[@]}" --vcpu-type EPYC --variant snp
refused "CPUs for plain SEV" 64 "sev-es" --tech sev "${args[@]}" --vcpus 2
refused "one page for two CPUs" 64 "second --vmsa" --tech sev-es "${args[@]}" --vmsa vmsa0 --vcpus 2
refused "more pages than CPUs" 64 "more VMSA pages" --tech sev-es "${args[@]}" --vmsa vmsa0 --vmsa vmsa1 --vcpus 1
refused "an invalid page" 2 "not one page" --tech sev-es "${args[@]}" --vmsa tik
refused "a page that is more" 2 "not one page" --tech sev-es "${args[@]}" --vmsa kernel
refused "pages and a model" 64 "leave" --tech sev-es "${args[@]}" --vmsa vmsa0 --vcpu-type EPYC
refused "SNP without metadata" 1 "no metadata" --tech snp --firmware fw-plain --vcpu-type EPYC
refused "SNP of half a page" 2 "whole pages" --tech snp --firmware cmdline --vcpu-type EPYC
refused "TDX without metadata" 1 "no metadata" --tech tdx --firmware fw-plain
refused "TDX with a kernel" 64 "not part of MRTD" --tech tdx "${args[@]}" --kernel kernel
refused "TDX in another order" 64 "two-pass" --tech tdx "${args[@]}" --variant legacy
refused "a TIK for SNP" 64 "of sev and sev-es" --tech snp "${args[@]}" --vcpu-type EPYC --tik tik
refused "digest and TIK" 64 "take one" --tech sev "${args[@]}" "${keyed[@]}" --digest
refused "a nonce without TIK" 64 "needs --tik" --tech sev "${args[@]}" --nonce "$nonce"
refused "no policy" 64 "needs --policy" --tech sev "${args[@]}" --tik tik --api 1.55 --build 24 --nonce "$nonce"
refused "no nonce" 64 "needs --nonce" --tech sev "${args[@]}" "${keyed[@]:0:8}"
refused "a nonce of 15 bytes" 2 "16 bytes" --tech sev "${args[@]}" "${keyed[@]:0:8}" --nonce "$(head -c15 tik | base64)"
refused "an invalid policy" 64 "neither a number" --tech sev "${args[@]}" --tik tik --policy all --api 1.55 --build 24 --nonce "$nonce"
refused "an invalid API" 64 "MAJOR.MINOR" --tech sev "${args[@]}" --tik tik --policy 3 --api 155 --build 24 --nonce "$nonce"
refused "a build over a byte" 64 "not a number" --tech sev "${args[@]}" --tik tik --policy 3 --api 1.55 --build 256 --nonce "$nonce"
refused "a TIK of 15 bytes" 2 "not 16 bytes" --tech sev "${args[@]}" --tik <(head -c15 tik) "${keyed[@]:2}"
refused "an expectation of 47 bytes" 2 "not 48 bytes" --tech sev "${args[@]}" "${keyed[@]}" --expect "$(head -c47 kernel | base64 -w0)"
refused "an invalid expected digest" 2 "hexadecimal" --tech sev "${args[@]}" --expect "$want"
refused "a digest of another length" 64 "32 bytes" --tech sev --launch-digest "$digest"00
refused "a digest and a kernel" 64 "whole launch" --tech sev --launch-digest "$digest" --kernel kernel

# ---- ID blocks ----
openssl ecparam -name secp384r1 -genkey -noout -out id.pem
openssl ecparam -name secp384r1 -genkey -noout -out author.pem
openssl ecparam -name prime256v1 -genkey -noout -out p256.pem
openssl ec -in id.pem -aes128 -passout pass:x -out locked.pem 2>/dev/null
ld=$("$model" digest --tech snp --firmware fw --sig 0xa00f11 --features 1)
cat >verify.py <<'P'
import base64, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
import hashlib
block, auth = (base64.b64decode(open(n).read()) for n in ("block", "auth"))
assert len(block) == 96 and len(auth) == 4096
assert block == bytes.fromhex(sys.argv[1]) + bytes(range(16)) + bytes(range(16, 32)) + b"\1\0\0\0\7\0\0\0" + b"\x1f\0\x03\0\0\0\0\0"
le = lambda b: int.from_bytes(b, "little")
def check(pem, signature, message, public):
    key = serialization.load_pem_private_key(open(pem, "rb").read(), None).public_key()
    n = key.public_numbers()
    assert public == b"\2\0\0\0" + n.x.to_bytes(72, "little") + n.y.to_bytes(72, "little") + bytes(880)
    key.verify(utils.encode_dss_signature(le(signature[:72]), le(signature[72:144])), message, ec.ECDSA(hashes.SHA384()))
check("id.pem", auth[0x40:0x240], block, auth[0x240:0x644])
check("author.pem", auth[0x680:0x880], auth[0x240:0x644], auth[0x880:0xc84])
o = json.load(open("out"))
assert o == {"schema": "coco-id-block", "version": 1, "launch_digest": sys.argv[1], "id_key_digest": hashlib.sha384(auth[0x240:0x644]).hexdigest(),
             "author_key_digest": hashlib.sha384(auth[0x880:0xc84]).hexdigest(), "author_key_enabled": True,
             "policy": 0x3001f, "policy_words": "smt,abi=0.31"}, o
P
id=(--launch-digest "$ld" --id-block block --id-auth auth)
check "an ID block" expect 0 "$inject" id-block "${id[@]}" --id-key id.pem --author-key author.pem --family-id 000102030405060708090a0b0c0d0e0f \
	--image-id 101112131415161718191a1b1c1d1e1f --guest-svn 7 --snp-policy 0x3001f --json
check "is right, and signed" /usr/bin/python3 verify.py "$ld"
check "what QEMU needs is said" said "policy=0x3001f and author-key-enabled=on"
check "existing files stay" expect 74 "$inject" id-block "${id[@]}" --id-key id.pem
check "--force" expect 0 "$inject" id-block "${id[@]}" --id-key id.pem --force --json
check "no author: what QEMU needs is said" said "policy=0x30000 too"
check "no author: in JSON as well" grep -q '"author_key_enabled":false,"policy":196608,"policy_words":"smt"' out
base64 -d block >block.number
check "a policy by names" expect 0 "$inject" id-block "${id[@]}" --id-key id.pem --force --snp-policy smt,abi=0.31
check "is the number" cmp -s <(base64 -d block | tail -c 8 | xxd -p) <(echo 1f00030000000000)
rm -f block auth
# shellcheck disable=SC2016 # bash -c expands
check "-: the ID block to standard output" bash -c '"$0" id-block --launch-digest "$1" --id-key id.pem --id-block - --id-auth auth 2>/dev/null >piped' "$inject" "$ld"
check "-: is the same" cmp -s <(base64 -d piped) block.number
check "-: and beside it the file" test -s auth
rm -f block auth
id_refused() {
	local name=$1 status=$2 text=$3

	shift 3
	check "id-block: $name" expect "$status" "$inject" id-block "$@"
	check "id-block: $name: is said" said "$text"
	check "id-block: $name: no file" test ! -e block -a ! -e auth
}
openssl ec -in id.pem -pubout -out public.pem 2>/dev/null
id_refused "no key" 64 "needs --id-key" "${id[@]}"
id_refused "no such key" 74 "nowhere" "${id[@]}" --id-key nowhere
id_refused "no key at all" 2 "not a private key" "${id[@]}" --id-key cmdline
id_refused "a public key" 2 "not a private key" "${id[@]}" --id-key public.pem
id_refused "a key with a passphrase" 2 "without a passphrase" "${id[@]}" --id-key locked.pem
id_refused "a key of another curve" 2 "not one of P-384" "${id[@]}" --id-key p256.pem
id_refused "an author of another curve" 2 "not one of P-384" "${id[@]}" --id-key id.pem --author-key p256.pem
id_refused "half a digest" 64 "48 bytes" --launch-digest "${ld:0:64}" --id-block block --id-auth auth --id-key id.pem
id_refused "half an ID" 64 "16 bytes" "${id[@]}" --id-key id.pem --image-id 0011
id_refused "a version over 32 bits" 64 "not a number" "${id[@]}" --id-key id.pem --guest-svn 4294967296
id_refused "both to standard output" 64 "same file" --launch-digest "$ld" --id-block - --id-auth - --id-key id.pem
id_refused "standard output beside JSON" 64 "'-' cannot go there too" --launch-digest "$ld" --id-block - --id-auth auth --id-key id.pem --json
check "nothing is printed" test ! -s out
: >auth
check "a file that is there" expect 74 "$inject" id-block --launch-digest "$ld" --id-block - --id-auth auth --id-key id.pem
check "a file that is there: nothing is printed" test ! -s out -a ! -s auth
rm -f auth
id_refused "a policy without bit 17" 64 "bit 17 must be one" "${id[@]}" --id-key id.pem --snp-policy 0x10000
id_refused "a policy with reserved bits" 64 "bits 26 to 63 must be zero" "${id[@]}" --id-key id.pem --snp-policy 0x4020000
id_refused "a policy over 64 bits" 64 "too large" "${id[@]}" --id-key id.pem --snp-policy 0x10000000000030000
id_refused "a policy of SEV's names" 64 "single-socket" "${id[@]}" --id-key id.pem --snp-policy nodbg
id_refused "a policy for debugging" 1 "in the clear" "${id[@]}" --id-key id.pem --snp-policy 0xb0000
id_refused "a policy for debugging, by name" 1 "in the clear" "${id[@]}" --id-key id.pem --snp-policy smt,debug
id_refused "one file for both" 64 "same file" --launch-digest "$ld" --id-block block --id-auth block --id-key id.pem
check "--allow-debug" expect 0 "$inject" id-block "${id[@]}" --id-key id.pem --snp-policy 0xb0000 --allow-debug
check "warns" said "the host can read everything"

# ---- packet checks the launch first ----
printf 'correct horse' >pw
head -c16 /dev/urandom >tek
shown=$("$model" measurement --digest "$("$model" digest --tech sev-es --firmware fw "${k[@]}" --vcpus 2 --sig 0xa00f11)" --tik tik --policy 7 --api 1.55 \
	--build 24 --nonce "$nonce")
packet() {
	local status=$1

	shift
	rm -f h p
	expect "$status" "$inject" packet --tek tek --tik tik --measurement "$shown" --secret luks:pw --header h --payload p --firmware "${fw:-fw}" "$@"
}
launch=("${k[@]}" --vcpus 2 --vcpu-type EPYC-Milan --policy 0x7 --api 1.55 --build 24)
check "packet: a launch that is checked" packet 0 "${launch[@]}"
check "packet: is for it" "$top_srcdir/tests/double/security-processor" --open --tek tek --tik tik --measurement "$shown" --header h --payload p
packet_refused() {
	local name=$1 status=$2 text=$3

	shift 3
	check "packet: $name" packet "$status" "$@"
	check "packet: $name: is said" said "$text"
	check "packet: $name: no file" test ! -e h -a ! -e p
}
packet_refused "another launch" 1 "It would be with: 2 CPUs" "${k[@]}" --vcpus 3 --vcpu-type EPYC-Milan --policy 0x7 --api 1.55 --build 24
packet_refused "another build" 1 "It would be with: build 24" "${k[@]}" --vcpus 2 --vcpu-type EPYC-Milan --policy 0x7 --api 1.55 --build 25
packet_refused "half of what is needed" 64 "needs --policy, --api, --build$" "${k[@]}"
packet_refused "no API" 64 "needs --api, --build$" "${k[@]}" --policy 7
packet_refused "SNP" 64 "no launch secrets" "${launch[@]}" --tech snp
fw=fw-no-hashes packet_refused "a kernel that is not checked" 1 "would not check" --policy 3 --api 1.55 --build 24 --kernel kernel
shown=$(echo "$shown" | base64 -d | head -c32 | base64)
packet_refused "no nonce" 64 "nonce" "${launch[@]}"

# ---- known answers, through the real program ----
if [ -e "$COCO_VECTORS/sev/measure/cases.json" ]; then
	cat >vectors.py <<'P'
import base64, json, os, subprocess, sys
inject, root = sys.argv[1:]
n = 0

def run(*args):
    global n
    n += 1
    p = subprocess.run([inject, "measure", *args], capture_output=True, text=True)
    return p.returncode, p.stdout.strip(), p.stderr

def files(c, folder):
    path = lambda name: "/dev/null" if name == "empty" else os.path.join(root, folder, name)    # noqa: E731
    args = ["--firmware", path(c["fw"])]
    for key in ("kernel", "initrd"):
        if c.get(key):
            args += ["--" + key, path(c[key])]
    if c.get("kernel"):
        args += ["--cmdline", c["cmdline"]]
    for page in c.get("vmsa_files", []):
        args += ["--vmsa", path(page)]
    for ours, theirs in (("--vcpus", "vcpus"), ("--vcpu-sig", "cpu_sig"), ("--vcpu-sig", "vcpu_sig"), ("--guest-features", "guest_features")):
        if theirs in c:
            args += [ours, str(c[theirs])]
    return args

for c in json.load(open(f"{root}/measure/cases.json")):
    tech = ["--tech", "sev-es" if "vcpus" in c else "sev"]
    args = files(c, "measure") if "fw" in c else ["--launch-digest", c["digest"]]
    if "vmsa" in c:
        args += ["--variant", c["vmsa"]]
    if "digest" in c and "fw" in c:
        assert run(*tech, *args, "--digest")[:2] == (0, c["digest"]), c["name"]
    open("v.tik", "wb").write(bytes.fromhex(c["tik"]))
    keyed = ["--tik", "v.tik", "--policy", str(c["policy"]), "--api", f"{c['api_major']}.{c['api_minor']}", "--build", str(c["build_id"])]
    nonce = base64.b64encode(bytes.fromhex(c["mnonce"])).decode()
    assert run(*tech, *args, *keyed, "--nonce", nonce)[:2] == (0, c["blob"]), c["name"]
    assert run(*tech, *args, *keyed, "--expect", c["blob"])[0] == 0, c["name"]
    blob = bytearray(base64.b64decode(c["blob"]))
    blob[31] ^= 1
    assert run(*tech, *args, *keyed, "--expect", base64.b64encode(blob).decode())[0] == 1, c["name"]

VMM = {"QEMU": "snp", "ec2": "snp-ec2", "gce": "snp-gce"}
for c in json.load(open(f"{root}/snp/p-cases.json")):
    mode = c.get("mode", "snp")
    args = ["--tech", {"seves": "sev-es"}.get(mode, mode)] + files(c, "snp")
    if "vmm" in c:
        args += ["--variant", VMM[c["vmm"]]]
    elif "vmsa" in c:
        args += ["--variant", c["vmsa"]]
    if "ovmf_hash" in c:
        status, out, _ = run(*args, "--vcpu-type", "EPYC", "--json")
        assert status == 0 and json.loads(out)["firmware_digest"] == c["ovmf_hash"], c["name"]
    elif "error" in c:
        status, out, err = run(*args)
        assert status == 1 and out == "" and "would not check" in err, c["name"]
    else:
        assert run(*args)[:2] == (0, c.get("ld") or c["digest"]), c["name"]

for c in json.load(open(f"{root}/tdx/t-cases.json")):
    if "fw" in c:
        args = ["--tech", "tdx"] + files(c, "tdx")
        assert run(*args)[:2] == (0, c["mrtd"])
        assert run(*args, "--variant", "two-pass")[:2] == (0, c["mrtd_two_pass"])
assert n > 80, n
P
	check "known answers" /usr/bin/python3 vectors.py "$inject" "$COCO_VECTORS/sev"
else
	skip "known answers" "the vectors are not here, see COCO_VECTORS"
fi
finish
