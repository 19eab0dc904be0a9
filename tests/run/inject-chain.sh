#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject chain: generated platforms, good and broken in every way; platforms of others; all forms of certificate
# files.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
fake=$top_srcdir/tests/double/fake-platform
vectors=$COCO_VECTORS/sev/certs
cd "$work" || exit 99

"$fake" --bits 2048 old || exit 99
"$fake" --bits 4096 new || exit 99

# field KEY VALUE: the JSON of the last expect has this value.
field() {
	/usr/bin/python3 - "$1" "$2" <<'P'
import json, sys
got = json.load(open("out")).get(sys.argv[1])
if str(got) != sys.argv[2]:
    sys.exit(f"{sys.argv[1]} is {got}")
P
}

# status_of CODE: print the exit status that belongs to a code.
status_of() {
	case $1 in
	None) echo 0 ;;
	format | conflict) echo 2 ;;
	cek-unsigned | *-missing) echo 3 ;;
	*) echo 1 ;;
	esac
}

# run_cases FOLDER: test each case in its cases.json.
run_cases() {
	/usr/bin/python3 - "$1/cases" >cases.list <<'P'
import json, sys
for c in json.load(open(sys.argv[1] + "/cases.json")):
    print(c["file"], c["reason"], "anchor" if c["anchored"] else "")
P
	check "$1: cases of every kind" test "$(wc -l <cases.list)" -ge 60
	while read -r file reason anchored; do
		check "$1: $file" expect "$(status_of "$reason")" "$inject" chain verify --json ${anchored:+--anchor "$1/ark.cert"} "$1/cases/$file"
		check "$1: $file: $reason" field code "$reason"
		if [ "$reason" != None ]; then
			check "$1: $file: what was expected is said" said "$([ "$reason" = format ] || echo "$reason")"
		fi
	done <cases.list
}
run_cases old
run_cases new

