#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl attest: its command line, its output, and its exit statuses.  attest-tables.sh tests its verdicts.
# shellcheck disable=SC2016,SC2059,SC2317 # bash -c expands; printf writes bytes; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

cococtl=$top_builddir/cococtl
platform=$top_builddir/tests/platform/snp
platform=$(cd "$platform" && pwd) || exit 99
tdx=$(cd "$platform/../tdx" && pwd) || exit 99
field=$(cd "$COCO_VECTORS/field/attest" 2>/dev/null && pwd) || field=
cd "$work" || exit 99

# Copy the files of a case under their own names.
fetch() {
	local case=$1 files piece

	files=$(awk -F '\t' -v id="$case" '$1 == id { print $9 }' "$platform/cases.tsv")
	[ -n "$files" ] || { echo "no case $case"; exit 99; }
	for piece in ${files//;/ }; do
		cp "$platform/${piece#*=}" "${piece%%=*}"
	done
}
fetch ok-milan-vcek
fetch table-ok
awk -F '\t' '$1 == "syn" { print $3 }' "$platform/pins.tsv" >pins
evidence=(--report=report --cert=vek --cert=inter --cert=ark)
judge=("$cococtl" attest verify --type=snp "${evidence[@]}")
verify=("${judge[@]}" --trust=pins --at=2026-01-01)

# ---- command line ----
check "attest --help" expect 0 "$cococtl" attest --help
check "it has the verbs" grep -q '^  attest verify  ' out
check "attest report --help" expect 0 "$cococtl" attest report --help
check "it has its options" grep -q '^      --user-data=HEX ' out
for verb in verify fetch show; do
	check "attest $verb --help" expect 0 "$cococtl" attest "$verb" --help
	check "it has its options" grep -q '^      --report=FILE ' out
	check "it has the types" grep -q '^  snp-table ' out
done
check "attest verify --help has the policy options" bash -c '"$0" attest verify --help | grep -q "^  min_tcb "' "$cococtl"
check "--help behind other options" expect 0 "$cococtl" attest verify --type=snp --help
check "-h" expect 0 "$cococtl" attest show -h
check "a verb of secrets" expect 0 "$cococtl" secrets get --help
check "it has its arguments" grep -q '^Usage: cococtl secrets get \[OPTION\.\.\.\] NAME' out
check "a verb that is alone" expect 0 "$cococtl" status --help
check "behind -- it is a name" expect 64 "$cococtl" attest show -- --help
check "attest without a verb" expect 64 "$cococtl" attest
check "an option twice" expect 64 "${verify[@]}" --at=2026-01-01
check "it says so" said -- '--at is given twice'
check "--color=always" expect 0 "${verify[@]}" --color=always
check "colours the verdict and the checks" bash -c 'grep -q "^$(printf "\033")\[32mA[A-Z]*$(printf "\033")\[0m: " out && grep -q "^  $(printf "\033")\[32mok$(printf "\033")\[0m      " out'
sed 's/\x1b\[[0-9]*m//g' out >plain
check "--color=never, and no terminal" expect 0 "${verify[@]}" --color=never
check "is the same without" cmp out plain
check "no terminal" expect 0 "${verify[@]}"
check "has no colour by itself" cmp out plain
check "a failure" expect 4 "${verify[@]}" --color=always --set max_vmpl=0 --set min_tcb=9:9:99:9
check "is red" grep -q "^$(printf '\033')\[31mREFUSED$(printf '\033')\[0m: " out
check "--json has no colour" bash -c '! "$@" --json --color=always | grep -q "$(printf "\033")"' - "${verify[@]}"
guess=("$cococtl" attest verify --trust=pins --at=2026-01-01)
check "no type, which can be none but snp" expect 0 "${guess[@]}" "${evidence[@]}"
check "it says so" said "judged as evidence of type 'snp'$"
check "it is judged as with the type" cmp out <("${verify[@]}" 2>/dev/null)
check "no type, and too little to be accepted" expect 3 "${guess[@]}" --report=report
check "no type, and a type that must be asked for" expect 64 "${guess[@]}" --hcl=report
check "it is named" said -- '--type is missing: this fits azure-hcl, which'
check "no type, and pieces of several" expect 64 "${guess[@]}" --report=report --quote=report
check "the types are listed" said 'none of them, which are snp, snp-table, tdx, azure, azure-hcl, tpm, ccel;'
check "no evidence" expect 64 "$cococtl" attest verify
check "the types are listed" said 'There is no evidence: .* one of snp, snp-table, tdx, azure, azure-hcl, tpm, ccel,'
check "an unknown type" expect 64 "$cococtl" attest verify --type=sgx --report=report
check "an unknown option" expect 64 "${verify[@]}" --frobnicate
check "an argument" expect 64 "${verify[@]}" report
check "a piece of another type" expect 64 "$cococtl" attest verify --type=snp-table --report=report --cert-table=table --quote=report
check "a piece twice" expect 64 "${verify[@]}" --report=report
check "a file that is not there" expect 64 "$cococtl" attest verify --type=snp --report=nothing
check "it is named" said "'nothing': No such file"
head -c 20000 /dev/zero >huge
check "a report that is too long" expect 2 "$cococtl" attest verify --type=snp --report=huge
check "a report is missing" expect 3 "$cococtl" attest verify --type=snp --cert=vek
check "a table is missing" expect 3 "$cococtl" attest verify --type=snp-table --report=report
args=()
for _ in {1..65}; do args+=(--cert=ark); done
check "too many certificates" expect 64 "$cococtl" attest verify --type=snp --report=report "${args[@]}"

# ---- verdicts and their statuses ----
measured=measurement=$(printf '11%.0s' {1..48})
check "accepted" expect 0 "${verify[@]}" --set "$measured" --set covers=kernel,initrd,cmdline
check "it says so first" grep -q '^ACCEPTED: ' <(head -n 1 out)
check "an identity that may not be whole" expect 0 "${verify[@]}" --set "$measured"
check "it is accepted" grep -q '^ACCEPTED: ' <(head -n 1 out)
check "it says that cocod's gate would not be" grep -q "Mind: The policy does not say .*gate stays closed" out
check "what the host says is no identity" expect 0 "${verify[@]}" --set host_data="$(printf '22%.0s' {1..32})"
check "it is authentic" grep -q '^AUTHENTIC: ' <(head -n 1 out)
check "it says why" grep -q 'HOST_DATA and MRCONFIGID are what the host says' out
check "authentic" expect 0 "${verify[@]}"
check "it says so first" grep -q '^AUTHENTIC: ' <(head -n 1 out)
check "it says that any VM would pass" grep -q 'Mind: The policy names no identity: any VM of this kind would pass' out
check "it says that roots are replaced" grep -q 'Roots: WARNING, not the built-in ones: trust file pins$' out
check "it says what was not asked" grep -q ' Freshness was not asked for' out
check "under the built-in roots" expect 1 "$cococtl" attest verify --type=snp "${evidence[@]}" --at=2026-01-01
check "it names the failed check, and why" grep -q '^    Failed: root key is trusted (PIN)$' out
check "it says what to do" grep -q '^     To do: The root key is not trusted' out
check "it says that roots are built in" grep -q '^     Roots: built in$' out
check "refused" expect 4 "${verify[@]}" --set measurement="$(printf '00%.0s' {1..48})"
check "expected and found are there" bash -c 'grep -q "Expected: 00000000" out && grep -q "Found: 11111111" out'
head -c 100 report >short
check "malformed" expect 2 "$cococtl" attest verify --type=snp --report=short
check "no certificate: cannot be decided" expect 3 "$cococtl" attest verify --type=snp --report=report
check "it says where AMD has it" grep -q 'https://kdsintf.amd.com/vcek/v1/Milan/1011.*?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219' out
check "an extended report" expect 0 "$cococtl" attest verify --type=snp-table --report=report --cert-table=table --trust=pins --at=2026-01-01
check "the table beside a report" expect 0 "$cococtl" attest verify --type=snp --report=report --cert-table=table --trust=pins --at=2026-01-01
check "all in one PEM file" bash -c '
	for c in ark vek inter; do openssl x509 -inform der -in $c; done >all.pem &&
	"$0" attest verify --type=snp --report=report --cert=all.pem --trust=pins --at=2026-01-01' "$cococtl"

# ---- time ----
for at in 2026-01-01 2026-01-01T00:00:00Z 2026-01-01t00:00:00z "2026-01-01 12:30:00.5+01:00"; do
	check "--at=$at" expect 0 "${judge[@]}" --trust=pins --at="$at"
done
check "--at is shown in UTC" grep -q 'As of: 2026-01-01T11:30:00Z' out
for at in 2026-1-1 2026-02-30 2026-01-01T00:00:00 2026-13-01 yesterday "" 2026-01-01x 2026-01-01T25:00:00Z; do
	check "--at='$at' is refused" expect 64 "${judge[@]}" --trust=pins --at="$at"
done
check "too late" expect 1 "${judge[@]}" --trust=pins --at=2033-01-01
check "it says DATE" grep -q 'at that time (DATE)' out

# ---- trust files ----
cat pins >commented
printf '# a comment\n\n  %s  the root  \r\n' "$(cat pins)" >commented
check "trust file with comments and names" expect 0 "${judge[@]}" --at=2026-01-01 --trust=commented
check "trust file: a certificate in DER" expect 0 "${judge[@]}" --at=2026-01-01 --trust=ark
openssl x509 -inform der -in ark >ark.pem
{ echo '# two'; printf 'ab%.0s' {1..32}; echo; cat ark.pem; } >both.pem
check "trust file: PEM among digits" expect 0 "${judge[@]}" --at=2026-01-01 --trust=both.pem
check "trust file: the intermediate is no root" expect 1 "${judge[@]}" --at=2026-01-01 --trust=inter
trust_refused() {
	printf -- "$1" >bad
	expect 64 "${judge[@]}" --at=2026-01-01 --trust=bad && said "$2"
}
check "trust file: empty" trust_refused '' 'has no key'
check "trust file: only comments" trust_refused '# nothing\n' 'has no key'
check "trust file: 63 digits" trust_refused "\n$(head -c 63 pins)\n" 'line 2'
check "trust file: 65 digits" trust_refused "$(head -c 64 pins)0\n" 'line 1'
check "trust file: words" trust_refused 'AMD\n' 'line 1'
check "trust file: PEM without end" trust_refused '-----BEGIN CERTIFICATE-----\nAAAA\n' 'line 1'
check "trust file: no certificate in DER" trust_refused '0\202\001\001' 'not a certificate'
check "trust file: a control character in a name" trust_refused "$(head -c 64 pins) \033[2J\n" 'line 1'
for i in {1..33}; do printf '%064d\n' "$i"; done >many
check "trust file: too many keys" expect 64 "${judge[@]}" --at=2026-01-01 --trust=many

# ---- policy ----
cat >policy <<'P'
# identities
[Policy]
measurement = 111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111
min_tcb=4:0:24:219
; and of another kind of evidence
[tdx]
mrtd=000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
P
check "a policy file" expect 0 "${verify[@]}" --policy=policy
check "it is named" grep -q 'Policy: policy$' out
check "--set goes before it" expect 4 "${verify[@]}" --set min_tcb=4:0:25:219 --policy=policy
policy_refused() {
	printf -- "$1" >bad
	expect 64 "${verify[@]}" --policy=bad && said "$2"
}
check "policy file: an unknown option" policy_refused '[Policy]\nmeasurment=00\n' "line 2: there is no policy option 'measurment'; did you mean measurement?"
check "policy file: an option that is near to none" policy_refused '[Policy]\nxyzzy=00\n' "line 2: there is no policy option 'xyzzy'$"
check "--set: an option that is nearly one" expect 64 "${verify[@]}" --set min-tbc=1
check "it is named" said "there is no policy option 'min-tbc'; did you mean min_tcb?"
check "policy file: twice" policy_refused '[Policy]\nmax_vmpl=1\nmax_vmpl=0\n' 'line 3: '
check "policy file: in two sections" policy_refused '[Policy]\nmax_vmpl=1\n[snp]\nmax_vmpl=0\n' "line 4: 'max_vmpl' is set a second time for SEV-SNP"
check "policy file: no value" policy_refused '[Policy]\nmax_vmpl\n' 'line 2: '
check "policy file: a bad value" policy_refused '[Policy]\nmax_vmpl=-1\n' 'line 2: the value'
check "policy file: another section" policy_refused '[Other]\n' 'line 1: there is no section \[Other\]'
check "policy file: a section that is nearly right" policy_refused '[azrue]\n' 'line 1: there is no section \[azrue\]; did you mean azure?'
check "policy file: no section" policy_refused 'max_vmpl=1\n' 'line 1: '
check "policy file: a NUL byte" policy_refused '[Policy]\nmax_vmpl=1\000\n' 'line 2'
check "policy file: too long a line" policy_refused "[Policy]\nmeasurement=$(head -c 5000 /dev/zero | tr '\0' 0)\n" 'line 2'
silent() {
	printf -- "$1" >bad
	expect 4 "${verify[@]}" --policy=bad && grep -q '^    Failed: .* (POLICY)$' out
}
check "policy file: empty" silent ''
check "policy file: a comment" silent '# measurement=11\n'
check "policy file: an empty section" silent '[snp]\n'
check "policy file: of another kind" silent "[tdx]\nmrtd=$(printf '27%.0s' {1..48})\n"
check "policy file: of another kind, for all kinds" silent "[Policy]\nmrtd=$(printf '27%.0s' {1..48})\n"
check "it names the option" grep -q "mrtd says nothing about evidence of SEV-SNP" out
check "--set speaks of a kind that the file is silent about" bash -c 'printf "[tdx]\nrequire=sept\n" >bad; shift; "$@" --policy=bad >out' - - "${verify[@]}" --set "$measured"
check "but a nonce is nobody's own" bash -c 'printf "[tdx]\nrequire=sept\n" >bad; shift; "$@" --policy=bad >out; [ $? = 4 ]' - - "${verify[@]}" --nonce="$(printf '%02x' {0..63})"
for bad in "" = =x nothing=1 measurement= measurement=11 min_tcb=1:2:3 min_tcb=1:2:3:256 allow=everything max_vmpl= plat_require=xyz \
	accept=uptodate min_abi=1 pcr24=00 nonce=; do
	check "--set '$bad' is refused" expect 64 "${verify[@]}" --set "$bad"
done
for other in mrtd="$(printf '00%.0s' {1..48})" require=sept secure_boot=1 pcr0="$(printf '00%.0s' {1..32})"; do
	check "--set ${other%%=*}, which says nothing about SNP, is refused" expect 4 "${verify[@]}" --set "$other"
	check "it is named" grep -q "(POLICY)\$" out
done
check "--report-data" expect 0 "${verify[@]}" --report-data="$(printf '%02x' {0..63})"
check "--report-data that differs" expect 4 "${verify[@]}" --report-data="$(printf '%02x' {1..64})"
check "--report-data that is short" expect 64 "${verify[@]}" --report-data="$(printf '%02x' {0..62})"
check "--nonce that is a beginning only" expect 4 "${verify[@]}" --nonce="$(printf '%02x' {0..31})"
check "--nonce" expect 0 "${verify[@]}" --nonce="$(printf '%02x' {0..63})"

# A policy accepts what show prints.
shown() { "$cococtl" attest show "$@" --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["claims"]["snp.reported_tcb"])'; }
check "min_tcb as show prints it" expect 0 "${verify[@]}" --set min_tcb="$(shown --report=report)"
cp report report.3
fetch ok-version-2
case $(shown --report=report) in 0x????????????????) raw=$(shown --report=report) ;; *) raw= ;; esac
check "of version 2 too" expect 0 "${verify[@]}" --set min_tcb="$raw" --set min_launch_tcb="$raw"
check "a digit more is more" expect 4 "${verify[@]}" --set min_tcb=0xdc18000000000004
check "it is a floor" grep -q 'Expected: at least 4:0:24:220 in each component$' out
check "a component that is lower" expect 4 "${verify[@]}" --set min_tcb=0x0000000000000104
check "with a byte that means nothing" expect 4 "${verify[@]}" --set min_tcb=0x0000000001000004
check "it says so" grep -q 'Found: a floor with bytes that mean nothing there$' out
mv report.3 report

