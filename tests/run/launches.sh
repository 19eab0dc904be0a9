#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject measure: several launches at once, the CPUs' pages, standard input and output, and firmware with rare
# sections or of rare kinds.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

inject=$top_builddir/coco-inject
model=$top_srcdir/tests/double/launch-model

"$model" firmware fw
head -c 123457 /dev/urandom >kernel
head -c 300001 /dev/urandom >initrd
head -c16 /dev/urandom >tik
head -c16 /dev/urandom >tek
printf secret >pw
nonce=$(head -c16 /dev/urandom | base64)

prints() { [ "$(cat out)" = "$1" ] || { echo "printed $(cat out), not $1"; return 1; }; }
refused() { check_refused "${@:1:3}" "$inject" measure "${@:4}"; }

# ---- several launches ----
snp() { "$model" digest --tech snp --firmware fw --features 1 "$@"; }
lines=$(for sig in "0xa00f11 EPYC-Milan" "0xa10f10 epyc-genoa"; do
	for n in 1 2 3 8; do echo "$(snp --vcpus $n --sig "${sig% *}")  $n ${sig#* }"; done
done)
list=(--tech snp --firmware fw --vcpus "8,1-3" --vcpu-type EPYC-Milan --vcpu-type epyc-genoa)
check "several CPUs of two models" expect 0 "$inject" measure "${list[@]}"
check "one digest a line, each the model's" prints "$lines"
check "as JSON" expect 0 "$inject" measure "${list[@]}" --json
cat >list.py <<'P'
import json, sys
o = json.load(open("out"))
lines = [line.split() for line in sys.argv[1].split("\n")]
assert o["digests"] == [digest for digest, _, _ in lines], o
assert o["launches"] == [{"vcpus": int(n), "vcpu_type": cpu, "digest": digest} for digest, n, cpu in lines], o
assert o["tech"] == "snp" and o["covers"] == ["firmware"] and "digest" not in o and len(o["firmware_digest"]) == 96, o
P
check "is a list of reference values" /usr/bin/python3 list.py "$lines"
check "signatures" expect 0 "$inject" measure --tech sev-es --firmware fw --vcpu-sig 25/1/1 --vcpu-sig 0xa10f11
check "are named as they were given" prints "$(for sig in "0xa00f11 25/1/1" "0xa10f11 0xa10f11"; do
	echo "$("$model" digest --tech sev-es --firmware fw --sig "${sig% *}")  1 ${sig#* }"
done)"
check "as many as there may be" expect 0 "$inject" measure --tech snp --firmware fw --vcpus 1-4096 --vcpu-type EPYC-Milan
last() { [ "$(wc -l <out)" = 4096 ] && [ "$(tail -n1 out)" = "$1  4096 EPYC-Milan" ]; }
check "the last is the model's" last "$(snp --vcpus 4096 --sig 0xa00f11)"
check "a monitor's own CPUs" expect 0 "$inject" measure --tech snp --firmware fw --vcpus 1-2 --variant snp-ec2
check "have a number only" prints "$(for n in 1 2; do echo "$(snp --vcpus $n --monitor ec2 --rdx 0x600)  $n"; done)"
for n in 1 4; do "$model" digest --tech sev-es --firmware fw --vcpus $n --sig 0xa00f11; done >digests
keyed=(--tik tik --policy 7 --api 1.55 --build 24)
{ read -r one && read -r four; } <digests
measured() { "$model" measurement --digest "$1" --tik tik --policy 7 --api 1.55 --build 24 --nonce "$nonce"; }
check "measurements" expect 0 "$inject" measure --tech sev-es --firmware fw --vcpus 1,4 --vcpu-type EPYC-Milan "${keyed[@]}" --nonce "$nonce"
check "are the model's" prints "$(measured "$one")  1 EPYC-Milan
$(measured "$four")  4 EPYC-Milan"
check "one of them is expected" expect 0 "$inject" measure --tech sev-es --firmware fw --vcpus 1-8 --vcpu-type EPYC --vcpu-type EPYC-Milan "${keyed[@]}" \
	--expect "$(measured "$four")" --json
