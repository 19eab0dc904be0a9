#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl attest: what it takes and refuses on its command line, what it prints, and how it ends.  What it says of evidence is for
# attest-tables.sh.
# shellcheck disable=SC2016,SC2059,SC2317 # bash -c expands; printf writes bytes; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

cococtl=$top_builddir/cococtl
platform=$top_builddir/tests/platform/snp
platform=$(cd "$platform" && pwd) || exit 99
cd "$work" || exit 99

# The files of a case, under their own names.
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
verify=("$cococtl" attest verify --type=snp "${evidence[@]}" --trust=pins --at=2026-01-01)

# ---- command line ----
check "attest --help" expect 0 "$cococtl" attest --help
check "it has the types" grep -q '^  snp-table ' out
check "it has the policy options" grep -q '^  min_tcb ' out
check "attest without a verb" expect 64 "$cococtl" attest
check "no type" expect 64 "$cococtl" attest verify --report=report
check "it says so" said -- '--type is missing'
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
check "accepted" expect 0 "${verify[@]}"
check "it says so first" grep -q '^ACCEPTED: ' <(head -n 1 out)
check "it says that roots are replaced" grep -q 'Roots: WARNING, not the built-in ones: trust file pins$' out
check "it says what was not asked" grep -q 'Mind: Freshness was not asked for' out
check "under the built-in roots" expect 1 "$cococtl" attest verify --type=snp "${evidence[@]}" --at=2026-01-01
check "it names the failed check, and why" grep -q '^    Failed: root key is trusted (PIN)$' out
check "it says what to do" grep -q '^     To do: The root key is none that is trusted' out
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
	check "--at=$at" expect 0 "${verify[@]}" --at="$at"
done
check "--at is shown in UTC" grep -q 'As of: 2026-01-01T11:30:00Z' out
for at in 2026-1-1 2026-02-30 2026-01-01T00:00:00 2026-13-01 yesterday "" 2026-01-01x 2026-01-01T25:00:00Z; do
	check "--at='$at' is refused" expect 64 "${verify[@]}" --at="$at"
done
check "too late" expect 1 "${verify[@]}" --at=2033-01-01
check "it says DATE" grep -q 'at that time (DATE)' out

# ---- trust files ----
cat pins >commented
printf '# a comment\n\n  %s  the root  \r\n' "$(cat pins)" >commented
check "trust file with comments and names" expect 0 "${verify[@]}" --trust=commented
check "trust file: a certificate in DER" expect 0 "${verify[@]}" --trust=ark
openssl x509 -inform der -in ark >ark.pem
{ echo '# two'; printf 'ab%.0s' {1..32}; echo; cat ark.pem; } >both.pem
check "trust file: PEM among digits" expect 0 "${verify[@]}" --trust=both.pem
check "trust file: the intermediate is no root" expect 1 "${verify[@]}" --trust=inter
trust_refused() {
	printf -- "$1" >bad
	expect 64 "${verify[@]}" --trust=bad && said "$2"
}
check "trust file: empty" trust_refused '' 'has no key'
check "trust file: only comments" trust_refused '# nothing\n' 'has no key'
check "trust file: 63 digits" trust_refused "\n$(head -c 63 pins)\n" 'line 2'
check "trust file: 65 digits" trust_refused "$(head -c 64 pins)0\n" 'line 1'
check "trust file: words" trust_refused 'AMD\n' 'line 1'
check "trust file: PEM without end" trust_refused '-----BEGIN CERTIFICATE-----\nAAAA\n' 'line 1'
check "trust file: no certificate in DER" trust_refused '0\202\001\001' 'no certificate'
check "trust file: a control character in a name" trust_refused "$(head -c 64 pins) \033[2J\n" 'line 1'
for i in {1..33}; do printf '%064d\n' "$i"; done >many
check "trust file: too many keys" expect 64 "${verify[@]}" --trust=many