# ---- output ----
json() { /usr/bin/python3 -c "import json; v = json.load(open('out')); assert $1, v"; }
check "--json" expect 0 "${verify[@]}" --json
check "is as its schema says" schema attest-verify out
check "its verdict" json 'v["result"] == "authentic" and v["identity"] is False and v["code"] == "OK" and v["exit_status"] == 0 and v["authentic"] is True'
check "its trust" json 'v["trust"] == {"replaced": True, "source": "pins"} and v["time"] == "2026-01-01T00:00:00Z"'
check "its checks" json 'len(v["checks"]) > 30 and all(c["result"] in ("passed", "skipped") for c in v["checks"])'
check "its claims" json 'v["claims"]["snp.measurement"] == "11" * 48 and v["claims"]["snp.vmpl"] == 0 and v["claims"]["snp.policy.debug"] is False'
check "its remarks" json 'len(v["remarks"]) == 3'
check "--json, not accepted" expect 4 "${verify[@]}" --json --set max_vmpl=0 --set min_tcb=9:9:99:9
check "is as its schema says" schema attest-verify out
check "the failed check" json '[c["code"] for c in v["checks"] if c["result"] == "failed"] == ["TCB_FLOOR"] and v["code"] == "TCB_FLOOR"'
check "refused evidence has no identity" expect 4 "${verify[@]}" --json --set max_vmpl=0 --set min_tcb=9:9:99:9 --set "$measured" --set covers=kernel,initrd,cmdline
check "whatever of it was right" json 'v["identity"] is False and v["partial_identity"] is False and v["exit_status"] == 4'
check "--json before the verb" expect 0 "$cococtl" --json attest verify "${verify[@]:3}"
check "is the same" json 'v["result"] == "authentic"'
check "--json, accepted" expect 0 "${verify[@]}" --json --set "$measured" --set covers=kernel,initrd,cmdline
check "with an identity" json 'v["result"] == "accepted" and v["identity"] is True and v["partial_identity"] is False and len(v["remarks"]) == 2'
check "--json, one that may not be whole" expect 0 "${verify[@]}" --json --set "$measured"
check "is no identity yet" json 'v["result"] == "accepted" and v["identity"] is False and v["partial_identity"] is True'
check "standard output that cannot be written" bash -c '"$@" >/dev/full; [ $? = 1 ]' - "${verify[@]}"