check "which is said" said "of 4 CPUs, EPYC-Milan is the expected one"
check "is as its schema says" schema measure out
check "and which one, in JSON" /usr/bin/python3 -c 'import json
o = json.load(open("out"))
assert o["match"] and [(l["vcpus"], l["vcpu_type"]) for l in o["launches"] if l["match"]] == [(4, "EPYC-Milan")], o'
check "none of them is" expect 1 "$inject" measure --tech snp --firmware fw --vcpus 2-4 --vcpu-type EPYC-Milan --expect "$(snp --vcpus 5 --sig 0xa00f11)"
check "but one beside them" said "with: 5 CPUs; CPU model EPYC-Milan"
refused "invalid numbers" 64 "1-8,16" --tech snp --firmware fw --vcpu-type EPYC --vcpus 3-2
refused "a list of nothing" 64 "1-8,16" --tech snp --firmware fw --vcpu-type EPYC --vcpus ,
refused "one unknown model of two" 64 "milan" --tech snp --firmware fw --vcpu-type EPYC --vcpu-type milan
for verb in "packet --header h --payload p --api 1.55 --build 24 --measurement $(measured "$one")" "inject --qmp nowhere"; do
	# shellcheck disable=SC2086 # options
	check "several launches: ${verb%% *}" expect 64 "$inject" $verb --tek tek --tik tik --policy 7 --secret luks:pw --firmware fw --vcpus 1-2 \
		--vcpu-type EPYC
	check "several launches: ${verb%% *}: is said" said "only measure takes several"
	# shellcheck disable=SC2086
	check "several models: ${verb%% *}" expect 64 "$inject" $verb --tek tek --tik tik --policy 7 --secret luks:pw --firmware fw --vcpu-type EPYC \
		--vcpu-type EPYC-Milan
	check "several models: ${verb%% *}: is said" said "only measure takes several"
done

# ---- the CPUs' pages ----
"$model" vmsa bsp --eip 0xfffffff0 --sig 0xa00f11 --features 1 --form init2
"$model" vmsa ap --eip 0x80b004 --sig 0xa00f11 --features 1 --form init2
cat bsp ap >both
milan=(--tech snp --firmware fw --vcpu-type EPYC-Milan)
check "pages to a file" expect 0 "$inject" measure "${milan[@]}" --vcpus 4 --dump-vmsa pages
check "beside the digest" prints "$(snp --vcpus 4 --sig 0xa00f11)"
check "are the model's" cmp pages both
check "taken back, they make the same digest" expect 0 "$inject" measure --tech snp --firmware fw --vcpus 4 --vmsa pages
check "indeed" prints "$(snp --vcpus 4 --sig 0xa00f11)"
check "one CPU has one page" expect 0 "$inject" measure "${milan[@]}" --dump-vmsa - --force
check "which is all on standard output" cmp out bsp
check "of one CPU or more, too" expect 0 "$inject" measure "${milan[@]}" --vcpus 1-4 --dump-vmsa pages --force
check "are both pages" cmp pages both
check "existing pages stay" expect 74 "$inject" measure "${milan[@]}" --dump-vmsa pages
check "as they are" cmp pages both
check "unless forced" expect 0 "$inject" measure "${milan[@]}" --dump-vmsa pages --force
check "which replaces them" cmp pages bsp
refused "pages of plain SEV" 64 "dump-vmsa" --tech sev --firmware fw --dump-vmsa -
refused "pages of TDX" 64 "dump-vmsa" --tech tdx --firmware fw --dump-vmsa -
refused "pages that were given" 64 "dump-vmsa" --tech snp --firmware fw --vmsa bsp --dump-vmsa -
refused "pages of a digest" 64 "dump-vmsa" --tech snp --launch-digest "$(snp --sig 1)" --dump-vmsa -
refused "pages of two models" 64 "one CPU model" "${milan[@]}" --vcpu-type EPYC --dump-vmsa -
refused "pages and JSON" 64 "both print" "${milan[@]}" --dump-vmsa - --json
refused "more pages than the least number of CPUs" 64 "more VMSA pages" --tech snp --firmware fw --vmsa bsp --vmsa ap --vcpus 1-4
refused "one page for several CPUs" 64 "second --vmsa" --tech snp --firmware fw --vmsa bsp --vcpus 1,2
"$model" firmware fw-no-reset --without reset
refused "no reset address for the most of them" 1 "second CPU" --tech snp --firmware fw-no-reset --vcpu-type EPYC --vcpus 1-2
# If the state of a second CPU is not known, it is not invented to explain a digest.
"$model" vmsa nowhere --eip 0 --sig 0xa00f11 --features 1 --form init2
two=$("$inject" measure --tech snp --firmware fw-no-reset --vmsa bsp --vmsa nowhere)
check "no second CPU is invented" expect 1 "$inject" measure --tech snp --firmware fw-no-reset --vcpu-type EPYC-Milan --expect "$two"
check "no cause is named" said "a digest does not tell what differs"
two=$("$inject" measure --tech snp --firmware fw --vmsa bsp --vmsa bsp)
check "nor one with the page of the first" expect 1 "$inject" measure --tech snp --firmware fw --vmsa bsp --expect "$two"
check "no cause is named" said "a digest does not tell what differs"
head -c 6000 both >half
: >empty
head -c $((4096 * 4096)) /dev/zero >most
refused "more pages than any guest has CPUs" 2 "not one page" --tech snp --firmware fw --vmsa most --vmsa bsp --vcpus 4096
refused "an empty page" 2 "not one page" --tech snp --firmware fw --vmsa bsp --vmsa empty --vcpus 2
refused "a page and a half" 2 "not one page" --tech snp --firmware fw --vmsa half
check "a full disk is told" bash -c "'$inject' measure ${milan[*]} --dump-vmsa - >/dev/full 2>err; [ \$? = 74 ]"