# ---- policy ----
cat >policy <<'P'
# what runs there
[Policy]
measurement = 111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111
min_tcb=4:0:24:219
; and of another kind of evidence
mrtd=000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
P
check "a policy file" expect 0 "${verify[@]}" --policy=policy
check "it is named" grep -q 'Policy: policy$' out
check "--set goes before it" expect 4 "${verify[@]}" --set min_tcb=4:0:25:219 --policy=policy
policy_refused() {
	printf -- "$1" >bad
	expect 64 "${verify[@]}" --policy=bad && said "$2"
}
check "policy file: an unknown option" policy_refused 'measurment=00\n' "line 1: there is no policy option 'measurment'"
check "policy file: twice" policy_refused 'max_vmpl=1\nmax_vmpl=0\n' 'line 2: .*second time'
check "policy file: no value" policy_refused '\nmax_vmpl\n' "line 2: 'max_vmpl' is not NAME=VALUE"
check "policy file: a bad value" policy_refused 'max_vmpl=-1\n' 'line 1: the value'
check "policy file: another section" policy_refused '[Other]\n' 'line 1: the only section'
check "policy file: a NUL byte" policy_refused 'max_vmpl=1\000\n' 'line 1'
check "policy file: too long a line" policy_refused "measurement=$(head -c 5000 /dev/zero | tr '\0' 0)\n" 'line 1'
for bad in "" = =x nothing=1 measurement= measurement=11 min_tcb=1:2:3 min_tcb=1:2:3:256 allow=everything max_vmpl= plat_require=xyz \
	accept=uptodate min_abi=1 pcr24=00 nonce=; do
	check "--set '$bad' is refused" expect 64 "${verify[@]}" --set "$bad"
done
for other in mrtd="$(printf '00%.0s' {1..48})" require=sept secure_boot=1 pcr0="$(printf '00%.0s' {1..32})"; do
	check "--set ${other%%=*}, which says nothing about SNP, is refused" expect 64 "${verify[@]}" --set "$other"
done
check "--report-data" expect 0 "${verify[@]}" --report-data="$(printf '%02x' {0..63})"
check "--report-data that differs" expect 4 "${verify[@]}" --report-data="$(printf '%02x' {1..64})"
check "--report-data that is short" expect 64 "${verify[@]}" --report-data="$(printf '%02x' {0..62})"
check "--nonce that is a beginning only" expect 4 "${verify[@]}" --nonce="$(printf '%02x' {0..31})"
check "--nonce" expect 0 "${verify[@]}" --nonce="$(printf '%02x' {0..63})"

# ---- output ----
json() { /usr/bin/python3 -c "import json; v = json.load(open('out')); assert $1, v"; }
check "--json" expect 0 "${verify[@]}" --json
check "its verdict" json 'v["verdict"] == "accepted" and v["code"] == "OK" and v["status"] == 0 and v["authentic"] is True'
check "its trust" json 'v["trust"] == {"replaced": True, "source": "pins"} and v["at"] == "2026-01-01T00:00:00Z"'
check "its checks" json 'len(v["checks"]) > 30 and all(c["result"] in ("passed", "skipped") for c in v["checks"])'
check "its claims" json 'v["claims"]["snp.measurement"] == "11" * 48 and v["claims"]["snp.vmpl"] == 0 and v["claims"]["snp.policy.debug"] is False'
check "its remarks" json 'len(v["remarks"]) == 3'
check "--json, not accepted" expect 4 "${verify[@]}" --json --set max_vmpl=0 --set min_tcb=9:9:99:9
check "the failed check" json '[c["code"] for c in v["checks"] if c["result"] == "failed"] == ["TCB_FLOOR"] and v["code"] == "TCB_FLOOR"'
check "--json before the verb" expect 0 "$cococtl" --json attest verify "${verify[@]:3}"
check "is the same" json 'v["verdict"] == "accepted"'
check "standard output that cannot be written" bash -c '"$@" >/dev/full; [ $? = 1 ]' - "${verify[@]}"

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