# ---- bundles: their sender names the kind ----
part() {
	/usr/bin/python3 - "$tdx" "$1" "$2" >bundle <<'B'
import base64, csv, json, sys
folder, case, kind = sys.argv[1:]
with open(folder + "/cases.tsv") as f:
    row = next(r for r in csv.DictReader(f, delimiter="\t") if r["id"] == case)
names = {"hcl": "hcl", "log": "event-log", "quote": "quote", "attest": "tpm-attest", "sig": "tpm-signature", "pcrs": "tpm-pcrs"}
items = [{"kind": "type", "text": kind}]
for piece in row["files"].split(";"):
    name, path = piece.split("=", 1)
    if name in names:
        with open(folder + "/" + path, "rb") as f:
            data = f.read()
        items.append({"kind": names[name], "text": data.decode()} if name == "pcrs" else {"kind": names[name], "data": base64.b64encode(data).decode()})
print(json.dumps({"format": "coco-evidence", "version": 1, "made": "2026-01-01T00:00:00Z", "items": items}))
B
}
for case in hcl-ok:azure-hcl log-ok:ccel tpm-ok:tpm; do
	part "${case%:*}" "${case#*:}"
	check "a bundle of kind ${case#*:} is refused" expect 2 "$cococtl" attest verify --bundle=bundle
	check "it says which may be" said 'a bundle may be of snp, snp-table, tdx or azure'
	check "and with a policy" expect 2 "$cococtl" attest verify --bundle=bundle --policy=policy --json