# ---- standard input and output ----
k=(--kernel kernel --initrd initrd --cmdline ro)
direct=$("$model" digest --tech sev --firmware fw "${k[@]}")
from() {
	local what=$1

	shift
	"$inject" measure --tech sev "$@" <"$what" >out && prints "$direct"
}
printf ro >cmdline
check "an initrd from a pipe" bash -c "cat initrd | '$inject' measure --tech sev --firmware fw --kernel kernel --cmdline ro --initrd /dev/stdin >out"
check "is the same" prints "$direct"
check "an initrd from a process" bash -c "'$inject' measure --tech sev --firmware fw --kernel kernel --cmdline ro --initrd <(cat initrd) >out"
check "is the same" prints "$direct"
check "--initrd -" from initrd --firmware fw --kernel kernel --cmdline ro --initrd -
check "--kernel -" from kernel --firmware fw --kernel - --cmdline ro --initrd initrd
check "--firmware -" from fw --firmware - "${k[@]}"
check "--cmdline-file -" from cmdline --firmware fw --kernel kernel --initrd initrd --cmdline-file -
check "--vmsa -" bash -c "'$inject' measure --tech snp --firmware fw --vcpus 4 --vmsa - <both >out"
check "is the same" prints "$(snp --vcpus 4 --sig 0xa00f11)"
refused "standard input twice" 64 "given twice" --tech sev --firmware fw --kernel - --initrd -
refused "with a key" 64 "given twice" --tech sev --firmware fw --kernel - --tik - --policy 3 --api 1.55 --build 24 --nonce "$nonce"
check "standard input twice: a secret" expect 64 "$inject" table --secret luks:- --secret online-kbc:- -o table
check "is said" said "given twice"
check "a table to standard output" bash -c "'$inject' table --secret luks:pw -o - >out && '$inject' table --secret luks:pw -o table && cmp out table"
check "which may not be full" bash -c "'$inject' table --secret luks:pw -o - >/dev/full 2>err; [ \$? = 74 ]"
/usr/bin/python3 -c 'print(" ".join(f"option.number{i}=value" for i in range(5000)), end="")' >long
check "a long command line" expect 0 "$inject" measure --tech sev --firmware fw --kernel kernel --cmdline-file long
check "is the model's" prints "$("$model" digest --tech sev --firmware fw --kernel kernel --cmdline "$(cat long)")"
head -c $((1024 * 1024 + 1)) /dev/zero | tr '\0' a >endless
refused "an endless command line" 2 "1024 KiB" --tech sev --firmware fw --kernel kernel --cmdline-file endless