# ---- the forms ----
anchored=(--anchor new/ark.cert)
good() {
	local name=$1

	shift
	check "good: $name" expect 0 "$inject" chain verify "${anchored[@]}" "$@"
	check "good: $name: not AMD's, loudly" said "WARNING: the root key is the one of --anchor"
}
cat new/pek.cert new/oca.cert new/cek.cert >cert_chain.bin
cat new/pdh.cert new/pek.cert new/oca.cert new/cek.cert >export.bin
cat new/ask.cert new/ark.cert >ask_ark.bin
cat new/ark.cert new/ask.cert >ark_ask.bin
base64 -w0 new/pdh.cert >pdh.b64
base64 cert_chain.bin >cert_chain.b64
base64 export.bin >export.b64
base64 -w0 ask_ark.bin >ask_ark.b64
good "a folder of sev-tool" new
good "QEMU's PDH and chain, and AMD's file" new/pdh.cert cert_chain.bin ask_ark.bin
good "the same in base64" pdh.b64 cert_chain.b64 ask_ark.b64
good "sevctl's export and AMD's file" export.bin ask_ark.bin
good "the same in base64" export.b64 ask_ark.b64
good "AMD's file the other way round" export.bin ark_ask.bin
good "the ARK only as the anchor" export.bin new/ask.cert
good "given twice, the same" new export.bin
good "six files in any order" new/ark.cert new/pdh.cert new/cek.cert new/ask.cert new/pek.cert new/oca.cert
mkdir tool
cp new/pdh.cert tool/
cp cert_chain.bin tool/cert_chain.cert
cp ask_ark.bin tool/ask_ark.cert
good "a folder with cert_chain.cert and ask_ark.cert" tool
mkdir named
for c in pdh pek oca cek ask ark; do cp new/$c.cert named/some-$c; done
good "files without telling names" named/*
good "the expected OCA" new --oca new/oca.cert
good "the expected OCA in an export" new --oca export.bin
good "the exported CEK and AMD's" new/pdh.cert new/pek.cert new/oca.cert new/cek-exported.cert new/ask.cert --cek new/cek.cert
check "the fingerprint of the PDH is said" grep -q "PDH sha256:$(tail -c +17 new/pdh.cert | head -c 1028 | sha256sum | cut -c1-64)" out

bad() {
	local name=$1 status=$2 code=$3

	shift 3
	check "bad: $name" expect "$status" "$inject" chain verify --json "${anchored[@]}" "$@"
	check "bad: $name: $code" field code "$code"
}
bad "the platform's own CEK" 3 cek-unsigned new/pdh.cert new/pek.cert new/oca.cert new/cek-exported.cert new/ask.cert
check "it is said where the signed one is" said "kdsintf.amd.com"
bad "the CEK of another chip" 1 cek-mismatch new/pdh.cert new/pek.cert new/oca.cert new/cek-exported.cert new/ask.cert --cek old/cek.cert
bad "two signed CEKs" 2 conflict new --cek old/cek.cert
bad "no PDH" 3 pdh-missing cert_chain.bin ask_ark.bin
bad "no ASK" 3 ask-missing export.bin
bad "no chain" 3 cek-missing new/pdh.cert ask_ark.bin
bad "another OCA" 1 oca-other new --oca old/oca.cert
bad "another root" 1 ark-unknown old
cp new/pek.cert tool/pdh.cert
bad "a PEK in the place of the PDH" 1 pdh-usage tool
bad "two PDHs" 2 conflict new old/pdh.cert
bad "a key" 2 format new new/pdh.key.pem
bad "an invalid OCA" 2 format new --oca new/pek.cert
check "bad: an invalid anchor" expect 2 "$inject" chain verify new --anchor new/pek.cert
mkdir empty
bad "an empty folder" 2 format empty
check "without --anchor nobody is trusted" expect 1 "$inject" chain verify new
check "and it is said" said ark-unknown
check "no such file" expect 74 "$inject" chain verify nowhere
check "no file at all" expect 64 "$inject" chain verify
check "which is said" said 'needs PATH'
check "no verb" expect 64 "$inject" chain
check "which is said too" said 'another word'
check "half a verb" expect 64 "$inject" chain ver new
check "an anchor twice" expect 64 "$inject" chain verify "${anchored[@]}" "${anchored[@]}" new

# ---- show ----
check "show" expect 0 "$inject" chain show "${anchored[@]}" new
for text in 'Root: the one of --anchor' '^ark: ARK, rsa-sha384, 4096 bits' '^cek: CEK, ecdsa-sha256, P-384, API 0.14' '^pdh: PDH, ecdh-sha256, P-384, API 1.55' \
	'signed by pek: yes' 'signed by itself: yes' 'Verdict: good'; do
	check "show: $text" grep -q -e "$text" out
done
check "show of the first generation" expect 0 "$inject" chain show --anchor old/ark.cert old
check "has its sizes" grep -q '^ask: ASK, rsa-sha256, 2048 bits' out
check "show of what is broken ends well" expect 0 "$inject" chain show "${anchored[@]}" new/cases/pdh-sig-flip-r
check "and says so" grep -q 'signed by pek: NO' out
check "with a verdict" grep -q 'Verdict: failed, pdh-sig' out
check "show of a part" expect 0 "$inject" chain show cert_chain.bin
check "says what is missing" grep -q '^pdh: missing' out
check "show of an invalid key" expect 0 "$inject" chain show new/cases/pdh-zero
check "says it" grep -q 'THE KEY IS NONE' out
check "show of what is no certificate" expect 2 "$inject" chain show new/pdh.key.pem
check "show --json" expect 0 "$inject" chain show --json "${anchored[@]}" new
check "is as its schema says" schema chain out
check "has everything" /usr/bin/python3 -c 'import json, hashlib
o = json.load(open("out"))
assert o["result"] == "good" and o["product"] is None and o["root"] == "anchor", o
certs = {c["name"]: c for c in o["certificates"]}
assert sorted(certs) == ["ark", "ask", "cek", "oca", "pdh", "pek"]
assert certs["pek"]["signatures"] == [{"by": "oca", "state": "good"}, {"by": "cek", "state": "good"}]
assert certs["pdh"]["usage"] == "PDH" and certs["pdh"]["api"] == "1.55" and certs["pdh"]["key"] == "P-384"
assert certs["pdh"]["fingerprint"] == hashlib.sha256(open("new/pdh.cert", "rb").read()[0x10:0x414]).hexdigest()
ark = open("new/ark.cert", "rb").read()
assert certs["ark"]["fingerprint"] == hashlib.sha256(ark[64:64 + 1024]).hexdigest() and certs["ark"]["key_id"] == ark[4:20].hex()
assert all(c["state"] == "good" for c in o["checks"]) and len(o["checks"]) > 30'

# ---- platforms of others ----
if [ -e "$vectors/bundles/cases.json" ]; then
	/usr/bin/python3 - "$vectors/bundles/cases.json" >vectors.list <<'P'
import json, sys
for c in json.load(open(sys.argv[1])):
    print(c["file"], c.get("reason"))
P
	check "cases of others are there" test "$(wc -l <vectors.list)" -ge 21
	while read -r file reason; do
		check "others: $file" expect "$(status_of "$reason")" "$inject" chain verify --json --anchor "$vectors/syn/ark.cert" "$vectors/bundles/$file"
		check "others: $file: $reason" field code "$reason"
	done <vectors.list
	for product in naples rome; do
		check "a real chain: $product" expect 0 "$inject" chain verify --json "$vectors/$product"
		check "its product" field product "${product^}"
		check "its root" field root amd
		check "a real export: $product" expect 0 "$inject" chain verify "$vectors/bundles/ok-$product.bundle"
		check "a real QEMU's: $product" expect 0 "$inject" chain verify "$vectors/$product/pdh.cert" "$vectors/bundles/ok-$product.qmp-cert-chain" \
			"$vectors/$product/ask.cert" "$vectors/$product/ark.cert"
	done
	cat "$vectors/naples/ask.cert" "$vectors/naples/ark-nosig.cert" >ask_ark_naples.cert
	head -c 8336 "$vectors/bundles/ok-naples.bundle" >naples.export
	check "AMD's first file, whose ARK has no signature" expect 0 "$inject" chain verify naples.export ask_ark_naples.cert
	check "and no other may" expect 1 "$inject" chain verify --json naples.export <(cat "$vectors/naples/ask.cert"; head -c 576 "$vectors/syn-2048/ark.cert")
	check "forged-root" expect 1 "$inject" chain verify --json "$vectors/bundles/forged-root.bundle"
	check "forged-root: ark-unknown" field code ark-unknown
	check "bad-mixed-pdh" expect 1 "$inject" chain verify --json "$vectors/bundles/bad-mixed-pdh.bundle"
	check "bad-mixed-pdh: pdh-sig" field code pdh-sig
	check "bad-mixed-generation" expect 1 "$inject" chain verify --json "$vectors/bundles/bad-mixed-generation.bundle"
	check "bad-mixed-generation: cek-sig" field code cek-sig
	check "the old form, made by others" expect 0 "$inject" chain verify --anchor "$vectors/syn-2048/ark.cert" "$vectors/syn-2048"
	check "AMD's machine under another anchor" expect 1 "$inject" chain verify --anchor "$vectors/syn/ark.cert" "$vectors/rome"
	for product in milan genoa turin; do
		check "AMD's $product" expect 0 "$inject" chain show --json "$vectors/builtin/$product-ask.cert" "$vectors/builtin/$product-ark.cert"
		check "is $product" field product "${product^}"
	done
else
	skip "platforms of others" "no $vectors"
fi
finish