done
part hcl-ok azure-hcl
check "--type=azure-hcl looks at the part" expect 0 "$cococtl" attest verify --bundle=bundle --type=azure-hcl
check "it is consistent" grep -q '^CONSISTENT: ' <(head -n 1 out)
check "it says that nobody vouches for it" grep -q 'Mind: .* no hardware vouches for it' out
check "--json" expect 0 "$cococtl" attest verify --bundle=bundle --type=azure-hcl --json
check "is not authentic" json 'v["result"] == "consistent" and v["authentic"] is False and v["identity"] is False and v["exit_status"] == 0'
check "a part by a policy that it does not fit" expect 4 "$cococtl" attest verify --bundle=bundle --type=azure-hcl --set type=4
check "is not called authentic" grep -q '^REFUSED: not as' <(head -n 1 out)
part log-ok ccel
check "--type=ccel" expect 0 "$cococtl" attest verify --bundle=bundle --type=ccel --json
check "is not authentic" json 'v["result"] == "consistent" and v["authentic"] is False'
if [ -n "$field" ]; then
	check "field: a forged bundle of an HCL report" expect 2 "$cococtl" attest verify --bundle="$field/forged-azure-hcl.bundle.json" --policy="$field/snp-only.conf"
else
	skip "field: a forged bundle of an HCL report" "the vectors are not there"