# ---- IGVM files ----
"$model" igvm file.igvm --platforms 2,0
for tech in sev "sev-es --vcpu-type EPYC" "snp --vcpu-type EPYC" tdx; do
	# shellcheck disable=SC2086 # options
	refused "an IGVM file, ${tech%% *}" 2 "is an IGVM file with pages for native, snp" --tech $tech --firmware file.igvm
done
refused "one for another platform" 2 "and none for sev;" --tech sev --firmware file.igvm
refused "one from a pipe" 2 "is an IGVM file" --tech sev --firmware <(cat file.igvm)
head -c 4 file.igvm >short.igvm
refused "the beginning of one" 2 "no platform that is known" --tech sev --firmware short.igvm
{ cat file.igvm; cat fw; } >wolf
refused "one that ends as an image" 2 "is an IGVM file" --tech snp --vcpu-type EPYC --firmware wolf
check "an IGVM file is no guest's firmware for a packet" expect 2 "$inject" packet --header h --payload p --measurement "$(measured "$one")" --tek tek \
	--secret luks:pw --firmware file.igvm "${keyed[@]}" --vcpu-type EPYC
check "nor is anything written" test ! -e h -a ! -e p

# ---- sections ----
# sections NAME TECH FIRMWARE-OPTIONS -- OPTIONS...: the digest is the same as the model's.
sections() {
	local name=$1 tech=$2 options=$3 cpus=(--vcpu-type EPYC-Milan --vcpus 2) theirs=(--vcpus 2 --sig 0xa00f11 --features 1)

	shift 4
	[ "$tech" = snp ] || cpus=() theirs=()
	# shellcheck disable=SC2086 # options
	"$model" firmware fw3 $options
	check "$name" expect 0 "$inject" measure --tech "$tech" --firmware fw3 "${cpus[@]}" "$@"
	check "$name: is the model's" prints "$("$model" digest --tech "$tech" --firmware fw3 "${theirs[@]}" "$@")"
}
sections "secrets of two pages" snp "--asev 0x80d000:0x2000:2" --
check "quietly" test ! -s err
sections "CPUID of three pages" snp "--asev 0x80e000:0x3000:3" --
sections "kernel hashes of two pages" snp "--asev 0x80c000:0x2000:0x10" -- "${k[@]}"
sections "and no kernel" snp "--asev 0x80c000:0x2000:0x10" --
sections "kernel hashes that cross a page" snp "--hashes 0x80cfc0 --asev 0x80c000:0x3000:0x10" -- "${k[@]}"
refused "kernel hashes past the section" 2 "broken" --tech snp --vcpu-type EPYC --firmware <("$model" firmware fw4 --hashes 0x80cfc0 && cat fw4) "${k[@]}"
refused "kernel hashes in the second page" 2 "broken" --tech snp --vcpu-type EPYC "${k[@]}" \
	--firmware <("$model" firmware fw4 --hashes 0x80dc00 --asev 0x80c000:0x2000:0x10 && cat fw4)
for type in 0 5 15 17 4294967295; do
	sections "an SEV section of type $type" snp "--asev 0x820000:0x2000:$type" --
	check "an SEV section of type $type: is said" said "section at 0x820000 of the type $type, which is not known here"
	refused "an SEV section of type $type, GCE" 2 "what Google Compute Engine does" --tech snp --variant snp-gce --firmware fw3
	refused "an SEV section of type $type, EC2" 2 "section at 0x820000 of the type $type, and what Amazon EC2 does" --tech snp --variant snp-ec2 --firmware fw3
