#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl attest: evidence in another form is decoded, and evidence of another kind is named.  What cannot be read is never shown
# as if it could be read.
# shellcheck disable=SC2016,SC2059,SC2317 # bash -c expands; printf writes bytes; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

cococtl=$top_builddir/cococtl
snp=$(cd "$top_builddir/tests/platform/snp" && pwd) || exit 99
tdx=$(cd "$top_builddir/tests/platform/tdx" && pwd) || exit 99
field=$(cd "$COCO_VECTORS/field/attest" 2>/dev/null && pwd) || field=
cd "$work" || exit 99

# fetch FOLDER CASE: copy the case's files under their own names.
fetch() {
	local files piece

	files=$(awk -F '\t' -v id="$2" '$1 == id { print $9 }' "$1/cases.tsv")
	[ -n "$files" ] || { echo "no case $2"; exit 99; }
	for piece in ${files//;/ }; do
		cp "$1/${piece#*=}" "${piece%%=*}"
	done
}
says() { grep -qF -e "$1" out err && return; cat out err; return 1; }
show() { "$cococtl" attest show "$@"; }
hexadecimal() { od -An -v -tx1 "$1" | tr -d ' \n'; }

fetch "$snp" table-ok
fetch "$snp" ok-milan-vcek
fetch "$tdx" ok-v5-td15
fetch "$tdx" log-ok
fetch "$tdx" hcl-ok
fetch "$tdx" tpm-ok

# ---- text ----
hexadecimal report >report.hex
fold -w 64 report.hex | tr a-f A-F >report.lines
{ printf 0x; cat report.hex; echo; } >report.0x
od -An -v -tx1 report >report.od
base64 -w 0 report >report.b64
base64 report | sed 's/$/\r/' >report.b64lines
base64 -w 0 report | tr '+/' '-_' | tr -d = >report.b64url
expect 0 show --report=report --json
cp out plain
check "--json: as its schema says" schema attest-show out
for form in hex:hexadecimal lines:hexadecimal 0x:hexadecimal od:hexadecimal b64:base64 b64lines:base64 b64url:base64; do
	check "a report in $form" expect 0 show --report="report.${form%:*}" --json
	check "it says so" says "'report.${form%:*}' is ${form#*:}"
	check "it reads alike" cmp out plain
done
hexadecimal quote >quote.hex
check "a quote as hexadecimal text" expect 0 show --quote=quote.hex
check "it says so" says "'quote.hex' is hexadecimal text: decoded"
hexadecimal vek >vek.hex
check "a certificate as hexadecimal text" expect 0 show --cert=vek.hex
hexadecimal report | sed 's/.$//' >odd
check "a digit less is no hexadecimal text" expect 2 show --report=odd
check "it is named" says 'it begins like text'
base64 -w 0 report | sed 's/..$//' >cut.b64
check "base64 that is cut off is decoded by nobody" bash -c '"$@" >out 2>err; [ $? = 2 ]' - "$cococtl" attest show --report=cut.b64
check "binary evidence is left as it is" bash -c '"$@" >out 2>err; [ $? = 0 ] && [ ! -s err ]' - "$cococtl" attest show --report=report
check "evidence in text that decodes to more than there can be" bash -c 'head -c 20000 /dev/zero | base64 >long; "$@" >out 2>err; [ $? = 2 ] && grep -q "more than 16384 bytes" err' - \
	"$cococtl" attest show --report=long
if [ -n "$field" ]; then
	check "field: a quote as hexadecimal text" expect 0 show --quote="$field/quote.hex"
	check "field: it is one" says 'tdx.mrtd'
	check "field: it can be judged" expect 3 "$cococtl" attest verify --type=tdx --quote="$field/quote.hex"
	check "field: a report in base64" expect 0 show --report="$field/report.b64"
	check "field: it is one" says 'snp.measurement'
else
	skip "field: a quote as hexadecimal text, a report in base64" "the vectors are not there"
fi

# ---- something else ----
/usr/bin/python3 - <<'P'
import struct
def put(name, data):
    with open(name, "wb") as f:
        f.write(data)
def head(version, tee):
    return struct.pack("<HHI", version, 2, tee) + bytes(8) + bytes.fromhex("939a7233f79c4ca9940a0db3957f0607") + bytes(12)
put("sgx3", head(3, 0) + bytes(1000))
put("sgx4", head(4, 0) + bytes(1000))
put("cca", head(4, 0x82) + bytes(1000))
put("tdreport", b"\x81" + bytes(1023))
def spec(kind, algs):
    data = b"Spec ID Event" + kind + b"\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(algs)) + b"".join(struct.pack("<HH", *a) for a in algs) + b"\0"
    return struct.pack("<II", 0, 3) + bytes(20) + struct.pack("<I", len(data)) + data
def event(index, digests):
    return struct.pack("<III", index, 4, len(digests)) + b"".join(struct.pack("<H", a) + bytes(n) for a, n in digests) + struct.pack("<I", 4) + bytes(4)
put("tpm256", spec(b"03", [(4, 20), (11, 32)]) + event(0, [(4, 20), (11, 32)]))
put("tpm384", spec(b"03", [(12, 48)]) + event(0, [(12, 48)]) + event(7, [(12, 48)]))
put("odd384", spec(b"03", [(12, 48)]) + event(77, [(12, 48)]))
put("oldlog", spec(b"00", []))
put("bundle", b'{"format":"coco-evidence","version":1,"items":[]}')
put("json", b'{"tcbInfo":{}}')
put("noise", bytes(i * 37 & 255 for i in range(1500)))
put("zeros", bytes(1500))
P
# named OPTION FILE WORDS: 'show' and 'verify' refuse the file and say what it is.
named() {
	check "--$1=$2 is not shown" expect 2 show "--$1=$2"
	check "it is named: $3" says "$3"
	check "it shows nothing as if it were" bash -c '! grep -qE "snp\.(version|measurement)|tdx\.mrtd|ccel\.rtmr0" out'
	check "--json, too" expect 2 show "--$1=$2" --json
}
named report quote 'it begins like a TDX quote'
named report sgx3 'it begins like a quote of an SGX enclave'
named report hcl 'it begins like an HCL report'
named report attest "it begins like a TPM's quote"
named report tdreport 'it begins like a TDREPORT, which only its own machine can judge'
named report log 'it begins like an event log'
named report table 'it begins like a certificate table of SNP'
named report vek 'it begins like DER'
named report bundle 'it begins like a bundle of evidence, which --bundle takes'
named report json 'it begins like JSON'
named report noise 'report version is known'
named report zeros 'report version is known'
named quote report 'it begins like an SNP report'
named quote sgx3 'its version is 3, which only SGX enclaves have'
named quote sgx4 'it is the quote of an SGX enclave, not of a TD'
named quote cca 'another kind of TEE'
named quote noise 'its version is neither 4 nor 5'
named event-log tpm256 "SHA-1, SHA-256 only: this may be the event log of a TPM, not of a TD"
named event-log tpm384 'register 7 in event 2: a PCR, so this is the event log of a TPM'
named event-log odd384 'register 77 in event 1'
check "which no TPM has" bash -c '! grep -q PCR out'
named event-log oldlog 'the format before the crypto agile one'
named event-log quote 'it begins like a TDX quote'
named hcl report 'it begins like an SNP report'
named hcl noise "it does not begin with 'HCLA'"
named attest hcl 'it begins like an HCL report'
named cert-table vek 'it begins like DER'
named tcb-info quote 'it begins like a TDX quote'
named qe-identity json 'it is not an object with just the document and its signature'
for piece in tcb-chain root-crl sig; do
	check "show --$piece has nothing to decode" expect 2 show "--$piece=vek"
	check "it says so" says "'show' decodes nothing of this"
done
check "verify names it too" expect 2 "$cococtl" attest verify --type=snp --report=quote
check "... as it is" says 'it begins like a TDX quote'
check "... a quote" expect 2 "$cococtl" attest verify --type=tdx --quote=sgx4
check "... of SGX" says 'it is the quote of an SGX enclave'
check "... a log" expect 2 "$cococtl" attest verify --type=ccel --event-log=tpm384
check "... of a TPM" says 'event log of a TPM'
check "fetch names it too" expect 2 "$cococtl" attest fetch --report=quote --cache=cache --offline
check "... as it is" says 'it begins like a TDX quote'
check "fetch, a quote" expect 2 "$cococtl" attest fetch --quote=report --cache=cache --offline
check "... that is invalid" says 'it begins like an SNP report'

# ---- what is newer than this program, and what is missing ----
awk -F '\t' '$1 == "syn" { print $3 }' "$snp/pins.tsv" >pins
judge() { "$cococtl" attest verify --type=snp --report=report --cert=inter --cert=ark --trust=pins --at=2026-01-01 "$@"; }
fetch "$snp" version-6-with-more
check "a report of version 6" expect 3 judge --cert=vek
check "is checked as far as it can be" bash -c 'grep -q "^  ok *report signature" out && grep -q "^  ok *certificate is for this chip" out'
check "and what is not known is said" says '6: its signature is right, and all else that was checked; what is new in it is not known'
check "nor which bytes are reserved" says 'not known for version 6'
check "no policy is asked" bash -c '! grep -q VMPL out'
check "--json: it is not authentic" bash -c '"$@" --json >out; grep -q "\"authentic\": *false" out && grep -q "\"identity\": *false" out' - \
	"$cococtl" attest verify --type=snp --report=report --cert=inter --cert=ark --cert=vek --trust=pins --at=2026-01-01 --set measurement="$(printf '11%.0s' {1..48})"
check "it is shown, and no success" expect 2 show --report=report
check "with the word" says '6: shown as if its fields were those of version 5'
fetch "$snp" version-6-changed
check "one that was changed" expect 1 judge --cert=vek
check "is not authentic" says 'report signature (SIGNATURE)'
fetch "$snp" version-256
check "version 256 is none that AMD will make soon" expect 2 judge --cert=vek
fetch "$snp" cpu-venice
check "a product without a known root key" expect 3 judge --cert=vek
check "is named, with family and model" says 'CPU family 0x1a, model 0x50, stepping 0: Venice'
check "and what is known" says 'Milan, Genoa or Turin, whose root keys are known here'
check "it is shown by that name" expect 0 show --report=report
check "as it is" grep -q '^  snp.product *Venice$' out
check "its TCB has no meaning yet" grep -qE '^  snp.reported_tcb *0x[0-9a-f]{16}$' out
check "fetch names it" expect 3 "$cococtl" attest fetch --report=report --cache=cache --offline
check "with family and model" says 'processor that is not known, family 1ah model 50h: Venice'
fetch "$snp" cpu-unknown-model
check "a CPU without a name" expect 3 judge --cert=vek
check "has its numbers" says 'CPU family 0x19, model 0x20, stepping 0'
fetch "$snp" ok-milan-vlek
check "a VLEK's report without its certificate" expect 3 judge
check "says who has it" says 'AMD gives a VLEK only to the provider'
check "and where it comes from" says 'certificate table of the extended report (--cert-table)'
fetch "$snp" ok-version-2
check "a VCEK's report that does not say of which product it is" expect 3 judge
check "says what fetch needs" says "'cococtl attest fetch' needs --product"

# ---- RTMR2, alone ----
awk -F '\t' '$1 == "syn" { print $3 }' "$tdx/pins.tsv" >pins
fetch "$tdx" ok-v4
of() { printf "$1%.0s" {1..48}; }
td() {
	"$cococtl" attest verify --type=tdx --quote=quote --tcb-info=tcbinfo --qe-identity=qeid --tcb-chain=tcb_chain --qe-chain=qe_chain --root-crl=root_crl --pck-crl=pck_crl \
		--trust=pins --at="$(awk -F '\t' '$1 == "ok-v4" { print $3 }' "$tdx/cases.tsv")" "$@"
}
hinted() { grep -q '^  - *RTMR2 alone differs: ' out; }
check "all registers are as named" expect 0 td --set mrtd="$(of 27)" --set rtmr1="$(of 32)" --set rtmr2="$(of 33)"
check "no hint" bash -c '! grep -q "RTMR2 alone" out'
check "RTMR2 alone is not" expect 4 td --set mrtd="$(of 27)" --set rtmr0="$(of 31)" --set rtmr1="$(of 32)" --set rtmr2="$(of 34)" --set rtmr3="$(of 00)"
check "the hint says what goes into it" hinted
check "and what to do" says 'To do: Compare the command line and the initrd'
check "RTMR1 is not either" expect 4 td --set mrtd="$(of 27)" --set rtmr1="$(of 35)" --set rtmr2="$(of 34)"
check "no hint, for the kernel is in question" bash -c '! grep -q "RTMR2 alone" out'
check "MRTD is not either" expect 4 td --set mrtd="$(of 28)" --set rtmr1="$(of 32)" --set rtmr2="$(of 34)"
check "no hint, for the firmware is in question" bash -c '! grep -q "RTMR2 alone" out'
check "RTMR2 is all that is named" expect 4 td --set rtmr2="$(of 34)"
check "no hint, for nothing else is known" bash -c '! grep -q "RTMR2 alone" out'
fetch "$tdx" log-ok
/usr/bin/python3 - <<'P'
# The quote of a log's machine, with something else measured into RTMR2.  It is not signed, because --type=ccel needs no signature.
data = bytearray(open("quote", "rb").read())
at = (0x36 if data[0] == 5 else 0x30) + 0x1a8
data[at:at + 48] = bytes(48)
open("quote.ima", "wb").write(data)
at -= 48
data[at:at + 48] = bytes(48)
open("quote.both", "wb").write(data)
P
check "a log that leads to the quote's registers" expect 0 "$cococtl" attest verify --type=ccel --event-log=log --quote=quote
check "one that leads to RTMR0 and RTMR1" expect 1 "$cococtl" attest verify --type=ccel --event-log=log --quote=quote.ima
check "the hint is about what came after it" grep -q 'RTMR2 alone differs: the log leads to RTMR0 and RTMR1' out
check "regs=0,1 leaves it out" expect 0 "$cococtl" attest verify --type=ccel --event-log=log --quote=quote.ima --set regs=0,1
check "one that leads to RTMR0 only" expect 1 "$cococtl" attest verify --type=ccel --event-log=log --quote=quote.both
check "no hint" bash -c '! grep -q "RTMR2 alone" out'

# ---- a body that has more ----
fetch "$tdx" body-type-4
check "a quote of body type 4" expect 3 td --set mrtd="$(of 27)"
check "is checked as far as it can be" bash -c 'grep -q "^  ok *quote signature" out && grep -q "^  ok *TDX module is Intel" out'
check "and what is not known is said" says 'one of type 4: its signatures are right; what it says of service TDs and migration beyond TD 1.5 is not judged'
check "it is shown" expect 0 show --quote=quote
check "as what it is" says 'TD 1.5 with more (type 4)'
fetch "$tdx" body-type-4-changed
check "one that was changed" expect 1 td
check "is not authentic" says 'quote signature (SIGNATURE)'

# ---- collateral ----
fetch "$tdx" ok-v5-td15
check "TCB info is shown" expect 0 show --tcb-info=tcbinfo
check "with its number" says 'tcb_info.tcb_evaluation'
check "QE identity is shown" expect 0 show --qe-identity=qeid
check "with its date" says 'qe_identity.next_update'

finish