fi


# ---- bundles: their JSON ----
bundle() { printf -- "$1" >bundle; }
item='{"kind":"type","text":"snp"}'
encoded=$(base64 -w0 report)
bundle '{"format":"coco-evidence","version":1,"items":['"$item"',{"kind":"note","text":"caf\xc3\xa9"},{"kind":"report","data":"'"$encoded"'"}]}'
check "a bundle with a note that is not ASCII" expect 0 "$cococtl" attest show --bundle=bundle --json
cp out plain
bundle '\t{"items":[{"text":"s\\u006ep","kind":"ty\\u0070e"},{"kind":"note","text":"caf\\u00e9"},{"data":"'"${encoded//\//\\\\/}"'","kind":"report"}],"format":"coco-evidence",\n"version":1}\n'
check "the same with escapes" expect 0 "$cococtl" attest show --bundle=bundle --json
check "reads alike" cmp out plain
bundle_refused() {
	bundle "$1"
	expect 2 "$cococtl" attest show --bundle=bundle && said "$2"
}
check "bundle: a member twice" bundle_refused '{"format":"coco-evidence","version":1,"version":1,"items":['"$item"']}' 'a member stands twice'
check "bundle: a member twice in an item" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"type","text":"snp","text":"tdx"}]}' 'a member stands twice'
check "bundle: a name with an escape" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"type","text":"snp","te\\u0078t":"tdx"}]}' 'a member stands twice'
check "bundle: an item twice" bundle_refused '{"format":"coco-evidence","version":1,"items":['"$item,$item"']}' 'an item is there twice'
check "bundle: no UTF-8" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"note","text":"caf\xe9"}]}' 'not JSON in UTF-8'
check "bundle: NUL in a text" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"type","text":"snp\\u0000tdx"}]}' 'not in its form'
check "bundle: half a pair" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"note","text":"\\ud83d"}]}' 'not in its form'
check "bundle: something behind it" bundle_refused '{"format":"coco-evidence","version":1,"items":['"$item"']} {}' 'not JSON'
for version in 0 2 1.0 1e0 -1 '"1"' true null 18446744073709551615; do
	check "bundle: version $version" bundle_refused '{"format":"coco-evidence","version":'"$version"',"items":['"$item"']}' 'its version is not 1'