done
for type in 7:TD_INFO 8:TD_PARAMS; do
	sections "${type#*:} without memory" tdx "--tdvf 0:0x1000:0:0:${type%:*}:0" --
	check "${type#*:}: counts for nothing" prints "$("$model" digest --tech tdx --firmware fw3)"
	check "${type#*:}: is said" said "section ${type#*:} at 0x0: QEMU refuses such an image"
	refused "${type#*:} with memory" 2 "broken" --tech tdx --firmware <("$model" firmware fw4 --tdvf "0:0x1000:0:0x1000:${type%:*}:0" && cat fw4)
done
for type in 4:PERM_MEM 5:PAYLOAD 6:PAYLOAD_PARAM; do
	sections "a section ${type#*:}" tdx "--tdvf 0:0x1000:0x900000:0x2000:${type%:*}:1" --
	check "a section ${type#*:}: is said" said "section ${type#*:} at 0x900000: QEMU refuses such an image"
done
for type in 9 255 4294967295; do
	refused "a TDX section of type $type" 2 "section at 0x900000 of the type $type, which no loader" --tech tdx \
		--firmware <("$model" firmware fw4 --tdvf "0:0:0x900000:0x1000:$type:0" && cat fw4)
done

# ---- from the field ----
if [ -e "$COCO_VECTORS/field/inject/expect-cases.json" ]; then
	cat >field.py <<'P'
import json, shlex, subprocess, sys
inject, root = sys.argv[1:]

def run(*args):
    p = subprocess.run([inject, "measure", *args], capture_output=True, text=True, cwd=root)
    return p.returncode, p.stdout.strip(), p.stderr

said = {"secure-tsc": "0x201", "no-fpu": "snp-no-fpu", "ec2-before-2026": "snp-ec2-before-2026", "cpu-host-genoa": "0xa10f11",
        "host-had-kernel": "a digest does not tell what differs", "300-cpus": "with: 300 CPUs"}
cases = json.load(open(root + "/expect-cases.json"))
assert cases.keys() >= said.keys()
for name, c in cases.items():
    args = shlex.split(c["command"].replace("DIGEST", c["digest"]))
    assert args[:2] == ["coco-inject", "measure"]
    status, _, err = run(*args[2:])
    assert status == 1 and "another one" not in err and said.get(name, "") in err, (name, err)
    assert ("It would be with" in err) == (name != "host-had-kernel"), (name, err)
snp = ("--tech", "snp", "--firmware")
for name, want in (("tdvf-td-info-section.fd", "63fc9719309db91661a5f17752ced0260a7bf765c975f873e5b5f82107f0283fe05b53981609e48edeee26186e36f9d5"),
                   ("tdvf-payload-section.fd", "3e91e1c5f347f281ecc68e6e14b7a67053145082310c13d88fbc8c4385ea1de04cd73645187d44c01cc214b5fe67153c")):
    assert run("--tech", "tdx", "--firmware", name)[:2] == (0, want), name
assert run(*snp, "snp-amdsev195-layout.fd", "--vcpus", "4", "--vmsa", "vmsa-no-fpu-bsp.bin", "--vmsa", "vmsa-no-fpu-ap.bin")[1] == cases["no-fpu"]["digest"]
assert run(*snp, "snp-secrets-two-pages.fd", "--vcpus", "2", "--vcpu-type", "EPYC-v4")[1] == \
    "62eb6a6074d6435b2e2c9f38b6771e74c6eb5be13217686336d65ddf350b9031989e0cd4aab0a762477b81ebc6ba09f0"
assert run(*snp, "snp-hash-section-two-pages.fd", "--vcpus", "2", "--vcpu-type", "EPYC-v4", "--kernel", "/bin/true")[0] == 0
for tech in "sev", "snp":
    status, out, err = run("--tech", tech, "--firmware", "igvm-snp-small.igvm", *(["--vcpu-type", "EPYC"] if tech == "snp" else []))
    assert status == 2 and out == "" and "native, snp" in err, err
P
	check "cases from the field" /usr/bin/python3 field.py "$inject" "$COCO_VECTORS/field/inject"
else
	skip "cases from the field" "the vectors are not here, see COCO_VECTORS"
fi
finish