done
for version in 18446744073709551616 18446744073709551617 99999999999999999999999999; do
	check "bundle: version $version" bundle_refused '{"format":"coco-evidence","version":'"$version"',"items":['"$item"']}' 'its version is a number too large'
done
for bad in '[]' '1' '{"version":1}' '{"format":"coco-evidenc\\u0065x","version":1,"items":[]}' '{"format":1,"version":1,"items":[]}'; do
	check "bundle: $bad" bundle_refused "$bad" 'it is not a bundle of evidence'
done
check "bundle: invalid items" bundle_refused '{"format":"coco-evidence","version":1,"items":{}}' 'it has no items'
check "bundle: an invalid item" bundle_refused '{"format":"coco-evidence","version":1,"items":[1]}' 'an item is not an object'
check "bundle: an item without a kind" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"text":"snp"}]}' 'an item has no kind'
check "bundle: data that is text" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"report","text":"AAAA"}]}' 'an item has no content'
check "bundle: an item that is a policy" bundle_refused '{"format":"coco-evidence","version":1,"items":[{"kind":"policy","text":"x"}]}' 'it brings a policy'
if [ -n "$field" ]; then
	for i in ascii utf8; do
		"$cococtl" attest show --bundle="$field/bundle-$i.json" >"$i.out" 2>"$i.err"
		echo $? >>"$i.err"
		sed "s/bundle-$i/bundle/" "$i.err" >"$i.said"
	done
	check "field: ASCII and UTF-8 end alike" cmp ascii.said utf8.said
	check "field: and say alike" cmp ascii.out utf8.out
	check "field: neither is no JSON" bash -c '! grep -q JSON ascii.err utf8.err'
	check "field: a kind with an escape sequence" expect 2 "$cococtl" attest verify --bundle="$field/esc-type-bundle.json"
	check "field: is printed without" bash -c '! LC_ALL=C grep -q "[[:cntrl:]]" out err && grep -q ACCEPTED err'
else
	skip "field: bundles in ASCII and UTF-8, with an escape sequence" "the vectors are not there"
fi

# ---- show ----
check "show" expect 0 "$cococtl" attest show --report=report
check "it warns" grep -q 'unverified' out
check "it has the claims" grep -q '^  snp.reported_tcb *4:0:24:219$' out
check "show --json" expect 0 "$cococtl" attest show --report=report --cert-table=table --cert=vek --json
check "it has all of them" json 'v["claims"]["snp.vmpl"] == 0 and v["claims"]["table.VCEK.bytes"] > 1000 and v["claims"]["vek.product"] == "Milan-B0"'
check "show of what is none" expect 2 "$cococtl" attest show --report=short
check "show of nothing" expect 64 "$cococtl" attest show
check "show judges not" expect 64 "$cococtl" attest show --report=report --trust=pins

finish
